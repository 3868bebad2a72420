"""What people do with an answer, in a real browser: narrow it, share it, check it, copy it, collect it, judge it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from qa.assistant import Assistant
from qa.feedback.store import FeedbackStore
from tests.support.browser_page import GRANT_QUESTION, open_page, running
from tests.support.chromium import needs_chromium
from tests.support.fake_assistant import FakeAssistant
from tests.support.tiers import full
from web.service import build_app
from web.service_settings import ServiceSettings

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]
COST = "What did the pathfinders do with the money?"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "feedback.sqlite"


@pytest.fixture(scope="module")
def address(sample: Assistant, kept: Path) -> Iterator[str]:
    with (
        closing(FeedbackStore(kept, keep_questions=True)) as store,
        running(build_app(sample, ServiceSettings(), feedback=store)) as address,
    ):
        yield address


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def first(page: Page) -> Locator:
    return page.locator("ol.extracts > li").first


def citations(page: Page) -> list[str]:
    return page.locator("#results .citation cite").all_text_contents()


def test_a_filter_narrows_the_answer_and_stands_in_the_address(browser: Browser, address: str) -> None:
    with open_page(browser, address, COST) as page:
        expect(first(page)).to_be_visible()
        before = citations(page)
        assert len(set(before)) > 1
        page.get_by_text("Filters and order").click()
        box = page.locator("#filters input[name=article]").nth(1)
        wanted = box.get_attribute("value")
        box.check()
        expect(page.locator("#filters summary")).to_contain_text("1 filter set")
        # Made anew, and still where the keyboard was.
        expect(page.locator("#filters input[name=article]").nth(1)).to_be_checked()
        expect(page.locator("#filters input[name=article]").nth(1)).to_be_focused()
        expect(page.locator("#filters details")).to_have_attribute("open", "")
        assert asked(page)["article"] == [wanted]
        assert asked(page)["q"] == [COST]
        assert page.locator("#results article[data-article]").evaluate_all(
            "all => [...new Set(all.map(one => one.dataset.article))]"
        ) == [wanted]
        page.reload()
        expect(page.locator("#filters summary")).to_contain_text("1 filter set")
        expect(first(page)).to_be_visible()
        page.go_back()
        expect(page.locator("#filters summary")).not_to_contain_text("1 filter set")
        expect(page.get_by_label("Question")).to_have_value(COST)
        page.wait_for_function(
            "count => document.querySelectorAll('#results .citation cite').length === count", arg=len(before)
        )
        assert citations(page) == before
        page.go_forward()
        expect(page.locator("#filters summary")).to_contain_text("1 filter set")
        page.get_by_text("Filters and order").click()
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator("#filters summary")).not_to_contain_text("1 filter set")
        assert "article" not in asked(page)


@full
def test_order_and_number_stand_in_the_address(browser: Browser, address: str) -> None:
    with open_page(browser, address, COST) as page:
        page.get_by_text("Filters and order").click()
        page.get_by_label("Newest first").check()
        expect(page.get_by_label("Newest first")).to_be_focused()
        page.get_by_label("10", exact=True).check()
        expect(page.locator("ol.extracts > li").nth(5)).to_be_attached()
        expect(page.get_by_label("10", exact=True)).to_be_focused()
        assert (asked(page)["sort"], asked(page)["k"]) == (["date"], ["10"])
        page.reload()
        page.get_by_text("Filters and order").click()
        expect(page.get_by_label("Newest first")).to_be_checked()
        expect(page.get_by_label("10", exact=True)).to_be_checked()


@full
def test_a_link_of_another_index_says_so(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.goto(f"{address}?q=grant&g=gen-0-0000")
        expect(page.locator("#results .changed")).to_contain_text("have changed since this link was made")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#results .changed")).to_have_count(0)
        assert asked(page)["g"] != ["gen-0-0000"]


def test_going_back_shows_the_question_before(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        for question in (GRANT_QUESTION, COST):
            page.get_by_label("Question").fill(question)
            page.keyboard.press("Enter")
            page.wait_for_function(
                "asked => document.querySelector('section.answer') && new URL(location).searchParams.get('g')"
                " && new URL(location).searchParams.get('q') === asked",
                arg=question,
            )
        page.go_back()
        expect(page.get_by_label("Question")).to_have_value(GRANT_QUESTION)
        expect(first(page).locator("mark").first).to_contain_text("£100,000")


def test_a_citation_opens_the_reader_at_the_passage_and_back_again(browser: Browser, address: str) -> None:
    with open_page(browser, address, GRANT_QUESTION) as page:
        quoted = first(page).locator("mark").first.text_content()
        first(page).locator("a.read").first.click()
        mark = page.locator("mark").first
        expect(mark).to_have_text(quoted or "?")
        expect(mark).to_be_in_viewport()
        expect(page.get_by_role("heading", name="What else answers this question")).to_be_visible()
        page.go_back()
        expect(first(page).locator("mark").first).to_have_text(quoted or "?")


@full
def test_the_reader_needs_no_script(browser: Browser, address: str, sample: Assistant) -> None:
    told = sample.generation.articles[0]
    start = len(told.text) - 200
    with browser.new_context(java_script_enabled=False, viewport={"width": 800, "height": 500}) as context:
        page = context.new_page()
        page.goto(f"{address}articles/{told.id}?c={start}-{start + 60}#c={start}-{start + 60}")
        expect(page.locator("mark").first).to_be_in_viewport()
        assert page.evaluate("scrollY") > 0


@full
def test_a_link_with_the_fragment_alone_marks_too(browser: Browser, address: str, sample: Assistant) -> None:
    told = sample.generation.articles[0]
    start = len(told.text) - 200
    with browser.new_page() as page:
        page.goto(f"{address}articles/{told.id}#c={start}-{start + 60}")
        expect(page.locator("mark").first).to_be_in_viewport()


def test_a_quotation_is_copied_with_its_source(browser: Browser, address: str) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"{address}?q={GRANT_QUESTION}")
        first(page).get_by_text("Copy quotation").click()
        for way, begins in (
            ("Plain text", "“Each children"),
            ("Markdown", "> Each children"),
            ("HTML", "<blockquote>"),
        ):
            first(page).get_by_role("button", name=way).click()
            expect(page.locator("#said")).to_have_text("Copied.")
            page.wait_for_timeout(100)
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied.startswith(begins)
            assert "Children" in copied


def test_extracts_are_collected_in_the_address_and_listed(browser: Browser, address: str) -> None:
    with open_page(browser, address, '"children\'s trusts"') as page:
        boxes = page.get_by_label("Add to evidence list")
        boxes.nth(0).check()
        boxes.nth(1).check()
        expect(page.locator("#evidence")).to_have_text("Evidence list: 2 extracts")
        places = asked(page)["c"]
        assert len(places) == 2
        # Another question keeps them, so does a reload; taking one back takes one back.
        page.get_by_label("Question").fill(GRANT_QUESTION)
        page.keyboard.press("Enter")
        expect(first(page).locator("mark").first).to_contain_text("£100,000")
        page.reload()
        expect(page.locator("#evidence")).to_have_text("Evidence list: 2 extracts")
        assert asked(page)["c"] == places
        page.get_by_role("link", name="Evidence list").click()
        expect(page.get_by_role("heading", name="Evidence list")).to_be_visible()
        expect(page.locator("main blockquote")).to_have_count(2)


@full
def test_more_context_takes_the_place_of_the_extract(browser: Browser, address: str) -> None:
    with open_page(browser, address, GRANT_QUESTION) as page:
        narrow = first(page).locator("article > blockquote")
        shown = narrow.text_content() or "?"
        first(page).get_by_text("Show more context").click()
        wide = first(page).locator("details.context blockquote")
        expect(wide).to_be_visible()
        expect(narrow).to_be_hidden()
        assert shown in (wide.text_content() or "")
        assert len(wide.text_content() or "") > len(shown)


def test_verdicts_and_clicks_are_kept(browser: Browser, address: str, kept: Path) -> None:
    with open_page(browser, address, GRANT_QUESTION) as page:
        useful = first(page).get_by_role("button", name="Useful", exact=True)
        useful.click()
        expect(page.locator("#said")).to_have_text("Thank you, noted.")
        expect(useful).to_have_attribute("aria-pressed", "true")
        first(page).get_by_role("button", name="Not useful").click()
        expect(useful).to_have_attribute("aria-pressed", "false")
        page.get_by_text("None of these answers it").click()
        page.get_by_label("What did you look for?").fill("the amount in 2005")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#said")).to_have_text("Thank you, noted.")
        page.wait_for_timeout(200)
        asked_id = page.locator("section.answer").get_attribute("data-answer-id")
        first(page).locator("a.read").first.click()
        expect(page.locator("article h1")).to_be_visible()
        page.wait_for_timeout(500)
    with closing(sqlite3.connect(kept)) as rows:
        judged = rows.execute(
            "SELECT verdict, reason FROM judged WHERE asked = ? ORDER BY verdict", (asked_id,)
        ).fetchall()
        clicks = rows.execute("SELECT count(*) FROM opened WHERE asked = ?", (asked_id,)).fetchone()
    assert judged == [("none", "the amount in 2005"), ("not useful", "")]
    assert clicks == (1,)


def settled(page: Page, places: str) -> object:
    """Where everything is, once that has been the same for a quarter of a second: fonts and styles are in."""
    for _ in range(40):
        before = page.locator("#results *").evaluate_all(places)
        page.wait_for_timeout(250)
        if page.locator("#results *").evaluate_all(places) == before:
            return before
    raise AssertionError("the page does not come to rest in 10 seconds")


@full
def test_nothing_moves_while_reading(browser: Browser, address: str) -> None:
    with open_page(browser, address, GRANT_QUESTION) as page:
        expect(first(page)).to_be_visible()
        page.wait_for_load_state("networkidle")
        places = "all => all.map(one => JSON.stringify(one.getBoundingClientRect()))"
        before = settled(page, places)
        page.wait_for_timeout(1_500)
        assert page.locator("#results *").evaluate_all(places) == before


@full
def test_private_questions_stay_out_of_every_address(browser: Browser) -> None:
    with (
        running(build_app(FakeAssistant(), ServiceSettings(private_questions=True))) as address,
        open_page(browser, address) as page,
    ):
        page.get_by_label("Question").fill("What cost more?")
        page.keyboard.press("Enter")
        expect(first(page)).to_be_visible()
        links = page.locator("#results a").evaluate_all("all => all.map(one => one.href)")
        assert not [one for one in [page.url, *links] if "q=" in one]
        page.get_by_text("Filters and order").click()
        page.get_by_label("Newest first").check()
        expect(page.get_by_label("Newest first")).to_be_focused()
        expect(first(page)).to_be_visible()
        assert "q" not in asked(page)


@full
def test_a_service_that_has_gone_is_told(browser: Browser) -> None:
    with running(build_app(FakeAssistant(), ServiceSettings())) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#status")).to_have_role("status", timeout=30_000)
        page.route("**/run/predict*", lambda route: route.abort())
        page.get_by_label("Question").fill("What cost more?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
