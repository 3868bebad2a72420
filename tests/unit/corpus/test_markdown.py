from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Unreadable
from corpus.cleaning.canonical import finish
from corpus.draft import Block, Kind, Metadata
from corpus.formats.markdown import markdown_draft


def texts(markdown: str) -> list[str]:
    return [block.text for block in markdown_draft(markdown).blocks]


def test_front_matter_gives_the_facts_and_the_rest_stays_metadata() -> None:
    draft = markdown_draft(
        "---\n"
        "title: 'A purse: for ten'\n"
        "authors:\n  - Ada Marsh\n  - {name: Ben Hill, town: Leeds}\n"
        "source: The Northern Ledger\n"
        "date: 2004-05-13T09:00:00Z\n"
        "link: https://ledger.example/purse\n"
        "questions:\n  - Who pays?\n  - What for: staff?\n"
        "place: {town: Leeds, county: Yorkshire}\n"
        "read: No\n"
        "number: 0012\n"
        "empty:\n"
        "---\n\nTen areas share one purse.\n"
    )
    assert draft.facts == Metadata(
        title="A purse: for ten",
        author="Ada Marsh, Ben Hill",
        publisher="The Northern Ledger",
        published="2004-05-13",
        url="https://ledger.example/purse",
    )
    assert dict(draft.metadata) == {
        "questions": "Who pays?\nWhat for: staff?",
        "place": "town: Leeds\ncounty: Yorkshire",
        "read": "No",
        "number": "0012",
    }
    assert draft.blocks == (Block("Ten areas share one purse."),)
    assert not draft.loose


@pytest.mark.parametrize(
    ("written", "published", "metadata"),
    [
        ("2004", "2004", {}),
        ("2004-05", "2004-05", {}),
        ("2004-05-13 09:30", "2004-05-13", {}),
        ("13 May 2004", "2004-05-13", {}),
        ("May 3, 2004", "2004-05-03", {}),
        ("May 2004", "2004-05", {}),
        ("2004-13-45", "", {"published": "2004-13-45"}),
        ("unknown", "", {"published": "unknown"}),
        ("last spring", "", {"published": "last spring"}),
    ],
)
def test_only_a_real_date_is_published(written: str, published: str, metadata: dict[str, str]) -> None:
    draft = markdown_draft(f"---\npublished: {written}\n---\nText.")
    assert draft.facts.published == published
    assert dict(draft.metadata) == metadata


