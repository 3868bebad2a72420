from __future__ import annotations

import pytest

from corpus.cleaning.headings import dotted_heading, looks_like_heading

BODY = "The ferry has run twice a day since the bridge was closed to lorries in the spring."


@pytest.mark.parametrize(
    ("text", "after", "heading"),
    [
        ("The background", BODY, True),
        ("What happens next?", BODY, True),
        ("Further information:", "- Timetables", True),
        ("Winter service.", BODY, True),
        ("The background", "", False),
        ("The background", "Short.", False),
        ("Nobody agrees.", BODY, False),
        ("It was late.", BODY, False),
        ("- An item of a list", BODY, False),
        ("(1) A footnote with a year, 2004", BODY, False),
        ("ann@example.org", BODY, False),
        ("continues in lower case", BODY, False),
        ("A line of eleven words is too long for a heading here", BODY, False),
    ],
)
def test_headings(text: str, after: str, heading: bool) -> None:
    assert looks_like_heading(text, after) is heading


@pytest.mark.parametrize(
    ("text", "heading"), [("Pooled money.", True), ("It works.", False), ("Pooled money", False)]
)
def test_headings_with_a_full_stop(text: str, heading: bool) -> None:
    assert dotted_heading(text) is heading
