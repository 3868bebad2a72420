"""Links to the words cited: written by hand, held against another matcher, and opened in a browser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from itertools import count
from urllib.parse import quote, unquote

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from corpus.article import Article
from tests.support.browser_page import running
from tests.support.chromium import needs_chromium
from tests.support.cost import LINEAR, SHAPES, growth
from tests.support.fakes import article
from tests.support.tiers import mostly_full
from web.citations.text_fragment import Directive, fragment_link, matches

LONG = (
    "The quay that the council bought from the old harbour company was cheap, but dredging the channel in front "
    "of it cost more than anybody had thought twenty years ago."
)
QUAYS = article(
    "quays",
    "The Quays",
    LONG,
    "Nobody paid for it. It was built, and it was paid for later.",
    "Nobody paid for it. The canal – “a folly”, they said – was 3.5 miles long; it wasn’t used & isn't well-known.",
    "It rained. It rained. It rained.",
    "Ein Café am Kai. The CAFE closed.",
)


def link(quoted: str, occurrence: int = 0, *, of: Article = QUAYS) -> str:
    return fragment_link(of, span(of, quoted, occurrence))


def span(of: Article, quoted: str, occurrence: int = 0) -> tuple[int, int]:
    start = [match.start() for match in re.finditer(re.escape(quoted), of.text)][occurrence]
    return start, start + len(quoted)


def directive(quoted: str, occurrence: int = 0) -> str:
    written = link(quoted, occurrence)
    return written.removeprefix("https://example.org/quays#:~:text=") if written else ""


@pytest.mark.parametrize(
    ("quoted", "occurrence", "written"),
    [
        (
            "It was built, and it was paid for later.",
            0,
            "It%20was%20built%2C%20and%20it%20was%20paid%20for%20later.",
        ),
        ("well-known.", 0, "well%2Dknown."),
        ("used & isn't", 0, "used%20%26%20isn%27t"),
        ("“a folly”", 0, "%E2%80%9Ca%20folly%E2%80%9D"),
        # The whole of a word, where the span is a part of it.
        ("anal", 0, "canal"),
        ("5 miles", 0, "3.5%20miles"),
        ("wasn", 0, "wasn%E2%80%99t"),
        ("t used", 0, "wasn%E2%80%99t%20used"),
        ("well", 0, "well"),
        ("built", 0, "built"),
        # Twice in the article: the words behind tell them apart, or those before.
        ("Nobody paid for it.", 0, "twenty%20years%20ago.-,Nobody%20paid%20for%20it."),
        ("Nobody paid for it.", 1, "paid%20for%20later.-,Nobody%20paid%20for%20it."),
        ("Café", 0, "Ein-,Caf%C3%A9"),
        ("CAFE", 0, "am%20Kai.%20The-,CAFE"),
        # Neither three words before nor behind do, both together do.
        ("It rained.", 1, "It%20rained.-,It%20rained.,-It%20rained."),
        # Long ones are given by their ends.
        (LONG, 0, "The%20quay%20that%20the,thought%20twenty%20years%20ago."),
        # Over paragraphs, with a part in each.
        ("years ago.\n\nNobody paid", 0, "years%20ago.,Nobody%20paid"),
    ],
)
def test_a_directive_names_what_is_cited(quoted: str, occurrence: int, written: str) -> None:
    assert directive(quoted, occurrence) == written


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://example.org/a", "https://example.org/a#:~:text=built"),
        ("http://example.org/a?b=1#part", "http://example.org/a?b=1#part:~:text=built"),
        ("https://example.org/a#:~:text=other", "https://example.org/a#:~:text=built"),
        ("https://example.org/a#part:~:text=other", "https://example.org/a#part:~:text=built"),
        ("", ""),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("https://", ""),
    ],
)
def test_the_directive_goes_behind_the_fragment_of_an_address_on_the_web(url: str, written: str) -> None:
    assert link("built", of=replace(QUAYS, url=url)) == written


def test_what_cannot_be_told_from_other_places_has_no_link() -> None:
    same = article("same", *["One sentence that is always the same."] * 40)
    assert fragment_link(same, (len(same.text) // 39 * 20 - 1, len(same.text) // 39 * 20 + 20)) == ""


@pytest.mark.parametrize("cited", [(0, 0), (9, 11), (5, 5), (10_000, 10_010), (7, 3)])
def test_no_words_no_link(cited: tuple[int, int]) -> None:
    assert QUAYS.text[9:11] == "\n\n"
    assert fragment_link(QUAYS, cited) == ""


@pytest.mark.parametrize(
    ("sought", "text", "places"),
    [
        (Directive("cost"), "Cost costs COST accost", [(0, 4), (11, 15)]),
        (Directive("cafe"), "Café cafés", [(0, 4)]),
        (Directive("it's"), "it’s", [(0, 4)]),
        (Directive("a b"), "a\u00a0b a\n\nb", [(0, 3)]),
        (Directive("a", "d"), "a b d a c d", [(0, 5), (6, 11)]),
        (Directive("a", "d", suffix="e"), "a b d a c d e", [(0, 11), (6, 11)]),
        (Directive("cost", suffix="nobody"), "The cost, or the cost nobody knows", [(17, 21)]),
        (Directive("b", prefix="a"), "a\n\nb b", [(3, 4)]),
        (Directive("b", prefix="a"), "aa b", []),
        (Directive("b", suffix="c"), "b cc", []),
        (Directive("b", prefix="a"), "b", []),
    ],
)
def test_what_a_browser_finds(sought: Directive, text: str, places: list[tuple[int, int]]) -> None:
    assert list(matches(text, sought, count())) == places


def plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(str.maketrans("‘’“”", "''\"\"")))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


BOUND = r"(?:(?<!\w)|(?!\w))"


def other_matcher(text: str, written: str) -> list[tuple[int, int]]:
    """Every place of a directive, by one regular expression."""
    form = re.fullmatch(r"(?:([^,-]*)-,)?([^,-]+)(?:,([^,-]+))?(?:,-([^,-]+))?", written)
    assert form, written
    prefix, first, last, suffix = (re.escape(plain(unquote(term or ""))) for term in form.groups())
    to_last = rf".*?{BOUND}{last}" if last else ""
    before = rf"{prefix}\s*" if prefix else ""
    rule = rf"(?={BOUND}{before}(?P<said>{first}{to_last})\s*{suffix}{BOUND})"
    return [match.span("said") for match in re.finditer(rule, plain(text), re.IGNORECASE | re.DOTALL)]


WORDS = "the quay cost more, was Quay dredged. and-so Café cafe it’s".split()
PARAGRAPH = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join)


@given(st.lists(PARAGRAPH, min_size=1, max_size=4), st.data())
def test_another_matcher_finds_just_the_words_cited(paragraphs: list[str], data: st.DataObject) -> None:
    drawn = article("drawn", *paragraphs)
    start = data.draw(st.integers(0, len(drawn.text) - 1))
    end = data.draw(st.integers(start + 1, len(drawn.text)))
    written = fragment_link(drawn, (start, end)).partition("#:~:text=")[2]
    if written:
        ((first, last),) = other_matcher(drawn.text, written)
        cited = drawn.text[start:end].strip()
        assert cited in drawn.text[first:last]
        assert drawn.text[first:last].split()[1:-1] == cited.split()[1:-1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "cited", [slice(0, 60), slice(-6, -2), slice(0, None)], ids=["first", "last", "whole"]
)
def test_twice_the_article_takes_twice_the_time(shape: str, cited: slice) -> None:
    def linked(size: int) -> Callable[[], object]:
        long = SHAPES[shape](size)
        start, end, _ = cited.indices(len(long.text))

        def work() -> None:
            for number in range(20):  # other articles take all places of the cache
                list(matches(str(number), Directive("1"), count()))
            fragment_link(long, (start, end))

        return work

    assert growth(linked, 100_000) < LINEAR


def test_a_term_that_is_everywhere_and_a_long_article_have_no_fragment() -> None:
    often = article("often", f"{'cost x ' * 20_000}cost y")
    end = len(often.text) - 2
    assert fragment_link(often, (end - 4, end)) == ""
    assert fragment_link(article("long", "a b " * 125_000 + "c"), (500_000, 500_001)) == ""
    assert fragment_link(article("fits", "a b " * 124_999 + "c"), (499_996, 499_997)) != ""


@contextmanager
def at(page: Page, text: str) -> Iterator[str]:
    """The paragraphs served as a page, far apart, with a click to go there; the page's address."""
    app = FastAPI()
    paragraphs = "".join(
        f'<p style="margin: 1500px 0">{escape(paragraph)}</p>' for paragraph in text.split("\n\n")
    )

    @app.get("/quays")
    def quays() -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>Quays</title>{paragraphs}")

    @app.get("/")
    def start(to: str) -> HTMLResponse:
        return HTMLResponse(f'<!doctype html><title>Start</title><a href="{escape(to, quote=True)}">go</a>')

    with running(app) as address:
        yield address


# Each citation, and the paragraph a browser must show.
OPENED = [
    ("Nobody paid for it.", 0, 2),
    ("Nobody paid for it.", 1, 3),
    ("well-known.", 0, 3),
    ("used & isn't", 0, 3),
    ("“a folly”", 0, 3),
    ("It rained.", 1, 4),
    ("CAFE", 0, 5),
    (LONG, 0, 1),
    ("anal", 0, 3),
    ("5 miles", 0, 3),
    ("later.\n\nNobody paid", 0, 2),
    ("The CAFE closed.", 0, 5),
]


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize(("quoted", "occurrence", "paragraph"), mostly_full(OPENED, *OPENED[1::5]))
def test_a_browser_goes_there(browser: Browser, quoted: str, occurrence: int, paragraph: int) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        with at(page, QUAYS.text) as address:
            there = link(quoted, occurrence, of=replace(QUAYS, url=f"{address}quays"))
            page.goto(f"{address}?to={quote(there, safe='')}")
            page.get_by_role("link", name="go").click()
            page.wait_for_function("scrollY > 0")
            page.wait_for_timeout(200)
            shown = page.locator("p").nth(paragraph).bounding_box()
            assert shown
            assert 0 <= shown["y"] < 720
