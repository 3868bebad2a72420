"""Bars as SVG that stands inside a page: no style, no script, colours by class, texts a screen reader says.

Drawn 480 wide for any number of bars; the page scales it. The numbers are in a table beside every plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.escape import escaped

_WIDTH, _HEIGHT = 480, 190
_LEFT, _TOP, _BOTTOM = 60, 14, 28
_GAP = 0.25  # of a bar's place
# As many labels as stand side by side under the bars.
_LABELS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar's label, its height, and how much of it is drawn filled."""

    label: str
    value: int
    part: int = 0


def bars(drawn: Sequence[Bar], label: str) -> str:
    """The plot; `label` says what it shows, for who does not see it."""
    most = max([1, *(bar.value for bar in drawn)])
    spoken = escaped(label)
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{spoken}">'
        f"{_axes(most)}{''.join(_bar(number, bar, (len(drawn), most)) for number, bar in enumerate(drawn))}"
        f"{_labels([bar.label for bar in drawn])}</svg>"
    )


def _axes(most: int) -> str:
    return "".join(
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{y}" y2="{y}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 5}" text-anchor="end">{value:,}</text>'
        for y, value in ((_TOP, most), (_HEIGHT - _BOTTOM, 0))
    )


def _bar(number: int, bar: Bar, scale: tuple[int, int]) -> str:
    count, most = scale
    place = (_WIDTH - _LEFT) / count
    x, width = _LEFT + place * (number + _GAP / 2), place * (1 - _GAP)
    drawn = ""
    for name, value in (("whole", bar.value), ("part", bar.part)):
        if value:
            height = (_HEIGHT - _TOP - _BOTTOM) * value / most
            y = _HEIGHT - _BOTTOM - height
            drawn += (
                f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
            )
    return drawn


def _labels(labels: Sequence[str]) -> str:
    """Under each bar, or under the first and the last where they would not fit."""
    place = (_WIDTH - _LEFT) / max(1, len(labels))
    y = _HEIGHT - _BOTTOM + 19
    if len(labels) <= _LABELS:
        at = [(_LEFT + place * (number + 0.5), "middle", text) for number, text in enumerate(labels)]
    else:
        at = [(_LEFT, "start", labels[0]), (_WIDTH, "end", labels[-1])]
    return "".join(
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escaped(text)}</text>' for x, anchor, text in at
    )
