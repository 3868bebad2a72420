from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from fpdf import FPDF

from corpus.article import Unreadable
from corpus.draft import Block, Metadata
from corpus.formats.pdf import pdf_draft


def pdf(pages: Sequence[Sequence[str]], *, packed: bool = True, **properties: str) -> bytes:
    """A PDF with one line of text for each string; "" is the space between two paragraphs."""
    document = FPDF(format="A4")
    document.set_auto_page_break(False)
    document.set_compression(packed)
    document.set_font("Times", size=11)
    document.set_creation_date(datetime(2004, 5, 13, tzinfo=UTC))
    for lines in pages:
        document.add_page()
        for line in lines:
            if line:
                document.cell(0, 5, line, new_x="LMARGIN", new_y="NEXT")
            else:
                document.ln(4)
    for name, value in properties.items():
        getattr(document, f"set_{name}")(value)
    return bytes(document.output())


def texts(pages: Sequence[Sequence[str]]) -> list[str]:
    return [block.text for block in pdf_draft(pdf(pages)).blocks]


FIRST = [
    "Journal of Trusts 12",
    "",
    "The purse that ten areas share was opened in the spring of 2003, when",
    "their councils signed a paper that nobody had read. A year later the part-",
    "nership was held up as a pattern for the whole country, and the partners",
    "had begun to argue about the well-known question of who pays.",
    "",
    "Leeds went first. Its director wrote to the other nine and told them",
    "that the money would be gone by March, unless each of them put in as",
    "",
    "1",
]
SECOND = [
    "Journal of Trusts 13",
    "",
    "much again as in the year before. Three did so, and six did not; the",
    "partnership lived on without them, in a smaller house and with fewer",
    "staff, and it kept its name.",
    "",
    "2",
]
THIRD = [
    "Journal of Trusts 14",
    "",
    "No minister came to the last meeting of the ten. It was short.",
    "",
    "3",
]
PARAGRAPHS = [
    "The purse that ten areas share was opened in the spring of 2003, when their councils signed a paper that nobody "
    "had read. A year later the partnership was held up as a pattern for the whole country, and the partners had begun "
    "to argue about the well-known question of who pays.",
    "Leeds went first. Its director wrote to the other nine and told them that the money would be gone by March, unless "
    "each of them put in as much again as in the year before. Three did so, and six did not; the partnership lived on "
    "without them, in a smaller house and with fewer staff, and it kept its name.",
    "No minister came to the last meeting of the ten. It was short.",
]


def test_pages_become_paragraphs_without_running_lines() -> None:
    draft = pdf_draft(pdf([FIRST, SECOND, THIRD]))
    assert [block.text for block in draft.blocks] == PARAGRAPHS
    assert [dropped.text for dropped in draft.dropped] == [
        "Journal of Trusts 12",
        "Journal of Trusts 13",
        "Journal of Trusts 14",
        "1",
        "2",
        "3",
    ]
    assert {dropped.reason for dropped in draft.dropped} == {"running head or page number"}
    assert draft.loose


def test_a_line_at_the_edge_of_one_page_stays() -> None:
    assert texts(
        [["Harbour ledger", "", "The ledger is kept in a dry cupboard.", "", "Seen 7 times", "Page 1 of 1"]]
    ) == [
        "Harbour ledger",
        "The ledger is kept in a dry cupboard.",
        "Seen 7 times",
    ]


def test_a_head_on_three_of_many_pages_is_dropped_and_one_on_two_stays() -> None:
    heads = ["Chapter 1", "Chapter 2", "Chapter 3", "Notes 4", "Notes 5", "", "", "", ""]
    line = "The ledger has one page for every boat and another one for every"
    pages = [
        [head, "", f"{line} boat in {name}.", line, f"barge in {name}."]
        for head, name in zip(
            heads, ("Hull", "Kiel", "Cork", "Bari", "Oban", "Pula", "Riga", "Faro", "Vigo"), strict=True
        )
    ]
    draft = pdf_draft(pdf(pages))
    assert [dropped.text for dropped in draft.dropped] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert [block.text for block in draft.blocks if block.text.startswith("Notes")] == ["Notes 4", "Notes 5"]


def test_paragraphs_part_at_a_gap_and_at_a_page_end_though_their_last_lines_are_full() -> None:
    first = [
        "The purse that ten areas share was opened in the spring of 2003, when",
        "their councils signed a paper that nobody had read to the very bottom.",
    ]
    second = [
        "Leeds went first. Its director wrote to the other nine and told them",
        "that the money would be gone by March, and not a penny would be left.",
    ]
    third = [
        "Derby came next, and its director wrote nothing to the other councils",
        "which had waited for her letter since the summer of the year before it.",
    ]
    assert texts([[*first, "", *second], third]) == [" ".join(first), " ".join(second), " ".join(third)]


def body(*middle: str) -> list[str]:
    return [
        "A line that is as wide as all the other lines in this short document",
        *middle,
        "and another line that is as wide as all the other lines in it, so ends.",
    ]


