"""Usage as tables: one form for the page and for CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from qa.feedback import Verdict
from qa.sheet import Cell
from qa.usage import Bin, Repeated, Usage
from web.catalogue import Catalogue
from web.escape import escaped

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
