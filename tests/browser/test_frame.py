"""The element in a frame of other people's pages."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from index.retrieval.filter import Filter
from tests.support.chromium import needs_chromium
from tests.support.embedding_site import QUESTION, SiteWitness, World, open_site
from tests.support.html_text import HOSTILE_TEXTS
from tests.support.templates import TEMPLATES
from web.pages.embed import frame_snippet

pytestmark = [pytest.mark.browser, needs_chromium]


def frame(world: World, **told: str) -> str:
    """What a site that takes frames puts into its page."""
    snippet = frame_snippet(world.service, TEMPLATES)
    asked = snippet.replace('embed"', f'embed?{escape(urlencode(told))}"', 1)
    return f"<main><h1>Intranet</h1>{asked}</main>"


def framing(world: World) -> str:
    inline = "script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    return f"default-src 'none'; frame-src {world.service}; {inline}"


def test_a_frame_is_as_high_as_what_it_holds(browser: Browser, world: World) -> None:
    world.friend.body = frame(world, k="2", label="Ask the archive", theme="dark", authors="Ada Lovelace")
    world.friend.policy = framing(world)
    with open_site(browser, world.friend) as (page, witness):
        inside = page.frame_locator("iframe")
        inside.get_by_label("Ask the archive").fill(QUESTION)
        before = page.locator("iframe").evaluate("frame => frame.clientHeight")
        page.keyboard.press("Enter")
        expect(inside.locator("li")).to_have_count(1)
        expect(inside.locator("pull-quote")).to_have_attribute("theme", "dark")
        content = inside.locator("html").evaluate("page => Math.ceil(page.getBoundingClientRect().height)")
        assert content > before
        expect(page.locator("iframe")).to_have_js_property("clientHeight", content)
        assert inside.locator("html").evaluate("page => page.scrollHeight <= innerHeight")
        assert witness.complaints == []
        assert {url.startswith((world.friend.origin, world.service)) for url in witness.requests} == {True}
    assert world.assistant.asked == [(QUESTION, 2, Filter(authors=("Ada Lovelace",)))]


def test_only_a_frame_sets_its_own_height(browser: Browser, world: World) -> None:
    world.friend.body = frame(world)
    world.friend.policy = framing(world)
    with open_site(browser, world.friend) as (page, _):
        page.frame_locator("iframe").get_by_label("Question").wait_for()
        expect(page.locator("iframe")).not_to_have_attribute("height", "200")
        before = page.locator("iframe").get_attribute("height")
        page.evaluate("postMessage({type: 'pullquote-height', height: 9000}, '*'); postMessage(null, '*')")
        page.evaluate("new Promise(done => setTimeout(done, 100))")
        assert page.locator("iframe").get_attribute("height") == before


def test_an_address_cannot_send_questions_elsewhere(browser: Browser, world: World) -> None:
    query = urlencode({"endpoint": "https://evil.example/", "onclick": "alert(1)", "label": HOSTILE_TEXTS[1]})
    with browser.new_context() as context:
        page = context.new_page()
        witness = SiteWitness(page)
        page.goto(f"{world.service}embed?{query}")
        page.get_by_role("textbox").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator("li")).to_have_count(1)
        assert page.locator("label").text_content() == HOSTILE_TEXTS[1]
        assert page.locator("pull-quote").evaluate("it => it.getAttributeNames()") == ["label"]
        assert {url.startswith(world.service) for url in witness.requests} == {True}
        assert witness.complaints == []


def test_a_site_that_is_not_listed_cannot_frame(browser: Browser, world: World) -> None:
    world.stranger.body = frame(world)
    world.stranger.policy = framing(world)
    with open_site(browser, world.stranger) as (page, witness):
        page.wait_for_load_state("networkidle")
        assert any("frame-ancestors" in complaint for complaint in witness.complaints)
        assert page.frame_locator("iframe").locator("pull-quote").count() == 0
