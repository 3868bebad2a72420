"""Answers as HTML: exact fragments, and hostile text coming back word for word."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qa.answer import Band, Place
from tests.fakes import article
from tests.test_api import DREDGING, ECHO, HARBOUR, StandIn, abstained, answered, extract
from web.citation import also_in, citation, human_date, reports
from web.desk import Desk
from web.page import reply
from web.render import (
    example_questions,
    matched_words,
    quotation,
    render_answer,
    render_error,
    render_welcome,
    status_line,
)

HOSTILE = (
    r"<img src=x onerror=1> ${1} {{x}} C:\users\new",
    "</mark><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)" x="',
    "</blockquote></article></section><h1>Owned</h1>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<style>*{display:none}</style>",
    "<base href='https://evil.example/'>",
    "<form action='https://evil.example/'><button>Go</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<!-- a comment --> <![CDATA[ data ]]>",
    "&lt;b&gt; &amp; &#60;script&#62; &nbsp;",
    "${alert(1)} `${alert(1)}` #{alert(1)} <%= alert(1) %>",
    "{{constructor.constructor('alert(1)')()}} {@html '<b>'} {#if true}",
    r"\u003cscript\u003e \x3cscript\x3e \n \\ \' \"",
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>click</a>",
    "<math><mi xlink:href='javascript:alert(1)'>",
    "<template><script>alert(1)</script></template>",
    "<details open ontoggle=alert(1)>",
    "**bold** [link](https://evil.example) ![image](https://evil.example/x.png) $x^2$",
    "\u202eright to left\u202c and a\u200bzero width space",
    "</section><section class=answer>",
)


class Text(HTMLParser):
    """The text a browser shows, and every element and attribute it would make."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_extract_is_quoted_with_its_answer_marked_and_its_source_cited() -> None:
    assert render_answer(DREDGING, 0.0449) == (
        '<section class="answer" lang="en"><ol class="extracts"><li><article>'
        '<p class="band strong">strong match</p>'
        "<blockquote>The quay was cheap. <mark>Dredging cost more.</mark> Nobody paid.\n\n"
        "A canal was planned.</blockquote>"
        '<p class="citation"><a href="https://example.org/harbour" rel="noopener noreferrer">'
        "<cite>harbour.md</cite></a>, Ada Lovelace, The Gazette, "
        '<time datetime="2024-05-06">6 May 2024</time></p>'
        '<p class="aside">Also in: <cite>echo.md</cite></p>'
        "</article></li></ol>"
        '<p class="small">1 extract in 0.04 seconds, index gen-7-00ff</p></section>'
    )


def test_what_was_searched_besides_the_question_is_told_and_escaped() -> None:
    told = replace(answered(extract(ECHO, "more")), also_searched=("Crompton", "<b>PCT"))
    assert render_answer(told, 0).startswith(
        '<section class="answer" lang="en"><p class="aside also">Also searched: '
        "<b>Crompton</b>, <b>&lt;b&gt;PCT</b></p>"
    )


def test_no_answer_comes_with_the_nearest_passages_folded_away() -> None:
    html = render_answer(abstained(extract(ECHO, "dredging", rank=1)), 1.5)
    assert html.startswith(
        '<section class="answer" lang="en"><h2>No answer found in these articles.</h2>'
        "<p>Try other words, or ask about one thing at a time.</p>"
        '<details><summary>Closest passages</summary><ol class="extracts"><li>'
    )
    assert html.endswith(
        '</ol></details><p class="small">Searched in 1.50 seconds, index gen-7-00ff</p></section>'
    )


def test_no_answer_and_nothing_near_folds_nothing() -> None:
    assert "details" not in Text(render_answer(abstained(), 0)).tags


