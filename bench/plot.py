"""Growth as a picture: build, search and memory over the number of passages, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.results import Part

_PANELS = {"build_s": "build, s", "search_ms": "search, ms", "rss_mb": "resident, MB"}
_COLOUR, _QUIET = "#1f5fa8", "#8a8f98"
_STYLE: dict[Any, Any] = {"axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "growth"}


def draw_growth(
    sizes: Sequence[tuple[int, Part]], exponents: Mapping[str, float], folder: Path
) -> list[Path]:
    """Write growth.svg and growth.png; their paths, none for fewer than two sizes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if len(sizes) < 2:
        return []
    with rc_context(_STYLE):
        figure = Figure(figsize=(9, 3), layout="constrained")
        for axes, (measure, label) in zip(figure.subplots(1, len(_PANELS)), _PANELS.items(), strict=True):
            _panel(axes, [(size, measures[measure]) for size, measures in sizes if measure in measures])
            slope = f", exponent {exponents[measure]:.2f}" if measure in exponents else ""
            axes.set(xscale="log", yscale="log", xlabel="passages", title=f"{label}{slope}")
            axes.set_xticks([size for size, _ in sizes], [f"{size:,}" for size, _ in sizes])
            axes.set_xticks([], minor=True)
        paths = [folder / "growth.svg", folder / "growth.png"]
        figure.savefig(paths[0], metadata={"Date": None, "Creator": None})
        figure.savefig(paths[1], dpi=150)
    return paths


def _panel(axes: Any, points: Sequence[tuple[int, Part]]) -> None:
    """Medians with their spread, and what growth in proportion would be."""
    if not points:
        return
    sizes, values = [size for size, _ in points], [measures["median"] for _, measures in points]
    below = [measures["median"] - measures["low"] for _, measures in points]
    above = [measures["high"] - measures["median"] for _, measures in points]
    axes.errorbar(sizes, values, yerr=[below, above], color=_COLOUR, marker="o", capsize=3)
    straight = [values[0] * size / sizes[0] for size in sizes]
    axes.plot(sizes, straight, color=_QUIET, linestyle="--", linewidth=1, label="in proportion")
    axes.legend(frameon=False, fontsize=8)
