"""Pages as people meet them: axe, narrow screens, zoom, forced colours, reduced motion, and no word of English left."""

from __future__ import annotations

import base64
import re
import socket
import string
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from corpus.article import Article, Dropped
from qa.answer import Answer
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.browser_page import running
from tests.support.chromium import needs_chromium
from tests.support.fake_assistant import FakeAssistant, abstained, answered, extract
from tests.support.fakes import article
from tests.support.tiers import full, mostly_full
from web.html import Templates
from web.i18n import Catalogue, load_catalogue
from web.service import build_app
from web.service_settings import ServiceSettings

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]

KEY = "open sesame"
# An article without one letter of the Latin alphabet, so that every such letter on a page is the interface's.
TOLD = replace(
    article("1", "Причал был дешёв. Углубление дна стоило дороже.", "Никто не платил.", heading="Причалы"),
    author="Ада",
    publisher="Газета",
    published="2024-05-06",
    source="1",
    url="",
    sha256="0" * 64,
    dropped=(Dropped("Поделиться", "7"),),
    metadata={"original_title": "Доки", "questions": "Что стоило дороже?"},
)
OTHER = replace(TOLD, id="2", source="2", title="Доки", text="Говорят, что дно стоило дороже.", headings=())
QUESTION = "Что стоило дороже?"


def answer() -> Answer:
    found = answered(
        replace(extract(TOLD, "Углубление дна стоило дороже."), context=(0, len(TOLD.text)), start=9),
        extract(OTHER, "дно стоило дороже", rank=2, matched=("дно",)),
        question=QUESTION,
    )
    return replace(found, generation="7-00", expansions=("док",))


def none_found() -> Answer:
    return replace(abstained(extract(TOLD, "Никто не платил."), question=QUESTION), generation="7-00")


@pytest.fixture(scope="module")
def pseudo() -> Catalogue:
    """English with every letter changed; what stays as it is was not in the catalogue."""
    changed = str.maketrans({letter: chr(ord(letter) + 0xFEE0) for letter in string.ascii_letters})
    kept = re.compile(r"({\w+})")
    texts = {
        key: "".join(part if kept.fullmatch(part) else part.translate(changed) for part in kept.split(text))
        for key, text in load_catalogue()._texts.items()
    }
    return Catalogue("qps", texts)


def serving(told: Answer, words: Catalogue | None, store: FeedbackStore) -> Any:
    articles: tuple[Article, ...] = (TOLD, OTHER)
    return running(
        build_app(
            FakeAssistant(told, *articles),
            ServiceSettings(name="7", admin_key=KEY, question_log=True),
            templates=Templates(words) if words else None,
            feedback=store,
        )
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeedbackStore]:
    with closing(
        FeedbackStore(tmp_path_factory.mktemp("kept") / "feedback.sqlite", keep_questions=True)
    ) as kept:
        kept.record("a" * 16, answer(), 0.12)
        kept.record("b" * 16, none_found(), 0.3)
        kept.judge(Judgement("a" * 16, Verdict.USEFUL, "1", 0, 5, "да"))
        yield kept


@pytest.fixture(scope="module")
def found(store: FeedbackStore) -> Iterator[str]:
    with serving(answer(), None, store) as address:
        yield address


@pytest.fixture(scope="module")
def nothing(store: FeedbackStore) -> Iterator[str]:
    with serving(none_found(), None, store) as address:
        yield address


def key() -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f":{KEY}".encode()).decode()}


PATHS = (
    "",
    "?q=1",
    "articles",
    "articles/1?c=18-47&q=1#c=18-47",
    "articles/0",
    "evidence?c=1:18-47&c=0:1-2",
    "evidence",
    "admin",
)


def opened(page: Page, address: str, path: str) -> None:
    page.goto(f"{address}{path}")
    if path in ("", "?q=1"):
        expect(page.locator("#status")).to_have_role("status", timeout=30_000)
    if path == "?q=1":
        expect(page.locator("section.answer")).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), pytest.param(390, "dark", marks=full)])
@pytest.mark.parametrize("path", mostly_full([*PATHS, "none"], "?q=1", PATHS[3]))
def test_axe_finds_nothing(
    browser: Browser, found: str, nothing: str, path: str, width: int, scheme: Any
) -> None:
    with browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        bypass_csp=True,
        extra_http_headers=key(),
    ) as context:
        page = context.new_page()
        opened(page, nothing if path == "none" else found, "?q=1" if path == "none" else path)
        result = Axe().run(page)
        assert result.response["violations"] == [], result.generate_report()


