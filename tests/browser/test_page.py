"""The page in a real browser: the shipped articles with the real model, and hostile ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import (
    Browser,
    expect,
)

from qa.assistant import Assistant
from tests.support.browser_page import BREAD_QUESTION, GRANT_QUESTION, open_page, running
from tests.support.chromium import needs_chromium
from tests.support.fake_assistant import ECHO, HARBOUR, FakeAssistant, abstained, answered, extract, unsure
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS
from tests.support.tiers import full
from web.html import Templates, environment
from web.i18n import load_catalogue
from web.service import build_app
from web.service_settings import ServiceSettings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    needs_chromium,
]


@pytest.fixture
def address(sample_address: str) -> str:
    return sample_address


def test_a_typed_question_is_answered_with_its_source(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        expect(page.get_by_label("Question")).to_be_focused()
        page.keyboard.type(GRANT_QUESTION)
        page.keyboard.press("Enter")
        first = page.locator("#results li").first
        expect(first.locator("mark").first).to_contain_text(
            "Each children's trust pathfinder had received a grant of £100,000"
        )
        expect(first.locator(".band")).to_have_text("strong match")
        expect(first.locator(".citation")).to_have_text(
            "Children's trusts still at odds over sharing information, Pullquote, 23 November 2026, "
            "evaluation-information-sharing.md"
        )
        expect(first.locator(".aside").first).to_have_text("Reports: Are we there yet?, Community Care")
        found = page.locator("#results li").count()
        expect(page.get_by_role("status").filter(has_text="found.")).to_have_text(f"{found} extracts found.")


def test_what_is_shown_is_in_the_article_word_for_word(
    browser: Browser, address: str, sample: Assistant
) -> None:
    texts = [article.text for article in sample.generation.articles]
    with open_page(browser, address, GRANT_QUESTION) as page:
        expect(page.locator("#results mark").first).to_be_visible()
        shown = page.locator("#results blockquote").all()
        assert len(shown) > 5
        for one in shown:
            assert any((one.text_content() or "?") in text for text in texts)


def test_what_the_articles_do_not_say_is_not_answered(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.get_by_label("Question").fill(BREAD_QUESTION)
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_role("heading", name="No answer found in these articles.")).to_be_visible()
        expect(page.locator("#status")).to_have_text("No answer found.")
        expect(page.locator("#results blockquote").first).to_be_hidden()
        page.get_by_text("Closest passages").click()
        expect(page.locator("#results blockquote").first).to_be_visible()


def test_the_question_is_in_the_address_and_a_reload_asks_it(browser: Browser, address: str) -> None:
    question = 'Devon & Hampshire: 100% of "wraparound" + <b>?'
    with open_page(browser, address) as page:
        page.get_by_label("Question").fill(question)
        page.keyboard.press("Enter")
        expect(page.locator("#results section.answer")).to_be_visible()
        assert page.evaluate("new URL(location.href).searchParams.get('q')") == question
        before = page.locator("#results ol").inner_text()
        page.reload()
        expect(page.locator("#results section.answer")).to_be_visible()
        expect(page.get_by_label("Question")).to_have_value(question)
        assert page.locator("#results ol").inner_text() == before


@full
def test_typing_while_the_page_settles_is_not_erased(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.get_by_label("Question").fill("half a ques")
        page.wait_for_load_state("networkidle")
        expect(page.get_by_label("Question")).to_have_value("half a ques")


def test_a_question_that_cannot_be_asked_is_told_at_once(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.get_by_label("Question").fill("?!")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("The question is empty: type a few words.")


def test_the_keyboard_reaches_everything(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Ask")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("#filters summary")).to_be_focused()
        page.keyboard.press("Tab")
        example = page.locator("#examples button").first
        expect(example).to_be_focused()
        chosen = example.inner_text()
        page.keyboard.press("Enter")
        expect(page.locator("#results mark").first).to_be_visible()
        expect(page.locator("#results")).to_be_focused()
        expect(page.get_by_label("Question")).to_have_value(chosen)
        expect(page.locator("#examples")).to_be_hidden()
        page.locator("body").press("/")
        expect(page.get_by_label("Question")).to_be_focused()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(BREAD_QUESTION)
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.locator("#status")).to_have_text("No answer found.")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.locator("#results summary").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#results blockquote").first).to_be_visible()


@full
def test_nothing_is_kept_in_the_browser(browser: Browser, address: str) -> None:
    with open_page(browser, address, GRANT_QUESTION) as page:
        expect(page.locator("#results mark").first).to_be_visible()
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "grant" not in kept


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    """A service whose every article, fact and example is an attack."""
    extracts = []
    for rank, text in enumerate(HOSTILE_TEXTS, start=1):
        told = article(f"told-{rank}", f"Before it. {text} After it.")
        facts = replace(
            told, title=text, source=text, author=text, publisher=f"{text}!", published=text, url=text
        )
        facts = replace(facts, metadata={"original_title": text, "questions": text})
        extracts.append(extract(facts, text, rank=rank, matched=(text.casefold(),)))
    articles = [one.article for one in extracts]
    answer = replace(answered(*extracts), generation=HOSTILE_TEXTS[0])
    with running(
        build_app(FakeAssistant(answer, *articles), ServiceSettings(name=HOSTILE_TEXTS[0]))
    ) as address:
        yield address


def test_hostile_articles_are_shown_word_for_word_and_run_nothing(browser: Browser, hostile: str) -> None:
    with open_page(browser, hostile, "What cost more?") as page:
        expect(page.locator("#results li")).to_have_count(len(HOSTILE_TEXTS))
        for shown, text in zip(page.locator("#results li").all(), HOSTILE_TEXTS, strict=True):
            assert shown.locator("blockquote").first.text_content() == f"Before it. {text} After it."
            assert shown.locator("mark").first.text_content() == text
            assert (shown.locator(".citation").text_content() or "").startswith(f"{text}, {text}, {text}!, ")
            assert shown.locator(".aside").first.text_content() == f"Reports: {text}"
        assert page.locator("h1").text_content() == HOSTILE_TEXTS[0]
        assert (
            page.locator("#results")
            .locator("script, img, svg, iframe, form, style, base, link, meta")
            .count()
            == 0
        )


@full
def test_hostile_examples_are_shown_word_for_word(browser: Browser, hostile: str) -> None:
    with open_page(browser, hostile) as page:
        shown = [" ".join((b.text_content() or "").split()) for b in page.locator("#examples button").all()]
        assert shown == [" ".join(text.split()) for text in HOSTILE_TEXTS[:5]]


@full
def test_hostile_questions_run_nothing(browser: Browser, hostile: str) -> None:
    with open_page(browser, hostile) as page:
        for question in HOSTILE_TEXTS:
            page.get_by_label("Question").fill(question)
            with page.expect_response("**/run/predict*"):
                page.keyboard.press("Enter")
            assert page.evaluate("new URL(location.href).searchParams.get('q')") == question
        page.reload()
        expect(page.get_by_label("Question")).to_have_value(HOSTILE_TEXTS[-1])
        expect(page.locator("#results li")).to_have_count(len(HOSTILE_TEXTS))


def test_the_policy_alone_stops_a_script_that_escaping_let_through(browser: Browser) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">"
    attacked = FakeAssistant(answered(extract(article("attack", attack), attack)))
    unescaped = Templates(load_catalogue(), environment(autoescape=False))
    with (
        running(build_app(attacked, ServiceSettings(), templates=unescaped)) as address,
        browser.new_page() as page,
    ):
        page.goto(f"{address}?q=why")
        expect(page.locator("#results img")).to_have_count(1)
        page.wait_for_load_state("networkidle")
        assert page.title() == "Pullquote"


def test_an_unsure_answer_shows_the_closest_passage_alone(browser: Browser) -> None:
    answer = unsure(extract(ECHO, "dredging"), extract(HARBOUR, "Nobody paid.", rank=2))
    with (
        running(build_app(FakeAssistant(answer), ServiceSettings())) as address,
        open_page(browser, address, "why") as page,
    ):
        heading = "Not sure: this may not answer the question."
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        expect(page.get_by_role("article", name="Extract 1")).to_be_visible()
        expect(page.get_by_role("status").filter(has_text=heading)).to_have_count(1)
        other = page.get_by_label("Extract 2")
        expect(other).to_be_hidden()
        page.get_by_text("Other close passages").click()
        expect(other).to_be_visible()


def test_nothing_near_is_no_answer(browser: Browser) -> None:
    with (
        running(build_app(FakeAssistant(abstained()), ServiceSettings())) as address,
        open_page(browser, address, "why") as page,
    ):
        expect(page.get_by_role("heading", name="No answer found in these articles.")).to_be_visible()
        assert page.locator("#examples").count() == 0