def test_each_band_is_a_word() -> None:
    bands = [replace(extract(ECHO, "more"), band=band) for band in Band]
    html = render_answer(answered(*bands), 0)
    found = [f'<p class="band {word}">{word} match</p>' in html for word in ("strong", "possible", "weak")]
    assert found == [True, True, True]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_of_an_article_comes_back_word_for_word(hostile: str) -> None:
    told = article("told", f"Before it. {hostile} After it.")
    quoted = Text(quotation(extract(told, hostile)))
    assert quoted.text == told.text
    assert quoted.tags == ["mark"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_every_fact_comes_back_word_for_word(hostile: str) -> None:
    originals = {f"original_{fact}": hostile for fact in ("title", "author", "publisher", "published")}
    told = replace(article("x", hostile), title=hostile, source=hostile, url=hostile, metadata=originals)
    facts = replace(told, author=hostile, publisher=hostile, published=hostile)
    other = replace(facts, id="other")
    place = Place(other, 0, 1)
    one = extract(facts, hostile, matched=(hostile.casefold(),), also_in=(place,))
    page = Text(render_answer(replace(answered(one), question=hostile, generation=hostile), 0))
    allowed = {"section", "ol", "li", "article", "p", "blockquote", "mark", "cite", "time", "span"}
    assert set(page.tags) <= allowed
    assert page.attributes <= {"class", "lang", "datetime"}
    # Answer, title, author (the publisher is the same), date, file; the original's four; also in; index.
    assert page.text.count(hostile) >= 11


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_error_comes_back_word_for_word(hostile: str) -> None:
    page = Text(render_error(f"the question {hostile}"))
    assert page.text == f"The question {hostile}."
    assert page.tags == ["section", "p"]


def test_paragraph_breaks_stay_inside_the_mark() -> None:
    told = article("told", "One. Two.", "Three. Four.")
    assert quotation(extract(told, "Two.\n\nThree.")) == "One. <mark>Two.\n\nThree.</mark> Four."


def test_an_article_with_a_title_is_cited_by_it_and_its_file() -> None:
    titled = replace(HARBOUR, title="The harbour", url="", author="", published="2005")
    assert citation(titled) == (
        "<cite>The harbour</cite>, The Gazette, "
        '<time datetime="2005">2005</time>, <span class="file">harbour.md</span>'
    )


def test_a_publisher_that_signs_its_articles_is_named_once() -> None:
    assert citation(replace(ECHO, url="", author="The Gazette", published="")) == (
        "<cite>echo.md</cite>, The Gazette"
    )


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/x", "http:", "https://[", "ftp://a/b"],
)
def test_only_addresses_of_the_web_are_links(url: str) -> None:
    assert "<a" not in citation(replace(ECHO, url=url))


def test_an_address_cannot_leave_its_attribute() -> None:
    html = citation(replace(ECHO, url='https://example.org/"onclick="alert(1)'))
    assert Text(html).attributes == {"href", "rel", "datetime"}


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
    assert human_date(published) == shown


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
    places = (Place(HARBOUR, 0, 3), Place(ECHO, 0, 3), Place(ECHO, 4, 8))
    assert also_in(extract(HARBOUR, "Nobody paid.", also_in=places)) == "Also in: <cite>echo.md</cite>"


def test_matched_terms_are_shown_as_the_words_of_the_article() -> None:
    told = article("told", "The Services of an authority grew costly.")
    terms = ("the", "servic", "author", "costli", "elsewhere")
    words = matched_words(extract(told, told.text, matched=terms))
    assert words == ["Services", "authority", "costly", "elsewhere"]


def test_the_status_line_counts() -> None:
    one = extract(ECHO, "more")
    lines = [status_line(answer) for answer in (answered(one), answered(one, one, one), abstained(one))]
    assert lines == ["1 extract found.", "3 extracts found.", "No answer found."]


def test_examples_are_the_first_questions_of_the_articles_each_once() -> None:
    articles = [
        replace(ECHO, metadata={"questions": questions})
        for questions in ("A?\nB?", "", " B? \n\nC?", "D?\nE?\nF?")
    ]
    assert example_questions(articles) == ["A?", "B?", "C?", "D?", "E?"]
    assert example_questions([HARBOUR]) == []


def test_the_welcome_offers_examples_only_where_there_are_some() -> None:
    assert Text(render_welcome(examples=True)).text == "Type a question, or choose one of these."
    assert Text(render_welcome(examples=False)).text == "Type a question to begin."


def test_the_page_shows_what_went_wrong_and_leaves_the_status_empty() -> None:
    status, results = asyncio.run(reply(Desk(StandIn()), "?"))
    assert status == ""
    assert results == (
        '<section class="error" lang="en">'
        '<p role="alert">The question is empty: type a few words.</p></section>'
    )


def test_the_page_announces_what_it_shows() -> None:
    status, results = asyncio.run(reply(Desk(StandIn()), "What cost more?"))
    assert status == "1 extract found."
    assert "<mark>Dredging cost more.</mark>" in results
