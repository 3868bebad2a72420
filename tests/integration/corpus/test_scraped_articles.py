"""Every hazard of five really scraped articles. Their sentences are not ours: tests go by line numbers."""

from __future__ import annotations

import json
import unicodedata
from functools import cache

import pytest

from corpus.article import Article
from corpus.cleaning.canonical import finish
from corpus.formats.plain_text import decode, text_draft
from corpus.sentences import split_sentences
from tests.support.repository import ARTICLES, GOLD, needs_shared

pytestmark = needs_shared

TOO_MUCH, PLENTY, UNTITLED, REGION, ARE_WE = "000", "001", "002", "003", "004"


@cache
def lines(name: str) -> list[str]:
    """Physical lines, white space folded; line 1 at index 1."""
    (path,) = ARTICLES.glob(f"{name}_*.txt")
    return ["", *(" ".join(line.split()) for line in decode(path.read_bytes()).split("\n"))]


@cache
def article(name: str) -> Article:
    (path,) = ARTICLES.glob(f"{name}_*.txt")
    return finish(text_draft(decode(path.read_bytes())), path.name)


def paragraphs(name: str) -> list[str]:
    return article(name).text.split("\n\n")


def sentences(name: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(article(name))]


def joined(name: str, first: int, last: int) -> str:
    return " ".join(lines(name)[first : last + 1])


def headings(name: str) -> list[str]:
    return [article(name).text[start:end] for start, end in article(name).headings]


def dropped(name: str) -> list[str]:
    return [line.text for line in article(name).dropped]


def blocks(name: str, first: int, last: int) -> list[str]:
    """Blank-separated blocks between two lines, each joined to one line."""
    text = "\n".join(lines(name)[first : last + 1])
    return [" ".join(block.split()) for block in text.split("\n\n")]


def test_wrapped_lines_between_blank_lines_become_one_paragraph_each() -> None:
    assert paragraphs(TOO_MUCH) == [lines(TOO_MUCH)[1], *blocks(TOO_MUCH, 3, 134)]


@pytest.mark.parametrize(
    ("name", "line"), [(TOO_MUCH, n) for n in (5, 38, 126)] + [(PLENTY, n) for n in (14, 85, 135)]
)
def test_a_damaged_line_end_is_kept_and_nothing_is_invented(name: str, line: int) -> None:
    assert any(paragraph.endswith(lines(name)[line]) for paragraph in paragraphs(name))


def test_words_missing_inside_a_paragraph_leave_the_rest_joined() -> None:
    assert joined(TOO_MUCH, 10, 11) in article(TOO_MUCH).text


@pytest.mark.parametrize("line", [38, 126])
def test_a_lost_closing_quote_does_not_run_on(line: int) -> None:
    (cut,) = (sentence for sentence in sentences(TOO_MUCH) if sentence.endswith(lines(TOO_MUCH)[line][-20:]))
    assert lines(TOO_MUCH)[line + 2][:10] not in cut


@pytest.mark.parametrize(
    ("name", "footer"),
    [(TOO_MUCH, (136, 138)), (UNTITLED, (150,)), (ARE_WE, (50, 52)), (REGION, range(74, 86))],
)
def test_the_sites_footer_is_dropped_and_listed(name: str, footer: tuple[int, ...]) -> None:
    for line in footer:
        assert lines(name)[line] in dropped(name)
        assert lines(name)[line] not in paragraphs(name)


@pytest.mark.parametrize(
    ("name", "title", "author", "publisher"),
    [
        (TOO_MUCH, 1, "", "Community Care"),
        (PLENTY, 1, "Bob Hudson", ""),
        (UNTITLED, 0, "Bob Hudson", ""),
        (REGION, 10, "Linda Jackson", "The Guardian"),
        (ARE_WE, 1, "", "Community Care"),
    ],
)
def test_title_byline_and_publisher(name: str, title: int, author: str, publisher: str) -> None:
    found = article(name)
    assert (found.title, found.author, found.publisher) == (lines(name)[title], author, publisher)
    assert not found.title or found.title in headings(name)


def test_standfirst_and_biography_are_kept() -> None:
    assert paragraphs(PLENTY)[1] == joined(PLENTY, 3, 5)
    assert paragraphs(PLENTY)[-1] == joined(PLENTY, 137, 138)


def test_decimals_do_not_split_sentences() -> None:
    for number in ("5.8", "5.12", "5.14", "5.18", "5.19"):
        (sentence,) = (sentence for sentence in sentences(PLENTY) if number in sentence)
        before, after = sentence.split(number)
        assert before.strip()
        assert after.strip()


def test_a_paragraph_number_broken_over_two_lines_is_joined() -> None:
    assert "paragraph 5.12" in article(PLENTY).text


@pytest.mark.parametrize("line", [5, 11, 19, 24, 28, 38, 47, 56, 65, 75, 87, 95, 103, 114, 125, 131])
def test_short_last_lines_end_paragraphs(line: int) -> None:
    at = next(
        i for i, paragraph in enumerate(paragraphs(UNTITLED)) if paragraph.endswith(lines(UNTITLED)[line])
    )
    assert paragraphs(UNTITLED)[at + 1].startswith(lines(UNTITLED)[line + 1])


