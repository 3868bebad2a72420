"""Turns usage statistics into tables, for the admin page and CSV, and into bar charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from qa.feedback.safe_csv import Cell
from qa.feedback.statistics import EDGES, Bin, Day, Repeated, Usage
from qa.feedback.store import Verdict
from web.i18n import Catalogue

# More bars than this are too thin to tell apart: then one bar stands for seven days.
_MOST_BARS = 92
_WEEK = 7
# More labels than this overlap: then only the first and the last bar have one.
_MOST_LABELS = 8


class Table(NamedTuple):
    """Column names and rows; `name` is its place in an address and in the catalogue."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def tables(statistics: Usage, t: Catalogue) -> dict[str, Table]:
    """Every table by name, in the page's order."""
    rows: dict[str, Sequence[tuple[Cell, ...]]] = {
        "days": [(day.day, day.questions, day.declined) for day in reversed(statistics.days)],
        "unanswered": [_repeated(question, t) for question in statistics.unanswered],
        "unopened": [_repeated(question, t) for question in statistics.unopened],
        "cited": [(article.title, article.answers, article.opened) for article in statistics.cited],
        "verdicts": [(_verdict(verdict, t), count) for verdict, count in statistics.verdicts.items()],
        "reasons": [
            (
                date.fromisoformat(reason.at[:10]),
                _verdict(Verdict(reason.verdict), t),
                reason.reason,
                reason.title,
                reason.question,
            )
            for reason in statistics.reasons
        ],
        "seconds": [(_bin_label(interval, t), interval.questions) for interval in statistics.seconds],
    }
    return {
        name: Table(name, t(f"admin.{name}"), tuple(t(f"admin.{name}.columns").split(" | ")), table_rows)
        for name, table_rows in rows.items()
    }


def _verdict(verdict: Verdict, t: Catalogue) -> str:
    return t(f"feedback.{verdict.name.lower()}")


def _repeated(question: Repeated, t: Catalogue) -> tuple[Cell, ...]:
    text = t("admin.no_text") if question.question is None else question.question
    return text, question.times, question.last


def _bin_label(interval: Bin, t: Catalogue) -> str:
    """ "up to 0.2 s", or "longer"."""
    return t("admin.longer") if interval.up_to is None else t("admin.up_to", seconds=f"{interval.up_to:g}")


def cell_kind(cell: Cell) -> str:
    """The style of a cell: "day", "text" or "number"."""
    if isinstance(cell, date):
        return "day"
    return "text" if isinstance(cell, str) else "number"


def cell_text(cell: Cell) -> str:
    """A cell as the page shows it."""
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


class Bar(NamedTuple):
    """A bar's label, its height, and how much of it is drawn filled."""

    label: str
    value: int
    part: int = 0


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars over a base line, in the units of an SVG view box; `label` describes it to a screen reader."""

    bars: Sequence[Bar]
    label: str
    caption: str = ""
    width: int = 480
    height: int = 190
    left: int = 60
    top: int = 14
    base: int = 162
    gap: float = 0.25  # of a bar's share of the width

    @property
    def axes(self) -> tuple[tuple[int, str], ...]:
        """Height and value of the upper and the lower line."""
        return (self.top, f"{self._most:,}"), (self.base, "0")

    @property
    def labels(self) -> list[dict[str, str]]:
        """Labels of all bars, or of the first and the last."""
        if len(self.bars) > _MOST_LABELS:
            ends = (self.left, "start", self.bars[0]), (self.width, "end", self.bars[-1])
            return [{"x": f"{x:.1f}", "anchor": anchor, "text": bar.label} for x, anchor, bar in ends]
        return [
            {"x": f"{self._x(number + 0.5):.1f}", "anchor": "middle", "text": bar.label}
            for number, bar in enumerate(self.bars)
        ]

    @property
    def rectangles(self) -> Iterator[dict[str, str]]:
        """Each bar ("whole"), then its filled part ("part")."""
        for number, bar in enumerate(self.bars):
            x = self._x(number + self.gap / 2)
            size = {"x": f"{x:.1f}", "width": f"{self._x(number + 1 - self.gap / 2) - x:.1f}"}
            for style, value in (("whole", bar.value), ("part", bar.part)):
                height = (self.base - self.top) * value / self._most
                if value:
                    y = self.base - height
                    yield {"style": style, **size, "y": f"{y:.1f}", "height": f"{height:.1f}"}

    @property
    def _most(self) -> int:
        return max([1, *(bar.value for bar in self.bars)])

    def _x(self, bars: float) -> float:
        """Position behind so many bars."""
        return self.left + (self.width - self.left) / max(1, len(self.bars)) * bars


def days_chart(days: Sequence[Day], t: Catalogue) -> BarChart:
    """Questions of each day, or of each seven days where days would be too thin."""
    step = 1 if len(days) <= _MOST_BARS else _WEEK
    # Weeks are counted backwards from today, so that the last bar is a whole week.
    groups = [days[max(0, end - step) : end] for end in reversed(range(len(days), 0, -step))]
    bars = [
        Bar(group[0].day.isoformat(), sum(day.questions for day in group), sum(day.declined for day in group))
        for group in groups
    ]
    key = "admin.days.plot" if step == 1 else "admin.weeks.plot"
    return BarChart(bars, t("admin.days"), t(key, most=_most(bars)))


def seconds_chart(intervals: Sequence[Bin], t: Catalogue) -> BarChart:
    """Histogram of the seconds to an answer."""
    bars = [Bar(_short(interval), interval.questions, interval.questions) for interval in intervals]
    return BarChart(bars, t("admin.seconds"), t("admin.seconds.plot", most=_most(bars)))


def _short(interval: Bin) -> str:
    """ "≤0.2", as wide as a bar."""
    return f">{EDGES[-1]:g}" if interval.up_to is None else f"≤{interval.up_to:g}"


def _most(bars: Sequence[Bar]) -> str:
    return f"{max(bar.value for bar in bars):,}"
