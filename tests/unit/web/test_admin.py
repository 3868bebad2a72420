"""The admin page: who may see it, what it shows, and that nothing in it is anything but text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qa.feedback.database import FEEDBACK
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.fake_assistant import FakeAssistant, abstained, answered, extract
from tests.support.fakes import article
from tests.support.html_text import ADMIN_KEY, HOSTILE_TEXTS, HtmlText, basic_credentials
from web.answering.answer_service import AnswerService
from web.api.ask import add_exception_handlers
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.pages.admin import MOST_DAYS, admin_routes
from web.service_settings import ServiceSettings


def admin(store: FeedbackStore | None, key: str = ADMIN_KEY, *, question_log: bool = True) -> FastAPI:
    settings = ServiceSettings(admin_key=key, question_log=question_log)
    app = FastAPI()
    app.include_router(
        admin_routes(ServiceContext(AnswerService(FakeAssistant()), settings, load_catalogue(), store))
    )
    add_exception_handlers(app)
    return app


class Clock:
    """Now, or some days before."""

    back = 0

    def __call__(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=self.back)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[FeedbackStore]:
    with closing(FeedbackStore(tmp_path / FEEDBACK, keep_questions=True, now=clock)) as store:
        yield store


@pytest.fixture
def client(store: FeedbackStore) -> Iterator[TestClient]:
    with TestClient(admin(store)) as client:
        yield client


def use(store: FeedbackStore, text: str = "Quay & Sons") -> None:
    """Three questions today, one of them declined, with `text` wherever a person's or an article's words go."""
    quay = article("quay", "The quay was cheap.", heading=text)
    given = answered(extract(quay, "cheap"), question=text)
    store.record("a", given, 0.1)
    store.record("b", given, 0.3)
    store.record("c", abstained(question=f"{text}?"), 0.2)
    store.opened("a", "quay")
    store.judge(Judgement("a", Verdict.USEFUL, "quay", 0, 5, reason=text))
    store.judge(Judgement("b", Verdict.NONE))


@pytest.mark.parametrize("path", ["/admin", "/admin?days=0", "/admin/export/days.csv"])
def test_without_a_key_in_the_settings_there_is_no_page(store: FeedbackStore, path: str) -> None:
    with TestClient(admin(store, key="")) as client:
        for headers in ({}, basic_credentials("")):
            response = client.get(path, headers=headers)
            assert response.status_code == 404
            assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize("path", ["/admin", "/admin?days=0", "/admin/export/days.csv", "/admin/export/x.csv"])
def test_the_key_is_asked_for_before_anything_else(client: TestClient, path: str) -> None:
    for headers in (
        {},
        basic_credentials("wrong"),
        basic_credentials(""),
        {"Authorization": "Bearer " + ADMIN_KEY.replace("ö", "o")},
    ):
        response = client.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Basic realm="admin", charset="UTF-8"'
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("user", ["", "anybody", "é"])
def test_any_user_name_does_with_the_key(client: TestClient, user: str) -> None:
    response = client.get("/admin", headers=basic_credentials(ADMIN_KEY, user))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


def page(client: TestClient, days: int = 30) -> str:
    response = client.get(f"/admin?days={days}", headers=basic_credentials(ADMIN_KEY))
    assert response.status_code == 200
    return response.text


def test_the_numbers_are_those_of_the_days_asked_for(
    client: TestClient, store: FeedbackStore, clock: Clock
) -> None:
    clock.back = 10
    store.record("old", abstained(), 9.0)
    clock.back = 0
    use(store)
    week, month = page(client, 7), page(client, 30)
    assert "<dt>Questions</dt><dd>3</dd>" in week
    assert "<dt>Not answered</dt><dd>1 (33%)</dd>" in week
    assert "<dt>Median time</dt><dd>0.200 s</dd>" in week
    assert "<dt>95th percentile</dt><dd>0.300 s</dd>" in week
    assert "<dt>Questions</dt><dd>4</dd>" in month
    assert "<dt>95th percentile</dt><dd>9.000 s</dd>" in month


def test_every_list_has_its_rows(client: TestClient, store: FeedbackStore) -> None:
    use(store)
    shown, today = page(client), datetime.now(UTC).date().isoformat()
    for row in (
        f'<tr><td class="day">{today}</td><td class="number">3</td><td class="number">1</td></tr>',
        f'<tr><td class="text">Quay &amp; Sons?</td><td class="number">1</td><td class="day">{today}</td></tr>',
        f'<tr><td class="text">Quay &amp; Sons</td><td class="number">1</td><td class="day">{today}</td></tr>',
        '<tr><td class="text">Quay &amp; Sons</td><td class="number">2</td><td class="number">1</td></tr>',
        '<tr><td class="text">Useful</td><td class="number">1</td></tr>',
        '<tr><td class="text">Not useful</td><td class="number">0</td></tr>',
        '<tr><td class="text">None of these answers</td><td class="number">1</td></tr>',
        f'<tr><td class="day">{today}</td><td class="text">Useful</td>'
        + 3 * '<td class="text">Quay &amp; Sons</td>'
        + "</tr>",
        '<tr><td class="text">up to 0.1 s</td><td class="number">1</td></tr>',
        '<tr><td class="text">up to 0.5 s</td><td class="number">1</td></tr>',
    ):
        assert row in shown


def test_where_no_text_is_kept_that_is_said(tmp_path: Path) -> None:
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as store:
        use(store)
        with TestClient(admin(store, question_log=False)) as client:
            shown = HtmlText(page(client)).text
    assert "The text of questions is not kept." in shown
    assert "(all questions whose text is not kept)" in shown


def test_an_empty_store_is_a_page_too(client: TestClient) -> None:
    shown = page(client)
    assert "<dt>Not answered</dt><dd>0 (none)</dd>" in shown
    assert shown.count("Nothing in these days.") == 4


def test_what_was_lost_is_told(client: TestClient, store: FeedbackStore) -> None:
    use(store)
    store.record("a", abstained(), 0.1)
    assert "1 question could not be recorded: UNIQUE constraint failed" in page(client)


def test_without_a_store_the_page_says_so_and_tables_are_not_there() -> None:
    with TestClient(admin(None)) as client:
        assert "No feedback is kept here" in page(client)
        assert client.get("/admin/export/days.csv", headers=basic_credentials(ADMIN_KEY)).status_code == 404


def test_a_store_that_fails_is_a_problem_not_a_crash(client: TestClient, store: FeedbackStore) -> None:
    store.close()
    for path in ("/admin", "/admin/export/days.csv"):
        assert client.get(path, headers=basic_credentials(ADMIN_KEY)).status_code == 503


@pytest.mark.parametrize("days", ["0", "-1", str(MOST_DAYS + 1), "x", "1e9", "9" * 400])
def test_days_are_a_bounded_number(client: TestClient, days: str) -> None:
    for path in ("/admin", "/admin/export/days.csv"):
        assert client.get(f"{path}?days={days}", headers=basic_credentials(ADMIN_KEY)).status_code == 422


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_hostile_texts_are_shown_word_for_word(
    client: TestClient, store: FeedbackStore, hostile: str
) -> None:
    use(store, hostile)
    shown = HtmlText(page(client))
    allowed = {"html", "head", "meta", "title", "link", "body", "main", "h1", "h2", "p", "a", "nav", "form"}
    allowed |= {"label", "input", "button", "dl", "div", "dt", "dd", "section", "figure", "figcaption"}
    allowed |= {
        "details",
        "summary",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "svg",
        "line",
        "text",
        "rect",
    }
    assert set(shown.tags) <= allowed
    assert not [name for name in shown.attributes if name.startswith("on") or name == "style"]
    assert shown.text.count(hostile) >= 6


def test_every_address_is_relative(client: TestClient, store: FeedbackStore) -> None:
    use(store)
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page(client, 7))
    assert {address for address in addresses if "export" in address} == {
        f"admin/export/{name}.csv?days=7"
        for name in ("days", "unanswered", "unopened", "cited", "verdicts", "reasons", "seconds")
    }
    assert not [one for one in addresses if urlsplit(one).netloc or one.startswith("/")]


def test_a_long_time_is_drawn_by_weeks_of_which_the_last_is_whole(
    client: TestClient, store: FeedbackStore
) -> None:
    use(store)
    shown = page(client, 365)
    assert "questions of each seven days" in shown
    plot = shown.split('class="plot"')[1].split("</svg>")[0]
    today = datetime.now(UTC).date()
    assert (today - timedelta(days=6)).isoformat() in plot
    assert (today - timedelta(days=364)).isoformat() in plot


def export(client: TestClient, name: str, days: int = 1) -> list[list[str]]:
    response = client.get(f"/admin/export/{name}.csv?days={days}", headers=basic_credentials(ADMIN_KEY))
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert response.headers["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))


def test_tables_are_exported_without_formulas(client: TestClient, store: FeedbackStore) -> None:
    use(store, '=HYPERLINK("https://evil.example")')
    today = datetime.now(UTC).date().isoformat()
    formula = '\'=HYPERLINK("https://evil.example")'
    assert export(client, "days") == [["Day", "Questions", "Not answered"], [today, "3", "1"]]
    assert export(client, "unanswered")[1] == [f"{formula}?", "1", today]
    assert export(client, "cited")[1] == [formula, "2", "1"]
    assert export(client, "reasons")[1] == [today, "Useful", formula, formula, formula]


def test_an_export_has_all_rows_and_the_page_the_first_fifty(
    client: TestClient, store: FeedbackStore
) -> None:
    for number in range(60):
        store.record(f"q{number}", abstained(question=f"Why {number}?"), 0.1)
    assert len(export(client, "unanswered")) == 61
    shown = page(client)
    assert len(re.findall(r'<td class="text">Why \d+\?</td>', shown)) == 50
    assert "The first 50 are shown; the CSV has all." in shown


@pytest.mark.parametrize("name", ["asked", "..", "days;", "%00", "sqlite_master"])
def test_there_are_no_other_tables(client: TestClient, name: str) -> None:
    assert client.get(f"/admin/export/{name}.csv", headers=basic_credentials(ADMIN_KEY)).status_code == 404
