from __future__ import annotations

from dataclasses import replace

from eval.shelf import Shelf
from tests.fakes import article

ONE = replace(article("one", "It rained."), id="one-1f", source="reports/One.md")
TWIN = replace(article("two", "It snowed."), id="one-2f", source="letters/one.txt")
LONE = article("lone", "The sun shone.")


def test_an_article_is_found_by_source_id_and_file_name() -> None:
    shelf = Shelf([ONE, LONE])
    assert shelf.find("reports/One.md") is ONE
    assert shelf.find("one-1f") is ONE
    assert shelf.find("one.txt") is ONE
    assert shelf.find("lone") is LONE
    assert shelf.find("two.md") is None


def test_a_file_name_that_two_have_is_no_name() -> None:
    shelf = Shelf([ONE, TWIN])
    assert shelf.find("one") is None
    assert shelf.find("letters/one.txt") is TWIN
