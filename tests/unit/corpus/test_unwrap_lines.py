from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.cleaning.unwrap_lines import unwrap

FIRST = (
    "The harbour office keeps a ledger of every boat that enters the bay, with its length, its owner and the day "
    "on which it is expected to leave. Nobody has ever counted the pages, but the clerk believes there are more "
    "than nine hundred of them."
)
SECOND = (
    "In winter the ledger is kept in a dry cupboard above the stove, because the sea air swells the paper. The "
    "clerk takes it down on the first working day of March and writes the year on a new page in red ink."
)


def wrapped(*paragraphs: str, width: int = 60, gap: bool = True) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += textwrap.wrap(paragraph, width) + ([""] if gap else [])
    return lines


@pytest.mark.parametrize("width", [40, 55, 62, 67, 72, 80, 100])
@pytest.mark.parametrize("gap", [True, False])
def test_wrapped_paragraphs_come_back_whole(width: int, gap: bool) -> None:
    assert unwrap(wrapped(FIRST, SECOND, width=width, gap=gap)) == [FIRST, SECOND]


def test_one_line_per_paragraph_stays_as_it_is() -> None:
    assert unwrap([FIRST, SECOND, "", FIRST]) == [FIRST, SECOND, FIRST]


def test_a_list_of_short_lines_is_not_joined() -> None:
    names = ["Ann Lee", "Bo Ek", "Cy Young", "Di Marsh", "Ed Moss"]
    assert unwrap(names) == names


def test_a_heading_below_a_full_last_line_stands_alone() -> None:
    lines = wrapped(FIRST, gap=False)
    full = lines[-1] + " " + "x" * (59 - len(lines[-1]) - 1)
    lines[-1] = full[:58] + "."
    found = unwrap([*lines, "Harbour rules.", *wrapped(SECOND, gap=False)])
    assert found[1:] == ["Harbour rules.", SECOND]


def test_list_items_stay_apart_and_keep_their_wrapped_lines() -> None:
    items = [
        "- the first item is long enough to be wrapped over two lines of text;",
        "- the second item is shorter;",
        "- and the third ends the list with a sentence that is wrapped as well.",
    ]
    assert unwrap(["You need:", *wrapped(*items, width=50, gap=False), "", *wrapped(FIRST, width=50)]) == [
        "You need:",
        *items,
        FIRST,
    ]


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        (
            "The form is at www.example.org/",
            "forms/boat.html and is free.",
            "www.example.org/forms/boat.html and",
        ),
        ("Look it up at www.harbour", "office.example.org today.", "www.harbouroffice.example.org today"),
        ("Look it up at www.example.org", "tomorrow at noon.", "www.example.org tomorrow"),
        ("They agreed on a step-by-", "step plan for the bay.", "step-by-step plan"),
        ("The plan – in short –", "is to wait.", "in short – is to wait"),
    ],
)
def test_what_a_wrap_broke_is_joined_without_inventing_a_space(before: str, after: str, whole: str) -> None:
    filled = "x" * (59 - len(before)) + " " + before
    found = unwrap([*wrapped(FIRST, SECOND, width=60), filled, after])
    assert whole in found[-1]


def test_items_run_together_by_a_scraper_come_apart_behind_an_address() -> None:
    run_on = "- Tide tables are at www.example.org/tides - Forms are at www.example.org/forms"
    assert unwrap([*wrapped(FIRST, width=60), *textwrap.wrap(run_on, 60)])[1:] == [
        "- Tide tables are at www.example.org/tides",
        "- Forms are at www.example.org/forms",
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=90), max_size=12))
def test_no_character_is_lost_or_invented(lines: list[str]) -> None:
    before = "".join("".join(line.split()) for line in lines)
    assert "".join("".join(paragraph.split()) for paragraph in unwrap(lines)) == before
