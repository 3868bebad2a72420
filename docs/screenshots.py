"""Writes the README's pictures, `docs/screenshots/*.png`: `make screenshots` (needs Chromium).

It serves the sample articles with the real models on a free local port and asks in a headless browser.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from cli.index import SHIPPED_ARTICLES
from corpus.read import read_articles
from index.building.build import build
from index.embedding.load import load_encoder
from qa.loading import open_assistant
from tests.support.browser_page import running
from tests.support.chromium import CHROMIUM, FLAGS
from web.service import build_app
from web.service_settings import ServiceSettings

OUT = Path(__file__).parent / "screenshots"
ANSWERED = "Why did Devon find wraparound services hard?"
NOT_ANSWERED = "How do I bake sourdough bread?"
WIDE, PHONE = (1280, 900), (390, 844)


def main() -> None:
    """Write all pictures."""
    if not CHROMIUM:
        sys.exit("Chromium is not installed: apt-get install chromium")
    OUT.mkdir(exist_ok=True)
    with serving() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for scheme in ("light", "dark"):
            _pictures(browser, address, scheme)
        browser.close()


@contextmanager
def serving() -> Iterator[str]:
    """The address of a service over the sample articles, which runs until the block ends."""
    with tempfile.TemporaryDirectory() as data:
        encoder = load_encoder()
        build(read_articles([SHIPPED_ARTICLES]).articles, encoder, Path(data))
        settings = ServiceSettings(data=Path(data))
        with running(build_app(open_assistant(settings, encoder), settings)) as address:
            yield address


def _pictures(browser: Browser, address: str, scheme: str) -> None:
    suffix = "" if scheme == "light" else "-dark"
    with browser.new_context(color_scheme="dark" if suffix else "light") as context:
        page = context.new_page()
        _resize(page, WIDE)
        _ask(page, address, ANSWERED)
        page.screenshot(path=OUT / f"page{suffix}.png")
        link = page.locator("a.read").first.get_attribute("href")
        _ask(page, address, NOT_ANSWERED)
        page.screenshot(path=OUT / f"abstention{suffix}.png")
        page.goto(f"{address}{link}")
        page.screenshot(path=OUT / f"reader{suffix}.png")
        page.goto(f"{address}embed/demo")
        page.locator("pull-quote input").first.fill(ANSWERED)
        page.keyboard.press("Enter")
        page.locator("pull-quote li").first.wait_for()
        page.screenshot(path=OUT / f"widget{suffix}.png")
        _resize(page, PHONE)
        _ask(page, address, ANSWERED)
        page.screenshot(path=OUT / f"phone{suffix}.png")


def _resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def _ask(page: Page, address: str, question: str) -> None:
    page.goto(f"{address}?q={quote(question)}")
    page.locator("section.answer").wait_for(timeout=30_000)


if __name__ == "__main__":
    main()
