"""Writes CSV (RFC 4180) whose cells no spreadsheet runs as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date

Cell = str | int | float | date
# Spreadsheets read such text as a formula, also in full-width forms and after white space. Source: OWASP,
# CSV Injection.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
# Without it Excel reads UTF-8 as Windows-1252.
_BOM = "\ufeff"


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table, with a byte order mark; texts that look like formulas get a leading apostrophe."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(map(neutralise_formula, columns))
    writer.writerows([neutralise_formula(cell) for cell in row] for row in rows)
    return _BOM + output.getvalue()


def neutralise_formula(cell: Cell) -> Cell:
    """ "=1+1" becomes "'=1+1"; numbers and dates are unchanged."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