@pytest.mark.parametrize(
    ("front", "message"),
    [
        (
            "---\ntitle: a: b\n---\n",
            "line 2: the front matter is not YAML (mapping values are not allowed here)",
        ),
        ("---\ntitle: x\nwho: [a, b\n---\n", "line 4: the front matter is not YAML (expected ',' or ']'"),
        ("---\ntitle: x\n\nNo end", "line 1: the front matter never ends; close it with a line of ---"),
        (
            "---\na: &x b\nc: *x\n---\n",
            "line 2: the front matter repeats a value by *name; write the value out",
        ),
        ("---\na: \x07\n---\n", "line 2: the front matter holds a character that YAML forbids; remove it"),
        ("---\n? [a]\n: b\n---\n", "line 2: the front matter is not YAML (found unhashable key)"),
        ("---\na: " + "[" * 3000 + "]" * 3000 + "\n---\n", "line 2: the front matter is nested too deeply"),
        ("---\na: " + "x" * 70_000 + "\n---\n", "line 1: the front matter is longer than 64 KB; shorten it"),
    ],
)
def test_broken_front_matter_is_refused_with_its_line(front: str, message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        markdown_draft(front + "Text.")
    assert str(caught.value).startswith(message)


def test_a_line_across_the_page_is_not_front_matter() -> None:
    assert texts("---\n\nNote: a rule: above.\n\n---\n\nText.") == ["Note: a rule: above.", "Text."]
    assert texts("---\n---\nText.") == ["Text."]
    assert markdown_draft("---\n# a comment\n---\nText.").blocks == (Block("Text."),)


@pytest.mark.parametrize(
    "heading", ["# A purse for ten", "A  purse for *ten*\n===", "<!-- v2 -->\n\n# A purse for ten"]
)
def test_a_leading_heading_is_the_title(heading: str) -> None:
    draft = markdown_draft(f"{heading}\n\nText.\n\n# Part two")
    assert draft.facts.title == "A purse for ten"
    assert draft.blocks == (Block("Text."), Block("Part two", Kind.HEADING))


def test_a_title_said_twice_stands_once_and_another_heading_stays() -> None:
    same = markdown_draft("---\ntitle: A Purse\n---\n# A purse\n\nText.")
    assert (same.facts.title, same.blocks) == ("A Purse", (Block("Text."),))
    other = markdown_draft("---\ntitle: A Purse\n---\n# Summary\n\nText.")
    assert (other.facts.title, other.blocks[0]) == ("A Purse", Block("Summary", Kind.HEADING))
    assert markdown_draft("## A part\n\nText.").facts.title == ""
    article = finish(same, "purse.md")
    assert (article.text, article.headings) == ("A Purse\n\nText.", ((0, 7),))


def test_marks_go_and_words_stay() -> None:
    assert texts(
        'Ten **areas** share [one purse](https://x.example "hint") and ~~lose~~ keep\n'
        "their *staff*.  \nNext &amp; `pooled_budget`<br>end <b>bold</b> ![a photo](x.png)<https://a.example/b>.\n\n"
        "![only a photo](y.png)\n\nSee [the Act][act].\n\n[act]: https://law.example\n"
    ) == [
        "Ten areas share one purse and lose keep their staff. Next & pooled_budget end bold https://a.example/b.",
        "See the Act.",
    ]


def test_items_quotes_code_and_tables_become_blocks() -> None:
    assert texts(
        "- one\n- two\n\n  more of two\n\n  3. nested\n  4. again\n\n7) seven\n\n> quoted\n> words\n\n"
        "    tab = 4\n\n```py\nprint(1)\n```\n\n"
        "| Centre | Opens |\n|---|---|\n| Mill *Lane* | 8am |\n| Castle | |\n| | |\n"
    ) == [
        "- one",
        "- two",
        "more of two",
        "3. nested",
        "4. again",
        "7. seven",
        "quoted words",
        "tab = 4",
        "print(1)",
        "Centre | Opens",
        "Mill Lane | 8am",
        "Castle | ",
    ]


def test_html_in_markdown_gives_its_text() -> None:
    assert texts(
        "<div align=center>\n<p>First.</p><p>Second &lt;one&gt;.</p>\n</div>\n\n<!-- hidden -->\n\nThird."
    ) == [
        "First.",
        "Second <one>.",
        "Third.",
    ]


def test_footnotes_are_kept_even_those_that_look_like_link_definitions() -> None:
    assert texts(
        "The purse[^1] is pooled[^note].\n\n[^1]: Ibid.\n[^note]: See *chapter* 4,\nlast page.\n"
    ) == [
        "The purse[1] is pooled[note].",
        "[1] Ibid.",
        "[note] See chapter 4, last page.",
    ]


def test_nesting_loses_no_words() -> None:
    assert texts(">" * 99 + " deep") == ["deep"]
    for surplus in (">" * 100 + " deep", "- " * 60 + "deep"):
        with pytest.raises(Unreadable, match="is nested 100 levels deep"):
            markdown_draft(surplus)


def test_nothing_gives_nothing() -> None:
    assert markdown_draft("").blocks == markdown_draft("\ufeff\n\n").blocks == ()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab #*_-[]()!<>`|\n>1.:&~^\\"), max_size=80))
def test_no_text_breaks_the_reader_and_no_block_is_empty(markdown: str) -> None:
    try:
        draft = markdown_draft(markdown)
    except Unreadable:
        return
    assert all(block.text.strip() for block in draft.blocks)
