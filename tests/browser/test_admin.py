"""The admin page in a real browser, behind its policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from qa.feedback.database import FEEDBACK
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.browser_page import PageWitness, running
from tests.support.chromium import needs_chromium
from tests.support.fake_assistant import FakeAssistant, abstained, answered, extract
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS
from web.service import build_app
from web.service_settings import ServiceSettings

KEY = "a key"

pytestmark = [pytest.mark.browser, needs_chromium]


class Clock:
    """Now, or some days before."""

    back = 0

    def __call__(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=self.back)


def use(store: FeedbackStore, clock: Clock) -> None:
    """A month of questions, with hostile words wherever there are words."""
    for day in range(30):
        clock.back = day
        for number in range((day * 7) % 13):
            text = HOSTILE_TEXTS[(day + number) % len(HOSTILE_TEXTS)]
            told = article(f"a{number}", "It was so.", heading=text)
            name = f"{day}-{number}"
            given = replace(answered(extract(told, "so")), question=f"What is {text}?")
            store.record(
                name, abstained(question=f"Why {text}?") if number % 4 == 0 else given, 0.03 * number
            )
            if number % 3 == 0:
                store.opened(name, told.id)
                store.judge(Judgement(name, list(Verdict)[number % 2], told.id, 0, 5, reason=text))
    clock.back = 0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    clock = Clock()
    path = tmp_path_factory.mktemp("admin") / FEEDBACK
    settings = ServiceSettings(admin_key=KEY, question_log=True)
    with closing(FeedbackStore(path, keep_questions=True, now=clock)) as store:
        use(store, clock)
        with running(build_app(FakeAssistant(), settings, feedback=store)) as address:
            yield address


@pytest.fixture(params=["light", "dark"])
def admin(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    credentials = {"username": "me", "password": KEY}
    with browser.new_context(
        http_credentials=credentials,  # type: ignore[arg-type]
        color_scheme=request.param,
        viewport={"width": 390, "height": 800},
    ) as context:
        page = context.new_page()
        witness = PageWitness(page, address)
        page.goto(f"{address}admin")
        yield page
        assert witness.seen == []


def test_it_is_drawn_and_fits_a_phone(admin: Page) -> None:
    expect(admin.get_by_role("heading", level=1)).to_have_text("How it is used")
    plots = admin.get_by_role("img")
    assert [plot.bounding_box() is not None for plot in plots.all()] == [True, True]
    filled = "bar => getComputedStyle(bar).fill"
    part = admin.locator("rect.part").first.evaluate(filled)
    assert part != admin.locator("rect.whole").first.evaluate(filled)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert admin.evaluate(wide) == 0
    for summary in admin.locator("summary").all():
        summary.click()
    assert admin.evaluate(wide) == 0


def test_the_keyboard_chooses_days_and_opens_tables(admin: Page) -> None:
    days = admin.get_by_label("Days to show").last
    days.fill("7")
    days.press("Enter")
    expect(admin.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "page")
    table = admin.locator("table").first
    expect(table).to_be_hidden()
    admin.locator("summary").first.focus()
    admin.keyboard.press("Enter")
    expect(table.get_by_role("row")).to_have_count(8)


def test_a_table_is_downloaded(admin: Page) -> None:
    with admin.expect_download() as downloading:
        admin.get_by_role("link", name="CSV: Most cited articles").click()
    assert downloading.value.suggested_filename == "cited.csv"
    content = Path(downloading.value.path()).read_text(encoding="utf-8-sig")
    assert content.startswith('"Article","Answers that cite it","Opened from"\n')
