"""Usage as tables: one form for the page and for CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from qa.feedback.safe_csv import Cell
from qa.feedback.statistics import Bin, Repeated, Usage
from qa.feedback.store import Verdict
from web.html import escaped
from web.i18n import Catalogue

VERDICT_KEYS = {
    Verdict.USEFUL: "feedback.useful",
    Verdict.NOT_USEFUL: "feedback.not_useful",
    Verdict.NONE: "feedback.none",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows; `name` is its place in an address and in the catalogue."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(used: Usage, words: Catalogue) -> dict[str, Table]:
    """Every table of the page, by name, in the page's order."""
    rows: dict[str, Sequence[tuple[Cell, ...]]] = {
        "days": [(day.day, day.questions, day.declined) for day in reversed(used.days)],
        "unanswered": [_repeated(one, words) for one in used.unanswered],
        "unopened": [_repeated(one, words) for one in used.unopened],
        "cited": [(one.title, one.answers, one.opened) for one in used.cited],
        "verdicts": [(words(VERDICT_KEYS[verdict]), count) for verdict, count in used.verdicts.items()],
        "reasons": [
            (
                date.fromisoformat(one.at[:10]),
                words(VERDICT_KEYS[Verdict(one.verdict)]),
                one.reason,
                one.title,
                one.question,
            )
            for one in used.reasons
        ],
        "seconds": [(bin_label(one, words), one.questions) for one in used.seconds],
    }
    return {name: _table(name, found, words) for name, found in rows.items()}


def render_table(table: Table, words: Catalogue) -> str:
    """The table as HTML, which scrolls where it is too wide, or the line that it is empty."""
    if not table.rows:
        return f'<p class="quiet">{escaped(words("admin.nothing"))}</p>'
    head = "".join(map(_heading, table.columns, table.rows[0]))
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escaped(table.title)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def bin_label(one: Bin, words: Catalogue) -> str:
    """ "up to 0.2 s", or "longer"."""
    return words("admin.longer") if one.up_to is None else words("admin.up_to", seconds=f"{one.up_to:g}")


def _table(name: str, rows: Sequence[tuple[Cell, ...]], words: Catalogue) -> Table:
    columns = tuple(words(f"admin.{name}.columns").split(" | "))
    return Table(name, words(f"admin.{name}"), columns, tuple(rows))


def _repeated(one: Repeated, words: Catalogue) -> tuple[Cell, ...]:
    question = words("admin.no_text") if one.question is None else one.question
    return question, one.times, one.last


def _heading(column: str, below: Cell) -> str:
    return f'<th scope="col" class="{_kind(below)}">{escaped(column)}</th>'


def _cell(cell: Cell) -> str:
    shown = f"{cell:,}" if isinstance(cell, int | float) else str(cell)
    return f'<td class="{_kind(cell)}">{escaped(shown)}</td>'


def _kind(cell: Cell) -> str:
    if isinstance(cell, date):
        return "day"
    return "text" if isinstance(cell, str) else "number"


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
