"""Writes CSV (RFC 4180) whose cells no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date

Cell = str | int | float | date
# Spreadsheets read a text that begins so as a formula, also in full-width forms, and split a file at other
# separators than the comma where the locale has another. Source: OWASP, CSV Injection. The sign is optional,
# so that a run of separators matches as a whole and is not read again from each of them.
_CELL_START = re.compile(r'(?:^|[;|\t\r\n])[\s"]*+([=+\-@＝＋－＠]?)')
# Without it Excel reads UTF-8 as Windows-1252.
_BOM = "\ufeff"


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table, with a byte order mark every field in quotes and formulas neutralised."""
    output = io.StringIO()
    writer = csv.writer(output, quoting=csv.QUOTE_ALL)
    writer.writerows([neutralise_formula(cell) for cell in row] for row in (columns, *rows))
    return _BOM + output.getvalue()


def neutralise_formula(cell: Cell) -> Cell:
    """ "=1+1" becomes "'=1+1", "a;=b" becomes "a;'=b"; numbers and dates are unchanged."""
    return _CELL_START.sub(_neutralised, cell) if isinstance(cell, str) else cell


def _neutralised(start: re.Match[str]) -> str:
    return f"{start[0][:-1]}'{start[1]}" if start[1] else start[0]