def test_every_other_line_of_the_unbroken_article_is_joined_to_the_next() -> None:
    ends = {5, 11, 19, 24, 28, 38, 47, 56, 65, 66, 75, 87, 95, 96, 103, 114, 125, 131}
    for line in set(range(1, 132)) - ends:
        assert joined(UNTITLED, line, line + 1) in article(UNTITLED).text


def test_subheadings_that_look_like_sentences() -> None:
    assert headings(UNTITLED)[:2] == [lines(UNTITLED)[66], lines(UNTITLED)[96]]


def test_abstract_and_further_information_are_kept() -> None:
    assert joined(UNTITLED, 132, 139) in paragraphs(UNTITLED)
    assert lines(UNTITLED)[140] in headings(UNTITLED)
    assert lines(UNTITLED)[148] in headings(UNTITLED)


def test_addresses_broken_over_lines_are_whole() -> None:
    text = article(UNTITLED).text
    assert "www.integratedcarenetwork.gov.uk" in text
    assert "www.dfes.gov.uk/everychildmatters/downloads.cfm" in text


def test_the_contact_stands_twice_as_its_own_sentence() -> None:
    assert sentences(UNTITLED).count(lines(UNTITLED)[149]) == 2


def test_a_damaged_name_is_left_as_it_is() -> None:
    assert "Climbi’ tragedy" in article(UNTITLED).text


def test_the_sites_header_is_dropped_and_the_byline_kept() -> None:
    assert set(lines(REGION)[1:8]) <= set(dropped(REGION))
    assert paragraphs(REGION)[:2] == [lines(REGION)[8], lines(REGION)[10]]


def test_a_second_story_starts_under_its_own_heading() -> None:
    assert headings(REGION) == [lines(REGION)[10], lines(REGION)[54]]


def test_the_note_above_the_footer_is_kept() -> None:
    assert paragraphs(REGION)[-1] == lines(REGION)[72]


def test_fourteen_professionals_stay_and_fourteen_days_go() -> None:
    assert lines(REGION)[60] in paragraphs(REGION)
    assert "Fourteen days" not in article(REGION).text


def test_a_quotation_over_two_paragraphs_stays_two_paragraphs() -> None:
    at = paragraphs(REGION).index(lines(REGION)[62])
    assert paragraphs(REGION)[at + 1] == lines(REGION)[64]


def test_footnote_and_side_box_are_kept() -> None:
    assert lines(ARE_WE)[44] in sentences(ARE_WE)
    assert lines(ARE_WE)[46] in headings(ARE_WE)
    assert paragraphs(ARE_WE)[-1] == lines(ARE_WE)[47]


def test_paragraphs_without_a_blank_line_between_stay_apart() -> None:
    at = paragraphs(ARE_WE).index(lines(ARE_WE)[25])
    assert paragraphs(ARE_WE)[at + 1] == lines(ARE_WE)[26]


@pytest.mark.parametrize("line", [15, 23])
def test_no_break_spaces_are_folded(line: int) -> None:
    assert lines(ARE_WE)[line] in paragraphs(ARE_WE)
    assert "\u00a0" not in article(ARE_WE).text


def test_both_spellings_of_a_name_are_kept() -> None:
    assert {"Cromptom", "Crompton"} <= {word.strip(",.’s") for word in article(ARE_WE).text.split()}


def test_a_full_stop_after_the_closing_quote_ends_the_sentence() -> None:
    assert lines(ARE_WE)[13].endswith("”.")
    assert any(lines(ARE_WE)[13].endswith(sentence) for sentence in sentences(ARE_WE))


@pytest.mark.parametrize("name", [TOO_MUCH, PLENTY, UNTITLED, REGION, ARE_WE])
def test_cleaning_invents_nothing(name: str) -> None:
    kept = "".join(article(name).text.split())
    left_out = "".join("".join(text.split()) for text in dropped(name))
    raw = unicodedata.normalize("NFC", "".join("".join(line.split()) for line in lines(name)))
    assert sorted(kept + left_out) == sorted(raw)


def test_every_development_quote_lies_in_one_sentence() -> None:
    for line in (GOLD / "dev.jsonl").read_text(encoding="utf-8").splitlines():
        for evidence in json.loads(line)["relevant"]:
            found = [_fold(sentence) for sentence in sentences(evidence["doc"][:3])]
            for quote in map(_fold, evidence["quotes"]):
                assert any(quote in sentence or _most_of(sentence, quote) for sentence in found), quote


def _fold(text: str) -> str:
    plain = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-"})
    return " ".join(unicodedata.normalize("NFKC", text).translate(plain).split()).lower()


def _most_of(sentence: str, quote: str) -> bool:
    """A gold quote may run over a sentence's end by a few words ('..." she says.')."""
    return sentence in quote and len(sentence.split()) >= 0.6 * len(quote.split())
