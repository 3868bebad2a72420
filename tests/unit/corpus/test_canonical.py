from __future__ import annotations

import hashlib

from corpus.cleaning.canonical import finish
from corpus.draft import Block, Draft, Kind, Metadata


def test_the_text_is_paragraphs_with_the_title_first() -> None:
    draft = Draft(
        (Block("One\u00a0 line"), Block("Rules", Kind.HEADING), Block(" \n"), Block("cafe\u0301 \x07ok")),
        Metadata(title="T"),
    )
    article = finish(draft, "folder/My File.md")
    assert article.text == "T\n\nOne line\n\nRules\n\ncafé ok"
    assert [article.text[start:end] for start, end in article.headings] == ["T", "Rules"]
    assert article.sha256 == hashlib.sha256(article.text.encode()).hexdigest()
    assert article.source == "folder/My File.md"


def test_a_title_that_stands_in_the_text_is_not_doubled() -> None:
    draft = Draft(
        (Block("Ann Lee"), Block("Rules", Kind.HEADING), Block("Keep left.")), Metadata(title="Rules")
    )
    assert finish(draft, "a.md").text == "Ann Lee\n\nRules\n\nKeep left."


def test_a_field_that_pages_list_is_cut_and_the_text_is_not() -> None:
    title = "word " * 1_000_000 + "end"
    article = finish(
        Draft((Block(title, Kind.HEADING),), Metadata(title, url="https://a/" + "b" * 2_000)), "a.md"
    )
    assert article.title == title[:1_999]
    assert article.url == ""
    assert article.text == title
    assert article.headings == ((0, len(title)),)


def test_ids_are_readable_stable_and_differ_by_folder() -> None:
    ids = [
        finish(Draft((Block("x"),)), source).id
        for source in ("a/Report 6.md", "b/Report 6.md", "a/Report 6.md")
    ]
    assert ids[0] == ids[2] != ids[1]
    assert ids[0].startswith("report-6-")
    assert finish(Draft((Block("x"),)), "报告.md").id


def test_an_empty_draft_is_an_empty_text() -> None:
    assert finish(Draft(()), "a.md").text == ""


def test_what_is_unseen_does_not_part_a_letter_from_its_accent() -> None:
    assert finish(Draft((Block("cafe\u00ad\u0301 ok"),)), "a.md").text == "café ok"
