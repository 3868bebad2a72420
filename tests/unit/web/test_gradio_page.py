"""Answers as HTML: exact fragments, and hostile text coming back word for word."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.testclient import TestClient

from index.retrieval.filter import Filter
from index.search.query import Hit
from qa.answer import Answer, Band, Citation, Extract
from qa.errors import EmptyQuestion, LongQuestion, QuestionError
from tests.support.fake_assistant import (
    DREDGING,
    ECHO,
    HARBOUR,
    FakeAssistant,
    abstained,
    answered,
    extract,
    unsure,
    watch_columns,
)
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS, HtmlText
from tests.support.templates import TEMPLATES, macro
from web.answering.answer_service import AnswerService, Reply
from web.citations.quotation import web_address
from web.context import ServiceContext
from web.errors import TooManyQuestions
from web.i18n import load_catalogue
from web.pages.answer import (
    also_in,
    example_questions,
    matched_words,
    original_of,
    render_error,
    render_reply,
    render_welcome,
    status_line,
)
from web.pages.gradio_page import reply
from web.pages.page_state import PageState, Sort
from web.service import build_app
from web.service_settings import ServiceSettings

WORDS = load_catalogue()
SOURCE = "fragments/source.html"


def quotation(of: Extract) -> str:
    return macro("fragments/extract.html", "quotation", of, of.start, of.end)


def reports(metadata: dict[str, str]) -> str:
    original = original_of(metadata)
    return macro(SOURCE, "reports", original) if original else ""


def shown(answer: Answer, view: PageState | None = None, seconds: float = 0, **options: bool) -> str:
    return render_reply(Reply(answer, seconds, "id-of-it"), view or PageState(), TEMPLATES, **options)


def test_an_extract_is_quoted_with_its_answer_marked_and_its_source_cited() -> None:
    html = shown(DREDGING, seconds=0.0449)
    assert html.startswith(
        '<section class="answer" lang="en" data-answer-id="id-of-it" data-generation="gen-7-00ff">'
        '<ol class="extracts"><li><article aria-label="Extract 1" data-article="harbour" '
        'data-start="20" data-end="39"><p class="band strong">strong match</p>'
        "<blockquote>The quay was cheap. <mark>Dredging cost more.</mark> Nobody paid.\n\n"
        "A canal was planned.</blockquote>"
        '<p class="citation"><a class="read" '
        'href="articles/harbour?c=20-39&amp;q=What+cost+more%3F#c=20-39"><cite>harbour.md</cite></a>, '
        'Ada Lovelace, The Gazette, <time datetime="2024-05-06">6 May 2024</time></p>'
        '<p class="aside">Also in: <a class="read" href="articles/echo?c=0-33#c=0-33">'
        "<cite>echo.md</cite></a></p>"
        '<p class="aside">Found by meaning: it has no word of the question</p><div class="actions">'
    )
    assert html.endswith('<p class="small">1 extract in 0.04 seconds, index gen-7-00ff</p></section>')


def test_an_extract_can_be_copied_collected_opened_and_judged() -> None:
    html = shown(DREDGING)
    for text in (
        'data-copy="“Dredging cost more.”',
        'data-copy="&lt;blockquote&gt;',
        '<input type="checkbox" data-cite="harbour:20-39"> Add to evidence list',
        'href="https://example.org/harbour#:~:text=',
        '<button type="button" aria-pressed="false" data-judge="useful">Useful</button>',
        '<button type="button" aria-pressed="false" data-judge="not useful">Not useful</button>',
        '<button type="button" data-judge="none">Send</button>',
    ):
        assert text in html, text


def test_private_questions_stay_out_of_links() -> None:
    assert "q=" not in shown(DREDGING, private=True)


def test_more_context_is_there_when_there_is_more() -> None:
    (one,) = DREDGING.extracts
    narrow = replace(one, start=20, end=39, context=(0, 52))
    html = shown(answered(narrow))
    assert (
        '<details class="context"><summary>Show more context</summary><blockquote>'
        "The quay was cheap. <mark>Dredging cost more.</mark> Nobody paid.</blockquote></details>"
    ) in html
    assert "context" not in shown(answered(replace(narrow, context=(20, 39))))


def test_the_words_it_was_found_by_are_told() -> None:
    hit = cast(Hit, SimpleNamespace(complete=True))
    one = extract(HARBOUR, "Dredging cost more.", matched=("dredg", "cost"), hit=hit)
    assert "Found by its words: Dredging, cost<" in shown(answered(one))
    some = replace(one, hit=cast(Hit, SimpleNamespace(complete=False)))
    assert "Found by words and meaning: Dredging, cost<" in shown(answered(some))


def test_extracts_are_ordered_by_date_when_asked() -> None:
    dates = ("2004", "", "2005-03", "2005")
    ranked = [
        extract(replace(ECHO, published=date, source=f"{n}.md"), "more", rank=n)
        for n, date in enumerate(dates, start=1)
    ]

    def files(view: PageState) -> list[str]:
        return re.findall(r"<cite>(\d).md", shown(answered(*ranked), view))

    assert files(PageState()) == ["1", "2", "3", "4"]
    assert files(PageState(sort=Sort.DATE)) == ["3", "4", "1", "2"]


def test_a_link_made_with_another_index_says_so() -> None:
    assert "The articles have changed since this link was made" in shown(
        DREDGING, PageState(generation="gen-6-aaaa")
    )
    assert "have changed" not in shown(DREDGING, PageState(generation="gen-7-00ff")) + shown(DREDGING)


def test_what_was_searched_besides_the_question_is_told_and_escaped() -> None:
    told = replace(answered(extract(ECHO, "more")), expansions=("Crompton", "<b>PCT"))
    assert '<p class="aside also">Also searched: <b>Crompton</b>, <b>&lt;b&gt;PCT</b></p><ol' in shown(told)


def test_no_answer_comes_with_the_nearest_passages_folded_away() -> None:
    html = shown(abstained(extract(ECHO, "dredging", rank=1)), seconds=1.5)
    assert (
        ">"
        "<h2>No answer found in these articles.</h2>"
        "<p>Try other words, or ask about one thing at a time.</p>"
        '<details><summary>Closest passages</summary><ol class="extracts"><li>'
    ) in html
    assert html.endswith(
        '</ol></details><p class="small">Searched in 1.50 seconds, index gen-7-00ff</p></section>'
    )
    assert "none-of-these" not in html


def test_an_unsure_answer_shows_the_closest_passage_and_folds_the_others() -> None:
    html = shown(unsure(extract(ECHO, "dredging"), extract(HARBOUR, "Nobody paid.", rank=2)))
    heading = "<h2>Not sure: this may not answer the question.</h2>"
    advice = "<p>This is the closest passage. If it does not answer, try other words.</p>"
    assert f'>{heading}{advice}<ol class="extracts"><li><article aria-label="Extract 1"' in html
    folded = '</ol><details><summary>Other close passages</summary><ol class="extracts"><li>'
    assert f'{folded}<article aria-label="Extract 2"' in html
    assert "none-of-these" not in html
    assert "Searched in" in html


def test_one_unsure_passage_folds_nothing() -> None:
    assert "Other close passages" not in shown(unsure(extract(ECHO, "dredging")))


def test_the_closest_passage_of_an_unsure_answer_stays_first_by_date() -> None:
    dated = (("2001", 1), ("2003", 2), ("2004", 3))
    nearest = [extract(replace(ECHO, published=date), "more", rank=rank) for date, rank in dated]
    html = shown(unsure(*nearest), PageState(sort=Sort.DATE))
    assert re.findall(r'aria-label="Extract (\d)"', html) == ["1", "3", "2"]


def test_no_answer_under_filters_says_that_they_are_set() -> None:
    assert "an article that they leave out" in shown(abstained(), PageState(where=Filter(years=("2004",))))
    assert "leave out" not in shown(abstained())


def test_no_answer_and_nothing_near_folds_nothing() -> None:
    assert "details" not in HtmlText(shown(abstained())).tags


def test_each_band_is_a_word() -> None:
    bands = [replace(extract(ECHO, "more"), band=band) for band in Band]
    html = shown(answered(*bands))
    found = [f'<p class="band {word}">{word} match</p>' in html for word in ("strong", "possible", "weak")]
    assert found == [True, True, True]
    assert '<p class="band unrated">match, not rated</p>' in html


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_text_of_an_article_comes_back_word_for_word(hostile: str) -> None:
    told = article("told", f"Before it. {hostile} After it.")
    quoted = HtmlText(quotation(extract(told, hostile)))
    assert quoted.text == told.text
    assert quoted.tags == ["mark"]


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_every_fact_comes_back_word_for_word(hostile: str) -> None:
    originals = {f"original_{fact}": hostile for fact in ("title", "author", "publisher", "published")}
    told = replace(article("x", hostile), title=hostile, source=hostile, url=hostile, metadata=originals)
    facts = replace(told, author=hostile, publisher=hostile, published=hostile)
    other = replace(facts, id="other")
    place = Citation(other, 0, 1)
    one = extract(facts, hostile, matched=(hostile.casefold(),), also_in=(place,))
    page = HtmlText(shown(replace(answered(one), question=hostile, generation=hostile)))
    allowed = set(
        "section ol li article p blockquote mark cite time span a div details summary button label input".split()
    )
    assert set(page.tags) <= allowed
    assert not {name for name in page.attributes if name.startswith("on")}
    # Answer, title, author (the publisher is the same), date, file; the original's four; also in; index.
    assert page.text.count(hostile) >= 11


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_an_error_comes_back_word_for_word(hostile: str) -> None:
    page = HtmlText(render_error(QuestionError(f"The question {hostile}."), TEMPLATES))
    assert page.text == f"The question {hostile}."
    assert page.tags == ["section", "p"]


def test_errors_are_told_in_the_words_of_the_interface() -> None:
    told = [
        HtmlText(render_error(one, TEMPLATES)).text
        for one in (EmptyQuestion(), LongQuestion(2001, 2000), TooManyQuestions(2))
    ]
    assert told == [
        "The question is empty: type a few words.",
        "The question is too long: 2,000 characters are read at most.",
        "Too many people are asking at once. Try again in a few seconds.",
    ]


def test_paragraph_breaks_stay_inside_the_mark() -> None:
    told = article("told", "One. Two.", "Three. Four.")
    assert quotation(extract(told, "Two.\n\nThree.")) == "One. <mark>Two.\n\nThree.</mark> Four."


def test_an_article_with_a_title_is_cited_by_it_and_its_file() -> None:
    titled = replace(HARBOUR, title="The harbour", url="", author="", published="2005")
    assert macro(SOURCE, "citation", titled) == (
        "<cite>The harbour</cite>, The Gazette, "
        '<time datetime="2005">2005</time>, <span class="file">harbour.md</span>'
    )


def test_a_publisher_that_signs_its_articles_is_named_once() -> None:
    assert macro(SOURCE, "citation", replace(ECHO, author="The Gazette", published="")) == (
        "<cite>echo.md</cite>, The Gazette"
    )


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/x", "http:", "https://[", "ftp://a/b"],
)
def test_only_addresses_of_the_web_are_links(url: str) -> None:
    assert web_address(url) == ""
    assert 'class="source"' not in shown(answered(extract(replace(ECHO, url=url), "more")))


def test_an_address_cannot_leave_its_attribute() -> None:
    told = replace(ECHO, url='https://example.org/"onclick="alert(1)')
    assert "onclick" not in HtmlText(shown(answered(extract(told, "more")))).attributes


@pytest.mark.parametrize(
    ("published", "shown"),
    [
        ("2026-11-23", "23 November 2026"),
        ("2004-05-03", "3 May 2004"),
        ("2005-09", "September 2005"),
        ("2005", "2005"),
        ("", ""),
        ("spring 2005", "spring 2005"),
        ("2005-13-01", "2005-13-01"),
    ],
)
def test_dates_are_written_as_people_write_them(published: str, shown: str) -> None:
    assert WORDS.date(published) == shown


def test_the_article_reported_on_is_named_as_far_as_it_is_known() -> None:
    original = {
        "original_title": "Are we there yet?",
        "original_author": "unknown",
        "original_publisher": "Community Care",
        "original_published": "unknown (after September 2005)",
    }
    assert reports(original) == "Reports: <cite>Are we there yet?</cite>, Community Care"
    assert reports({"original_author": "Unknown"}) == ""
    assert reports({"original_author": "Bob Hudson", "original_published": "2004-02"}) == (
        'Reports: Bob Hudson, <time datetime="2004-02">February 2004</time>'
    )


def test_an_article_that_repeats_itself_is_not_named_as_another() -> None:
    places = (Citation(HARBOUR, 0, 3), Citation(ECHO, 0, 3), Citation(ECHO, 4, 8))
    others = also_in(extract(HARBOUR, "Nobody paid.", also_in=places))
    assert HtmlText(macro(SOURCE, "also_in", others)).text == "Also in: echo.md"


def test_matched_terms_are_shown_as_the_words_of_the_article() -> None:
    told = article("told", "The Services of an authority grew costly.")
    terms = ("the", "servic", "author", "costli", "elsewhere")
    words = matched_words(extract(told, told.text, matched=terms))
    assert words == ["Services", "authority", "costly", "elsewhere"]


def test_the_status_line_counts() -> None:
    one = extract(ECHO, "more")
    lines = [
        status_line(answer, WORDS)
        for answer in (answered(one), answered(one, one, one), unsure(one), abstained(one))
    ]
    assert lines == [
        "1 extract found.",
        "3 extracts found.",
        "Not sure: this may not answer the question.",
        "No answer found.",
    ]


def test_examples_are_questions_with_an_answer_from_as_many_articles_as_there_are() -> None:
    suggesting = [
        replace(ECHO, title=f"Title {n}", metadata={"questions": questions})
        for n, questions in enumerate(("A?\nB?", "", " B? \n\nC?", "D?\nE?\nF?"))
    ]
    assert example_questions(suggesting, lambda _: True) == ["A?", "Title 1", "B?", "D?", "C?"]
    assert example_questions(suggesting, lambda question: question in "B?F?") == ["B?", "F?"]
    assert example_questions([HARBOUR], lambda _: True) == []


def test_only_so_many_examples_are_tried() -> None:
    tried: list[str] = []

    def unanswered(question: str) -> bool:
        tried.append(question)
        return False

    many = [replace(ECHO, title=f"Title {n}") for n in range(100)]
    assert example_questions(many, unanswered) == []
    assert len(tried) == 10


def test_the_welcome_offers_examples_only_where_there_are_some() -> None:
    told = [HtmlText(render_welcome(TEMPLATES, examples=some)).text for some in (True, False)]
    assert told == ["Type a question, or choose one of these.", "Type a question to begin."]


def site() -> ServiceContext:
    return ServiceContext(AnswerService(FakeAssistant()), ServiceSettings(), WORDS)


def test_the_page_shows_what_went_wrong_and_leaves_the_status_empty() -> None:
    status, results, filters = asyncio.run(reply(site(), PageState("?")))
    assert status == ""
    assert results == (
        '<section class="error" lang="en">'
        '<p role="alert">The question is empty: type a few words.</p></section>'
    )
    assert "The Gazette (2)" in filters


def test_the_page_announces_what_it_shows() -> None:
    status, results, _ = asyncio.run(reply(site(), PageState("What cost more?")))
    assert status == "1 extract found."
    assert "<mark>Dredging cost more.</mark>" in results


def test_facets_are_counted_in_a_thread_whatever_the_event() -> None:
    """A million articles take tenths of a second to count: meanwhile the event loop must serve others."""
    app = build_app(assistant := FakeAssistant(), ServiceSettings())
    columns = watch_columns(assistant)
    with TestClient(app, raise_server_exceptions=False) as client:
        for number in range(9):
            for state in ("{}", '{"q": "Why?"}', '{"q": "?"}'):
                sent = {"data": [state], "fn_index": number, "session_hash": "s"}
                client.post("/gradio_api/run/predict", json=sent)
    assert (columns.on_loop, len(columns.in_threads) > 30) == ([], True)
