"""Draws the plots of a report with matplotlib, as inline SVG.

Without pyplot: it keeps state between figures and looks for a display.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.abstention import ConfidenceBin
from eval.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIRST, SECOND, QUIET = "#1f5fa8", "#c8641b", "#8a8f98"
_SIZE = (5.6, 3.3)  # inches; a page scales it
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a type of question called $x$ is called $x$
}


def by_type(bars: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Horizontal bars with intervals: measure -> type -> estimate, two measures at most."""
    names = list(dict.fromkeys(name for estimates in bars.values() for name in estimates))
    with _styled():
        figure, axes = _drawing(height=max(2.2, 0.8 + 0.42 * len(names)))
        places = np.arange(len(names))[::-1].astype(float)
        for number, (measure, estimates) in enumerate(bars.items()):
            at = places + (0.19, -0.19)[number]
            values = [estimates[name].value if name in estimates else 0.0 for name in names]
            axes.barh(at, values, 0.36, color=(FIRST, SECOND)[number], label=measure)
            intervals = [(y, estimates[name]) for y, name in zip(at, names, strict=True) if name in estimates]
            for y, estimate in intervals:
                if not np.isnan(estimate.low):
                    axes.plot([estimate.low, estimate.high], [y, y], color="#30343a", linewidth=1)
        axes.set_yticks(places, names)
        axes.set_xlim(0, 1)
        axes.grid(axis="y", visible=False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
        return _svg(figure, "by-type", "Measures by type of question")


def reliability_diagram(steps: Sequence[ConfidenceBin], thresholds: Mapping[str, float]) -> str:
    """Share of right first answers against confidence; the size of a dot is its number of questions."""
    with _styled():
        figure, axes = _drawing()
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
        for name, threshold in thresholds.items():
            axes.axvline(threshold, color=SECOND, linestyle=":", linewidth=1)
            axes.annotate(
                name, (threshold, 1.0), (-9, 0), textcoords="offset points", rotation=90, va="top", fontsize=8
            )
        confidence = [step.confidence for step in steps]
        share = [step.right for step in steps]
        axes.plot(confidence, share, color=FIRST, linewidth=1.2)
        axes.scatter(confidence, share, [18 + 6 * step.count for step in steps], color=FIRST, zorder=3)
        for step in steps:
            at = (step.confidence, step.right)
            axes.annotate(
                str(step.count), at, (6, -12), textcoords="offset points", color="#30343a", fontsize=8
            )
        axes.set(xlim=(0, 1), ylim=(-0.03, 1.05), xlabel="confidence", ylabel="share of right first answers")
        return _svg(figure, "reliability", "Reliability diagram")


def risk_coverage_curve(points: Sequence[tuple[float, float]], here: tuple[float, float] | None) -> str:
    """Risk against coverage; `here` is the current operating point."""
    with _styled():
        figure, axes = _drawing()
        coverage, risk = zip(*points, strict=True)
        axes.plot(coverage, risk, color=FIRST, drawstyle="steps-post")
        if here:
            axes.scatter(*here, 60, color=SECOND, zorder=3, label="as it answers now")
            axes.legend(loc="upper left")
        axes.set(xlim=(0, 1.02), ylim=(0, max(1e-9, *risk) * 1.25 or 1))
        axes.set(xlabel="share of questions answered", ylabel="share of these answered wrongly")
        return _svg(figure, "risk", "Risk-coverage curve")


def latency(seconds: Sequence[float], median: float, slow: float) -> str:
    """Histogram of the seconds per question."""
    from matplotlib.ticker import MaxNLocator

    with _styled():
        figure, axes = _drawing()
        axes.hist(np.array(seconds) * 1_000, bins=min(30, max(5, len(seconds) // 4)), color=FIRST)
        for value, label, style in ((median, "median", "-"), (slow, "95th percentile", "--")):
            text = f"{label} {1_000 * value:.0f} ms"
            axes.axvline(1_000 * value, color=SECOND, linestyle=style, label=text)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
        axes.set(xlabel="milliseconds", ylabel="questions")
        axes.set_xlim(left=0)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure, "latency", "Time per question")


@contextmanager
def _styled() -> Iterator[None]:
    from matplotlib import rc_context

    with rc_context(_STYLE):
        yield


def _drawing(height: float = _SIZE[1]) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_SIZE[0], height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an SVG element: no prolog, and only ids that are referenced."""
    from matplotlib import rc_context

    content = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = content.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    pointed = set(re.findall(r"""#([^")']+)""", svg))
    svg = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in pointed else "", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