@pytest.mark.parametrize(
    ("above", "below", "elsewhere", "whole"),
    [
        (
            "and then there was a word which the setter broke into its two part-",
            "ners before",
            "partners",
            "partners before",
        ),
        (
            "and then there was a word which the setter broke up, and it is well-",
            "known that",
            "",
            "well-known that",
        ),
        (
            "and then there was a word which the setter broke up, and it is well-",
            "known that",
            "well-known",
            "well-known that",
        ),
        (
            "and then there was the war and what came after it and before it, pre-",
            "and post-war",
            "",
            "pre- and post-war",
        ),
        (
            "and then there was a treaty of some kind which was called the Anglo-",
            "Saxon one",
            "anglosaxon",
            "Anglo-Saxon one",
        ),
        (
            "and then there was a year which the setter broke up too, it was 2003-",
            "04 and",
            "",
            "2003-04 and",
        ),
    ],
)
def test_words_broken_at_a_line_end(above: str, below: str, elsewhere: str, whole: str) -> None:
    pages = [
        [
            *body(above, f"{below} the rest of the line with more words to fill it up"),
            "",
            f"{elsewhere} last.",
        ]
    ]
    assert f" {whole} " in " ".join(texts(pages))


def test_undecided_words_follow_the_decided_ones() -> None:
    wide = "and some more words to fill the line up to where it must be broken"
    lines = [f"{wide} {start}-" if start else wide for start in ("", "part", "coun", "mini", "inde")]
    ends = ["nership", "cils", "sters", "pendent"]
    joined = [
        lines[0],
        lines[1],
        *(f"{end} {line}" for end, line in zip(ends, lines[2:], strict=False)),
        f"{ends[3]} it ends.",
    ]
    text = texts([[*joined, "", "Partnership, councils and ministers are words that stand elsewhere."]])[0]
    assert "independent it ends." in text
    unknown = texts([[*joined, "", "None of the words stands elsewhere in this."]])[0]
    assert "inde-pendent it ends." in unknown


def test_facts_come_from_the_properties() -> None:
    page = [["The ledger is kept in a dry cupboard above the stove."]]
    draft = pdf_draft(pdf(page, title="A  dry cupboard", author="Ada Marsh"))
    assert draft.properties == Metadata(title="A dry cupboard", author="Ada Marsh")
    assert draft.facts == Metadata()
    junk = pdf_draft(pdf(page, title="Microsoft Word - cupboard.doc", author="Administrator"))
    assert junk.properties == Metadata()
    assert junk.blocks == (Block("The ledger is kept in a dry cupboard above the stove."),)


def locked(*, owner_only: bool) -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("Times", size=11)
    document.cell(0, 5, "A secret that is kept in a dry cupboard.")
    document.set_encryption(owner_password="owner", user_password=None if owner_only else "user")
    return bytes(document.output())


def test_a_locked_file_is_refused_and_one_locked_for_changes_is_read() -> None:
    with pytest.raises(Unreadable, match=r"^is encrypted; save a copy without a password$"):
        pdf_draft(locked(owner_only=False))
    assert pdf_draft(locked(owner_only=True)).blocks == (Block("A secret that is kept in a dry cupboard."),)


def test_pages_that_are_all_alike_are_nothing_but_running_lines() -> None:
    draft = pdf_draft(pdf([["The ledger is kept in a dry cupboard."]] * 2))
    assert draft.blocks == ()
    assert [line.text for line in draft.dropped] == ["The ledger is kept in a dry cupboard."] * 2


def test_a_scan_and_a_wreck_are_refused() -> None:
    with pytest.raises(Unreadable, match=r"^has no text layer; run OCR first$"):
        pdf_draft(pdf([[""], ["12 34"]]))
    for raw in (b"", b"%PDF-1.7", b"plain words", pdf([FIRST])[:300]):
        with pytest.raises(Unreadable, match=r"^is a damaged PDF; save or print it to PDF again$"):
            pdf_draft(raw)


def test_a_file_of_very_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.formats.pdf._MOST_PAGES", 2)
    page = ["The ledger is kept in a dry cupboard."]
    assert pdf_draft(pdf([page, ["It is wet."]])).blocks
    with pytest.raises(Unreadable, match=r"^has 3 pages, more than 2; split it$"):
        pdf_draft(pdf([page] * 3))


def test_damaged_files_are_read_or_refused() -> None:
    """Two thousand files with bytes turned, cut out or cut off."""
    dice = random.Random(6)
    wholes = [pdf([FIRST, SECOND], packed=packed) for packed in (True, False)]
    outcomes = {"read": 0, "refused": 0}
    for turn in range(2000):
        raw = bytearray(wholes[turn % 2])
        for _ in range(dice.choice((1, 4, 30))):
            at = dice.randrange(len(raw))
            raw[at : at + dice.choice((1, 1, 9))] = dice.choice((b"", bytes([dice.randrange(256)])))
        try:
            pdf_draft(bytes(raw[: dice.choice((len(raw), dice.randrange(len(raw))))]))
            outcomes["read"] += 1
        except Unreadable:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100
