"""Tables as CSV (RFC 4180) that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date

Cell = str | int | float | date
# Spreadsheets take a text that begins so for a formula, in full-width forms too, and pass over blanks before
# it. Source: OWASP, CSV Injection.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
# Without it Excel reads UTF-8 as Windows-1252.
_MARK = "\ufeff"


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table, with a byte order mark; texts that look like formulas get a ' in front."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(map(neutralise_formula, columns))
    writer.writerows([neutralise_formula(cell) for cell in row] for row in rows)
    return _MARK + written.getvalue()


def neutralise_formula(cell: Cell) -> Cell:
    """ "=1+1" becomes "'=1+1"; numbers and days stay what they are."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
