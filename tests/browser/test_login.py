"""Logging in and out in a real browser, what the pages look like, and the element where a login is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.browser_page import PageWitness, running
from tests.support.chromium import needs_chromium
from tests.support.embedding_site import Site, ask
from tests.support.fake_assistant import FakeAssistant
from tests.support.tiers import mostly_full
from web.access.credentials import FILE, add
from web.service import build_app
from web.service_settings import Access, ServiceSettings

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]

PASSWORD = "correct horse battery"
QUESTION = "What cost more?"


class Guarded:
    """A service with a password, and a site that it lists."""

    def __init__(self, address: str, data: Path, friend: Site) -> None:
        self.address = address
        self.data = data
        self.friend = friend


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    data, friend = tmp_path_factory.mktemp("guarded"), Site()
    add(data / FILE, "staff", PASSWORD)
    with ExitStack() as stack:
        friend.origin = stack.enter_context(running(friend.app())).rstrip("/")
        settings = ServiceSettings(data=data, access=Access.PASSWORD, origins=(friend.origin,))
        address = stack.enter_context(running(build_app(FakeAssistant(), settings)))
        yield Guarded(address, data, friend)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_a_shared_link_leads_over_the_login_page_to_its_answer(page: Page, guarded: Guarded) -> None:
    witness = PageWitness(page, guarded.address)
    wanted = f"{guarded.address}?q=What+cost+more%3F&year=2024"
    page.goto(wanted)
    assert page.url.startswith(f"{guarded.address}login?next=")
    expect(page.get_by_label("Password")).to_be_focused()
    log_in(page)
    expect(page.locator("#results mark")).to_have_text("Dredging cost more.", timeout=30_000)
    assert page.url.split("&g=")[0] == wanted
    (cookie,) = page.context.cookies()
    told = {name: cookie.get(name) for name in ("httpOnly", "sameSite", "secure", "path")}
    assert told == {"httpOnly": True, "sameSite": "Lax", "secure": False, "path": "/"}
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("link", name="Log out").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(f"{guarded.address}articles/harbour")
    assert "/login?next=" in page.url
    assert witness.seen == []


def test_a_wrong_password_is_told_where_it_was_typed(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.address}articles")
    log_in(page, "something else")
    expect(page.get_by_role("alert")).to_have_text("This is not the password.")
    expect(page.get_by_label("Password")).to_have_attribute("aria-describedby", "told")
    log_in(page)
    expect(page.get_by_role("heading", name="Articles")).to_be_visible()


def test_whoever_is_shut_out_while_the_page_is_open_is_asked_again(page: Page, guarded: Guarded) -> None:
    page.goto(guarded.address)
    log_in(page)
    expect(page.locator("#status")).to_have_role("status", timeout=30_000)
    page.context.clear_cookies()
    page.get_by_label("Question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_visible()
    log_in(page)
    expect(page.locator("#results mark")).to_have_text("Dredging cost more.", timeout=30_000)


def test_the_element_asks_with_the_login_of_its_own_site(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.address}embed/demo")
    log_in(page)
    for place in (page.locator("main > pull-quote"), page.frame_locator("iframe").locator("pull-quote")):
        place.get_by_label("Question").fill(QUESTION)
        place.get_by_label("Question").press("Enter")
        expect(place.locator("mark")).to_have_text("Dredging cost more.")


def test_on_another_site_it_sends_no_cookie_and_shows_the_way_in(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.address}articles")
    log_in(page)
    expect(page.get_by_role("heading", name="Articles")).to_be_visible()
    guarded.friend.body = (
        f'<main><script src="{guarded.address}widget.js" defer></script><pull-quote></pull-quote></main>'
    )
    sent: list[dict[str, str]] = []
    page.on("request", lambda one: sent.append(one.all_headers()) if one.url.endswith("/api/ask") else None)
    page.goto(f"{guarded.friend.origin}/")
    ask(page)
    expect(page.get_by_role("status")).to_have_text("You are not logged in.")
    expect(page.get_by_role("link", name="Log in")).to_have_attribute("href", f"{guarded.address}login")
    assert len(sent) == 1
    assert "cookie" not in sent[0]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("path", mostly_full(["login", "logout", "wrong"], "wrong"))
def test_axe_finds_nothing(browser: Browser, guarded: Guarded, path: str, width: int, scheme: Any) -> None:
    with browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 700}, bypass_csp=True
    ) as context:
        page = context.new_page()
        page.goto(f"{guarded.address}{'login' if path == 'wrong' else path}")
        if path == "wrong":
            log_in(page, "something else")
            expect(page.get_by_role("alert")).to_be_visible()
        result = Axe().run(page)
        assert result.response["violations"] == [], result.generate_report()


def test_nothing_runs_over_the_edge_and_targets_are_large_enough(browser: Browser, guarded: Guarded) -> None:
    for width in (320, 390, 640):
        with browser.new_context(viewport={"width": width, "height": 700}) as context:
            page = context.new_page()
            for path in ("login", "logout"):
                page.goto(f"{guarded.address}{path}")
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                small = page.locator("button, input:visible").evaluate_all(
                    "all => all.filter(one => one.getBoundingClientRect().height < 24).length"
                )
                assert small == 0
