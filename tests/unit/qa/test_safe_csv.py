"""Tables as CSV, and cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest

from qa.feedback.safe_csv import Cell, csv_table, neutralise_formula


def test_a_table_is_csv_with_a_mark_and_quoted_where_it_must_be() -> None:
    assert csv_table(("a", "b"), [("x, y", 1), ('say "hi"\nnow', 0.5)]) == (
        '\ufeffa,b\r\n"x, y",1\r\n"say ""hi""\nnow",0.5\r\n'
    )


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u00a0=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠A1",
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("https://evil.example","x")',
    ],
)
def test_what_looks_like_a_formula_becomes_text(formula: str) -> None:
    written = csv_table((formula,), [(formula, formula)])
    (head, row) = csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline=""))
    assert head == [f"'{formula}"]
    assert row == [f"'{formula}", f"'{formula}"]


@pytest.mark.parametrize("cell", ["", "What = why?", "1-2", "a@b.example", -1, 0.5, "'=1"])
def test_what_does_not_is_left_as_it_is(cell: Cell) -> None:
    assert neutralise_formula(cell) == cell
