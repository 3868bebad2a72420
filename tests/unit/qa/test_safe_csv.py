"""Tables as CSV, and cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.feedback.safe_csv import Cell, csv_table, neutralise_formula


def test_a_table_is_csv_with_a_mark_and_every_field_in_quotes() -> None:
    assert csv_table(("a", "b"), [("x, y", 1), ('say "hi"\nnow', 0.5)]) == (
        '\ufeff"a","b"\r\n"x, y","1"\r\n"say ""hi""\nnow","0.5"\r\n'
    )


FORMULA = re.compile(r'[\s"]*[=+\-@＝＋－＠]')


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\t'=1"),
        ("\r=1", "\r'=1"),
        ("\n=1", "\n'=1"),
        ("  =1", "  '=1"),
        ("\u00a0=1", "\u00a0'=1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠A1", "'＠A1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ('=HYPERLINK("https://evil.example","x")', '\'=HYPERLINK("https://evil.example","x")'),
        ("Quays;=cmd", "Quays;'=cmd"),
        ("Quays; =cmd", "Quays; '=cmd"),
        ("Quays\t@A1", "Quays\t'@A1"),
        ("Quays|-1", "Quays|'-1"),
        ("Quays\n=1\r\n+2", "Quays\n'=1\r\n'+2"),
        ('Quays;"=cmd"', 'Quays;"\'=cmd"'),
        ("Quays;;\t=1", "Quays;;\t'=1"),
    ],
)
def test_what_looks_like_a_formula_becomes_text(text: str, written: str) -> None:
    assert neutralise_formula(text) == written
    table = csv_table((text,), [(text, text)])
    (head, row) = csv.reader(io.StringIO(table.removeprefix("\ufeff"), newline=""))
    assert (head, row) == ([written], [written, written])


@given(st.lists(st.text(st.sampled_from('a =+-@;|,\t\r\n"')), min_size=2, max_size=4))
def test_no_cell_is_a_formula_whatever_a_spreadsheet_splits_at(cells: list[str]) -> None:
    table = csv_table(("a",), [cells]).removeprefix("\ufeff")
    for separator in (",", ";", "\t", "|"):
        read = csv.reader(io.StringIO(table, newline=""), delimiter=separator)
        assert not [cell for row in read for cell in row if FORMULA.match(cell)], separator


@pytest.mark.parametrize(
    "cell", ["", "What = why?", "1-2", "a@b.example", "a; b - c", "x, -5 degrees", -1, 0.5, "'=1"]
)
def test_what_does_not_is_left_as_it_is(cell: Cell) -> None:
    assert neutralise_formula(cell) == cell


def test_a_long_text_of_separators_is_read_once() -> None:
    """No start of the expression reads a run of separators again: another million costs the same."""
    assert neutralise_formula(";\t\n " * 250_000 + "x") == ";\t\n " * 250_000 + "x"