@pytest.mark.parametrize("path", mostly_full(PATHS, "?q=1"))
def test_nothing_runs_over_the_edge_of_a_phone_or_at_twice_the_size(
    browser: Browser, found: str, path: str
) -> None:
    # 640 points are 1280 at 200 %.
    for width in (320, 640):
        with browser.new_context(
            viewport={"width": width, "height": 800}, extra_http_headers=key()
        ) as context:
            page = context.new_page()
            opened(page, found, path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_targets_are_large_enough(browser: Browser, found: str) -> None:
    with browser.new_context(viewport={"width": 390, "height": 900}) as context:
        page = context.new_page()
        opened(page, found, "?q=1")
        small = page.locator("button:visible, input:visible, summary:visible").evaluate_all(
            """all => all.map(one => [one.outerHTML.slice(0, 90),
                (one.closest("label") ?? one).getBoundingClientRect()])
               .filter(([, box]) => box.width < 24 || box.height < 24).map(([html]) => html)"""
        )
        assert small == []


@full
def test_nothing_is_animated_for_who_wants_none(browser: Browser, found: str) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        opened(page, found, "?q=1")
        moving = page.locator(".gradio-container *").evaluate_all(
            """all => all.filter(one => { const style = getComputedStyle(one);
                return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0; })
               .map(one => one.outerHTML.slice(0, 90))"""
        )
        assert moving == []


@full
def test_the_mark_is_seen_in_forced_colours(browser: Browser, found: str) -> None:
    with browser.new_context(forced_colors="active") as context:
        page = context.new_page()
        opened(page, found, "?q=1")
        colours = page.locator("#results mark").first.evaluate(
            "one => [getComputedStyle(one).backgroundColor, getComputedStyle(document.body).backgroundColor]"
        )
        assert colours[0] != colours[1]


VISIBLE = """() => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const data = "blockquote, cite, code, .file, script, style, time, textarea, pre, .plot text";
  const texts = [];
  const walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!parent.closest(data) && parent.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      texts.push(walk.currentNode.data);
  }
  for (const one of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]"))
    for (const name of ["aria-label", "placeholder", "title", "alt"])
      if (one.getAttribute(name)) texts.push(one.getAttribute(name));
  texts.push(document.title);
  return texts.map((text) => text.trim()).filter((text) => /[A-Za-z]/.test(text));
}"""


@full
@pytest.mark.parametrize("told", ["answer", "none", "error"])
def test_no_english_is_left_on_the_page(
    browser: Browser, pseudo: Catalogue, store: FeedbackStore, told: str
) -> None:
    answers = {"answer": answer(), "none": none_found(), "error": answer()}
    with serving(answers[told], pseudo, store) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#status")).to_have_role("status", timeout=30_000)
        assert page.evaluate(VISIBLE) == []
        page.goto(f"{address}?q={'%3F' if told == 'error' else '1'}&g=6-00&year=1999")
        expect(page.locator("#results section:not(.welcome)")).to_be_visible()
        assert page.evaluate(VISIBLE) == []


@full
@pytest.mark.parametrize("path", [path for path in PATHS if path and not path.startswith("?")])
def test_no_english_is_left_elsewhere(
    browser: Browser, pseudo: Catalogue, store: FeedbackStore, path: str
) -> None:
    with (
        serving(answer(), pseudo, store) as address,
        browser.new_context(extra_http_headers=key()) as context,
    ):
        page = context.new_page()
        page.goto(f"{address}{path}")
        left = [text for text in page.evaluate(VISIBLE) if text not in NAMES]
        assert left == []


# Of kinds of files, of settings and of units, which no language changes.
NAMES = {"CSV", "Word", "Markdown", "RIS", "BibTeX", "CSL-JSON", "HTML"}


@pytest.mark.parametrize("path", mostly_full(PATHS, "?q=1"))
def test_nothing_is_asked_of_another_host(
    browser: Browser, found: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the browser; and the server looks up no name."""
    looked_up: list[object] = []
    resolve = socket.getaddrinfo

    def counting(host: Any, *rest: Any, **more: Any) -> Any:
        looked_up.append(host)
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", counting)
    elsewhere: list[str] = []

    def witness(sent: Request) -> None:
        if not sent.url.startswith((found, "data:")):
            elsewhere.append(sent.url)

    with browser.new_context(extra_http_headers=key()) as context:
        page = context.new_page()
        page.on("request", witness)
        opened(page, found, path)
        page.wait_for_load_state("networkidle")
    assert elsewhere == []
    assert looked_up == []
