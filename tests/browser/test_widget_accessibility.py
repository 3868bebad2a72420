"""The element as people meet it: the keyboard, axe, sizes, colours, languages."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from qa.answer import Citation
from tests.support.chromium import needs_chromium
from tests.support.embedding_site import QUESTION, World, ask, element, open_site
from tests.support.fake_assistant import ECHO, HARBOUR, abstained, extract
from tests.support.tiers import mostly_full

pytestmark = [pytest.mark.browser, needs_chromium]


def test_the_keyboard_alone_is_enough(browser: Browser, world: World) -> None:
    world.assistant.answer = abstained(extract(ECHO, "dredging"))
    world.friend.body = element(world)
    with open_site(browser, world.friend) as (page, _):
        page.keyboard.press("Tab")
        expect(page.get_by_label("Question")).to_be_focused()
        page.keyboard.type(QUESTION)
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Ask")).to_be_focused()
        page.keyboard.press("Space")
        expect(page.get_by_role("status")).to_have_text("No answer found in these articles.")
        page.keyboard.press("Tab")
        expect(page.locator("pull-quote summary")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="echo.md")).to_be_focused()
        outline = page.evaluate(
            "getComputedStyle(document.querySelector('pull-quote').shadowRoot.activeElement).outlineWidth"
        )
        assert outline == "3px"


def faults(context: BrowserContext, address: str, answered: Any) -> list[str]:
    """What axe finds wrong with a page once a question is answered in it."""
    page = context.new_page()
    page.goto(address)
    answered(page)
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in Axe().run(page).response["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", mostly_full(["light", "dark"], "dark"))
@pytest.mark.parametrize("width", mostly_full([1280, 390], 390))
def test_axe_finds_nothing(browser: Browser, world: World, scheme: str, width: int) -> None:
    nearest = abstained(extract(HARBOUR, "Dredging cost more.", also_in=(Citation(ECHO, 0, 4),)))
    world.friend.body = element(world)

    def found(page: Page) -> None:
        ask(page)
        expect(page.locator("li").first).to_be_visible()

    def unfolded(page: Page) -> None:
        ask(page)
        page.get_by_text("Closest passages").click()

    options: Any = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}, "bypass_csp": True}
    with browser.new_context(**options) as context:
        assert faults(context, f"{world.friend.origin}/", found) == []
        assert faults(context, f"{world.service}embed?theme=dark", found) == []
        world.assistant.answer = nearest
        assert faults(context, f"{world.friend.origin}/", unfolded) == []
        assert faults(context, f"{world.service}embed/demo", lambda page: None) == []


def test_everything_to_press_is_large_enough_and_fits_a_telephone(browser: Browser, world: World) -> None:
    world.assistant.answer = abstained(extract(HARBOUR, "Dredging cost more."))
    world.friend.body = element(world)
    with open_site(browser, world.friend, viewport={"width": 390, "height": 800}) as (page, _):
        ask(page)
        page.get_by_text("Closest passages").click()
        for pressed in page.locator(
            "pull-quote input, pull-quote button, pull-quote a, pull-quote summary"
        ).all():
            box = pressed.bounding_box()
            assert box
            assert box["height"] >= 24
            assert box["width"] >= 24
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_theme_may_be_fixed_and_colours_said(browser: Browser, world: World) -> None:
    ground = "getComputedStyle(document.querySelector('pull-quote')).backgroundColor"
    seen = []
    for attributes in ({}, {"theme": "auto"}, {"theme": "light"}, {"theme": "dark"}):
        world.friend.body = element(world, **attributes)
        for scheme in ("light", "dark"):
            with open_site(browser, world.friend, color_scheme=scheme) as (page, _):
                page.get_by_label("Question").wait_for()
                seen.append(page.evaluate(ground))
    light, dark = "rgb(255, 255, 255)", "rgb(30, 36, 43)"
    assert seen == [light, dark, light, dark, light, light, dark, dark]
    with open_site(browser, world.friend) as (page, _):
        page.evaluate(
            "document.querySelector('pull-quote').style.setProperty('--pullquote-background', 'rgb(1, 2, 3)')"
        )
        assert page.evaluate(ground) == "rgb(1, 2, 3)"


def test_forced_colours_keep_the_mark(browser: Browser, world: World) -> None:
    world.friend.body = element(world)
    ground = "one => getComputedStyle(one).backgroundColor"
    with open_site(browser, world.friend, forced_colors="active") as (page, _):
        ask(page)
        mark = page.locator("pull-quote mark").evaluate(ground)
        assert mark == page.evaluate(
            "getComputedStyle(document.body.appendChild(document.createElement('mark'))).backgroundColor"
        )


def german(route: Route) -> None:
    words = {"lang": "de", "question": "Frage", "ask": "Fragen", "found.one": "{count} Auszug gefunden."}
    route.fulfill(json=words, headers={"Access-Control-Allow-Origin": "*"})


def test_another_language_comes_from_the_service(browser: Browser, world: World) -> None:
    world.friend.body = element(world, lang="de")
    with browser.new_context() as context:
        page = context.new_page()
        page.route("**/widget/de.json", german)
        page.goto(f"{world.friend.origin}/")
        expect(page.get_by_role("button", name="Fragen")).to_be_visible()
        page.get_by_label("Frage").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("1 Auszug gefunden.")
        # What is missing in a translation is said in the service's language.
        expect(page.locator("pull-quote .band")).to_have_text("strong match")
        expect(page.locator("pull-quote time")).to_have_text("6. Mai 2024")
        assert page.locator("pull-quote section").first.get_attribute("lang") == "de"
        page.evaluate("document.querySelector('pull-quote').lang = 'en'")
        expect(page.get_by_role("button", name="Ask")).to_be_visible()


@pytest.mark.parametrize(("tag", "asked"), [("xx", True), ("en-GB", False)])
def test_an_unknown_language_is_the_services_own(
    browser: Browser, world: World, tag: str, asked: bool
) -> None:
    world.friend.body = element(world, lang=tag)
    with open_site(browser, world.friend) as (page, witness):
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("button", name="Ask")).to_be_visible()
        assert (f"{world.service}widget/{tag}.json" in witness.requests) == asked


def test_label_and_placeholder_may_change_while_the_page_is_open(browser: Browser, world: World) -> None:
    world.friend.body = element(world, label="Ask the archive", placeholder="For example, dredging")
    with open_site(browser, world.friend) as (page, _):
        expect(page.get_by_label("Ask the archive")).to_have_attribute("placeholder", "For example, dredging")
        page.evaluate("document.querySelector('pull-quote').setAttribute('label', 'Ask us')")
        expect(page.get_by_label("Ask us")).to_be_visible()
