"""The element in other people's pages, in a real browser: strict policies, hostile texts, every failure."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Route, expect

from index.retrieval.filter import NO_FILTER, Filter
from qa.answer import Band, Citation
from tests.support.chromium import needs_chromium
from tests.support.embedding_site import QUESTION, World, ask, element, open_site
from tests.support.fake_assistant import ECHO, HARBOUR, abstained, answered, extract, unsure
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS
from web.i18n import load_catalogue
from web.pages.embed import widget_script

LIMIT = 5_000  # bytes, compressed

pytestmark = [pytest.mark.browser, needs_chromium]


def test_the_element_is_small() -> None:
    script = widget_script(load_catalogue()).encode()
    assert len(gzip.compress(script)) < LIMIT


def test_a_listed_site_gets_answers_under_its_strict_policy(browser: Browser, world: World) -> None:
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, witness):
        ask(page)
        expect(page.get_by_role("status")).to_have_text("1 extract found.")
        shown = page.locator("pull-quote li")
        expect(shown.locator("blockquote")).to_have_text(HARBOUR.text, use_inner_text=True)
        expect(shown.locator("mark")).to_have_text("Dredging cost more.")
        expect(shown.locator(".band")).to_have_text("strong match")
        expect(shown.locator(".citation")).to_have_text("harbour.md, Ada Lovelace, The Gazette, 6 May 2024")
        expect(shown.locator(".aside")).to_have_text("Also in: echo.md")
        link = shown.get_by_role("link")
        # "Dredging cost more." begins after the 20 characters of "The quay was cheap. " and has 19.
        expect(link).to_have_attribute("href", f"{world.service}articles/harbour?c=20-39#c=20-39")
        expect(link).to_have_attribute("target", "_blank")
        expect(link).to_have_attribute("rel", "noopener")
        expect(shown.locator("blockquote")).to_have_attribute("lang", "en")
        assert page.evaluate("getComputedStyle(document.querySelector('pull-quote')).borderTopWidth") == "1px"
        assert witness.complaints == []
        assert witness.requests == [
            f"{world.friend.origin}/",
            f"{world.service}widget.js",
            f"{world.service}api/ask",
        ]
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert kept == '[{},{},""]'
    assert world.assistant.asked == [(QUESTION, 3, NO_FILTER)]


def test_a_site_that_is_not_listed_gets_no_answer(browser: Browser, world: World) -> None:
    world.stranger.body = element(world)
    with open_site(browser, world.stranger) as (page, witness):
        ask(page)
        expect(page.get_by_role("status")).to_have_text(
            "The service cannot be reached. Try again in a moment."
        )
        assert any("CORS" in complaint for complaint in witness.complaints)
    assert world.assistant.asked == []


def test_attributes_say_what_is_searched(browser: Browser, world: World) -> None:
    world.friend.body = element(
        world, k="7", articles="harbour.md, echo.md", authors="Lovelace, Ada|", years="2004,2005"
    )
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.locator("pull-quote li")).to_have_count(1)
    filters = Filter(articles=("harbour.md", "echo.md"), authors=("Lovelace, Ada",), years=("2004", "2005"))
    assert world.assistant.asked == [(QUESTION, 7, filters)]


@pytest.mark.parametrize(("written", "asked"), [("0", 3), ("21", 20), ("-4", 1), ("many", 3), ("", 3)])
def test_the_number_of_extracts_stays_within_the_api(
    browser: Browser, world: World, written: str, asked: int
) -> None:
    world.friend.body = element(world, k=written)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.locator("pull-quote li")).to_have_count(1)
    assert [k for _, k, _ in world.assistant.asked] == [asked]


def test_hostile_texts_come_back_word_for_word(browser: Browser, world: World) -> None:
    extracts = []
    for rank, text in enumerate(HOSTILE_TEXTS, start=1):
        told = article(f"told-{rank}/../?", f"Before it. {text} After it.")
        facts = replace(
            told, title=text, source=text, author=text, publisher=f"{text}!", published=text, url=text
        )
        other = Citation(replace(facts, id="other"), 0, 1)
        extracts.append(extract(facts, text, rank=rank, also_in=(other,)))
    world.assistant.answer = replace(answered(*extracts), expansions=HOSTILE_TEXTS)
    world.friend.body = element(world, label="Question &lt;b>", placeholder="&lt;b>")
    with open_site(browser, world.friend) as (page, witness):
        ask(page, HOSTILE_TEXTS[0])
        expect(page.locator("pull-quote li")).to_have_count(len(HOSTILE_TEXTS))
        for number, (shown, text) in enumerate(
            zip(page.locator("pull-quote li").all(), HOSTILE_TEXTS, strict=True), start=1
        ):
            assert shown.locator("blockquote").text_content() == f"Before it. {text} After it."
            assert shown.locator("mark").text_content() == text
            assert shown.locator(".citation").text_content() == f"{text}, {text}, {text}!, {text}"
            assert shown.locator(".aside").text_content() == f"Also in: {text}"
            link = shown.locator("a").get_attribute("href")
            assert (
                link
                == f"{world.service}articles/told-{number}%2F..%2F%3F?c=11-{11 + len(text)}#c=11-{11 + len(text)}"
            )
        searched = page.locator("pull-quote .aside").first
        assert searched.text_content() == f"Also searched: {', '.join(HOSTILE_TEXTS)}"
        assert page.locator("pull-quote label").text_content() == "Question <b>"
        strange = "script:not([src$='widget.js']), img, svg, iframe, style, base, link, meta"
        assert page.locator(strange).count() == 0
        assert witness.complaints == []
        assert {url.startswith((world.friend.origin, world.service)) for url in witness.requests} == {True}
    assert [question for question, _, _ in world.assistant.asked] == [HOSTILE_TEXTS[0]]


def test_a_mark_after_an_emoji_is_where_it_belongs(browser: Browser, world: World) -> None:
    told = article("told", "😀😀 It is 𝕋rue. Dredging 🛳️ cost more. Nobody paid.")
    world.assistant.answer = answered(extract(told, "Dredging 🛳️ cost more."))
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.locator("pull-quote mark")).to_have_text("Dredging 🛳️ cost more.")
        assert page.locator("pull-quote blockquote").text_content() == told.text


def test_an_extract_from_the_middle_of_an_article_is_marked(browser: Browser, world: World) -> None:
    world.assistant.answer = answered(
        extract(HARBOUR, "Nobody paid.", shown="Dredging cost more. Nobody paid.")
    )
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.locator("pull-quote mark")).to_have_text("Nobody paid.")
        assert page.locator("pull-quote blockquote").text_content() == "Dredging cost more. Nobody paid."


def test_bands_and_dates_are_words(browser: Browser, world: World) -> None:
    dates = ("2005", "2005-09", "2005-02-31", "spring 2005")
    shown = (replace(ECHO, published=published) for published in dates)
    world.assistant.answer = answered(
        *(replace(extract(one, "more"), band=band) for one, band in zip(shown, Band, strict=True))
    )
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.get_by_role("status")).to_have_text("4 extracts found.")
        assert page.locator("pull-quote .band").all_text_contents() == [
            "strong match",
            "possible match",
            "weak match",
            "match, not rated",
        ]
        assert page.locator("pull-quote time").all_text_contents() == [
            "2005",
            "September 2005",
            "2005-02-31",
            "spring 2005",
        ]


def test_no_answer_is_told_with_the_closest_passages_folded_away(browser: Browser, world: World) -> None:
    world.assistant.answer = abstained(extract(ECHO, "dredging"))
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.get_by_role("status")).to_have_text("No answer found in these articles.")
        expect(page.locator("pull-quote blockquote")).to_be_hidden()
        page.get_by_text("Closest passages").click()
        expect(page.locator("pull-quote blockquote")).to_have_text(ECHO.text)
        expect(page.locator("pull-quote .citation")).to_be_visible()


def test_an_unsure_answer_shows_the_closest_passage_and_folds_the_others(
    browser: Browser, world: World
) -> None:
    world.assistant.answer = unsure(extract(ECHO, "dredging"), extract(HARBOUR, "Nobody paid.", rank=2))
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.get_by_role("status")).to_have_text("Not sure: this may not answer the question.")
        closest, other = page.locator("pull-quote blockquote").all()
        expect(closest).to_have_text(ECHO.text)
        expect(closest).to_be_visible()
        expect(other).to_be_hidden()
        page.get_by_text("Other close passages").click()
        expect(other).to_be_visible()
        assert page.locator("pull-quote details ol").get_attribute("start") == "2"


def test_nothing_near_folds_nothing(browser: Browser, world: World) -> None:
    world.assistant.answer = abstained()
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        ask(page)
        expect(page.get_by_text("Try other words, or ask about one thing at a time.")).to_be_visible()
        assert page.locator("pull-quote details").count() == 0


def test_the_page_is_told_of_answers_and_of_failures(browser: Browser, world: World) -> None:
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        page.evaluate(
            """() => {
                window.told = [];
                for (const name of ["pullquote-answer", "pullquote-error"])
                    document.addEventListener(name, (event) => window.told.push([name, event.detail]));
            }"""
        )
        ask(page)
        expect(page.locator("pull-quote li")).to_have_count(1)
        ask(page, "?!")
        expect(page.get_by_role("status")).to_have_text("The question is empty: type a few words.")
        expect(page.locator("pull-quote li")).to_have_count(0)
        told = page.evaluate("window.told")
    assert [name for name, _ in told] == ["pullquote-answer", "pullquote-error"]
    marked = {"start": 20, "end": 39, "text": "Dredging cost more.", "key": None}
    assert told[0][1]["extracts"][0]["answer"] == marked
    assert told[1][1] == {"status": 422, "message": "The question is empty: type a few words."}


PROBLEM = {"content_type": "application/problem+json"}


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (
            {"status": 503, "headers": {"Retry-After": "7"}, "body": '{"detail": "too many"}', **PROBLEM},
            "Too many people are asking at once. Try again in 7 seconds.",
        ),
        ({"status": 503, "body": '{"detail": "too many people"}', **PROBLEM}, "Too many people."),
        (
            {"status": 502, "body": "<h1>Bad gateway</h1>"},
            "The service could not answer (error 502). Try again in a moment.",
        ),
        (
            {"status": 200, "body": "<h1>Sign in</h1>"},
            "The service cannot be reached. Try again in a moment.",
        ),
    ],
)
def test_every_failure_is_one_line(browser: Browser, world: World, reply: dict[str, Any], line: str) -> None:
    allowed = {
        "Access-Control-Allow-Origin": world.friend.origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Allow-Headers": "content-type",
    }
    headers = allowed | reply.get("headers", {})
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        page.route("**/api/ask", lambda route: route.fulfill(**{**reply, "headers": headers}))
        ask(page)
        expect(page.get_by_role("status")).to_have_text(line)


def test_the_time_to_come_back_is_told_to_other_sites(world: World) -> None:
    """The header is readable across origins: the service says so itself."""
    sent = httpx2.post(
        f"{world.service}api/ask", json={"question": "Why?"}, headers={"Origin": world.friend.origin}
    )
    assert sent.headers["Access-Control-Expose-Headers"] == "Retry-After"


def test_a_new_question_takes_the_place_of_the_one_under_way(browser: Browser, world: World) -> None:
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):

        def hold_the_first(route: Route) -> None:
            """By its question: when it is given up soon, the second is the first request that gets here."""
            if "The first?" not in (route.request.post_data or ""):
                route.continue_()

        page.route("**/api/ask", hold_the_first)
        with page.expect_event("requestfailed") as failed:
            ask(page, "The first?")
            expect(page.get_by_role("status")).to_have_text("Searching…")
            ask(page, "The second?")
        assert json.loads(failed.value.post_data or "")["question"] == "The first?"
        expect(page.get_by_role("status")).to_have_text("1 extract found.")
    assert [question for question, _, _ in world.assistant.asked] == ["The second?"]


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_an_endpoint_may_be_said(browser: Browser, world: World, slash: str) -> None:
    """The script may lie on the page's own server, and the service elsewhere."""
    world.friend.body = element(world, endpoint=f"{world.service.rstrip('/')}{slash}")
    with browser.new_context() as context:
        page = context.new_page()
        script = widget_script(load_catalogue())
        page.route(
            f"{world.service}widget.js",
            lambda route: route.fulfill(body=script, content_type="text/javascript"),
        )
        page.goto(f"{world.friend.origin}/")
        with page.expect_request(f"{world.service}api/ask"):
            ask(page)
        expect(page.locator("pull-quote li")).to_have_count(1)


def test_a_page_may_load_the_script_twice_and_hold_two(browser: Browser, world: World) -> None:
    world.friend.body = element(world) + element(world, label="Another")
    with open_site(browser, world.friend) as (page, witness):
        page.get_by_label("Another").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator("li")).to_have_count(1)
        assert witness.complaints == []
