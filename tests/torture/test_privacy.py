"""A question that nobody else asks, asked in every way there is: afterwards it is found nowhere.

Looked for below the data folder, the working folder, the home and temporary folders, in the log, in the metrics and
in the whole profile of a real browser. Where questions are kept on purpose it is found in that file alone.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect, sync_playwright

from qa.feedback.database import FEEDBACK
from tests.support.chromium import CHROMIUM, FLAGS, needs_chromium
from tests.support.service_process import FAILING, Served, served
from tests.support.tiers import full

CANARY = "xyloquartz"
QUESTION = f"What did the {CANARY} quay cost?"
KEY = "the key"
# In any of these forms it would be the question.
_FORMS = (CANARY.encode(), CANARY.upper().encode(), CANARY.encode("utf-16-le"))

pytestmark = [full, pytest.mark.browser, pytest.mark.slow, needs_chromium]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a service and a browser of their own may leave something."""

    root: Path

    def __getitem__(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def log(self) -> Path:
        """The service's standard error."""
        return self.root / "service.log"

    def holding(self, *, but: tuple[str, ...] = ()) -> list[str]:
        """Every file below that holds the question or is named like it, in any of its forms."""
        files = (path for path in sorted(self.root.rglob("*")) if path.is_file() and not path.is_symlink())
        named = (path.relative_to(self.root).as_posix() for path in files)
        return [name for name in named if not name.startswith(but) and self._holds(name)]

    def _holds(self, name: str) -> bool:
        content = (self.root / name).read_bytes()
        return any(form in content for form in _FORMS) or CANARY in name


@contextmanager
def asked_everywhere(places: Places, **settings: str) -> Iterator[Served]:
    """The service after the question was asked in every way; a browser has been there and has gone."""
    folders = {name: str(places[name.lower()]) for name in ("HOME", "TMPDIR")}
    environ = {**folders, "QA_ADMIN_KEY": KEY, "QA_PRIVATE_QUESTIONS": "1", **settings}
    # Python's own path is found below the home folder where the interpreter lies there.
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    with served(places["data"], log=places.log, folder=places["cwd"], **environ) as service:
        ask_the_api(service)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch_persistent_context(
                places["profile"], executable_path=CHROMIUM, args=FLAGS
            )
            ask_the_page(browser, service.address)
            ask_the_widget(browser, service.address)
            browser.close()
        yield service


def send(service: Served, method: str, target: str, body: object = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, target, content, {"Content-Type": "application/json", **headers})
    reply = connection.getresponse()
    said = reply.read().decode("utf-8", "replace")
    connection.close()
    return reply.status, said


def page_event(question: str, *, lacking: bool = False) -> dict[str, object]:
    sent = [] if lacking else [json.dumps({"q": question})]
    return {"data": sent, "fn_index": 0, "session_hash": CANARY if lacking else "s"}


def ask_the_api(service: Served) -> None:
    """Rightly, wrongly, too long, of a failing assistant, in addresses and heads, as no HTTP at all."""
    long = f"{QUESTION} {'x' * 2_000}"
    asked = [
        send(service, "POST", "/api/ask", {"question": QUESTION}),
        send(service, "POST", "/api/ask", {"question": QUESTION}),
        send(service, "POST", "/api/ask", {"question": long}),
        send(service, "POST", "/api/ask", {"question": QUESTION, "k": CANARY, CANARY: 1}),
        send(service, "POST", "/api/ask", QUESTION.encode()),
        send(service, "POST", "/api/ask", (QUESTION * 4_000).encode()),
        send(service, "POST", "/api/ask", {"question": f"{QUESTION} {FAILING}"}),
        send(service, "POST", "/gradio_api/run/predict", page_event(QUESTION)),
        send(service, "POST", "/gradio_api/run/predict", page_event(f"{QUESTION} {FAILING}")),
        send(service, "POST", "/gradio_api/run/predict", page_event(QUESTION, lacking=True)),
        send(service, "POST", "/gradio_api/run/predict", {"data": [{CANARY: 1}]}),
        send(service, "GET", f"/?q={CANARY}"),
        send(service, "GET", f"/articles/{CANARY}?q={CANARY}"),
        send(service, "GET", f"/articles?q={CANARY}"),
        send(service, "GET", f"/{CANARY}/../{CANARY}"),
        send(service, "GET", "/health", Referer=f"http://x/{CANARY}", **{"User-Agent": CANARY}),
        send(service, "POST", "/api/feedback", {"answer_id": CANARY, "verdict": "useful", "reason": CANARY}),
        send(service, CANARY.upper(), "/api/ask"),
    ]
    statuses = [status for status, _ in asked]
    assert statuses[:10] == [200, 200, 422, 422, 422, 413, 500, 200, 200, 422]
    assert statuses[11] == 200
    assert set(statuses) >= {200, 404, 413, 422, 500}
    assert CANARY in asked[0][1]
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        raw.sendall(f"{QUESTION}\r\n\r\n".encode())
        assert b"400" in raw.recv(1_000)


def ask_the_page(browser: BrowserContext, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    for question in (QUESTION, f"{QUESTION} {FAILING}"):
        page.get_by_label("Question").fill(question)
        with page.expect_response("**/run/predict*"):
            page.keyboard.press("Enter")
    failed = "The service could not answer. Try again in a moment."
    expect(page.get_by_role("alert")).to_have_text(failed, timeout=30_000)
    page.get_by_label("Question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("#results section.answer")).to_be_visible(timeout=30_000)
    kept = page.evaluate(
        "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, "
        "await indexedDB.databases(), await caches.keys()])"
    )
    assert CANARY not in kept
    assert CANARY not in page.url


def ask_the_widget(browser: BrowserContext, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/embed")
    page.get_by_role("searchbox").or_(page.get_by_role("textbox")).first.fill(QUESTION)
    with page.expect_response("**/api/ask"):
        page.keyboard.press("Enter")
    assert CANARY not in page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )


def figures(service: Served) -> str:
    key = base64.b64encode(f"any:{KEY}".encode()).decode()
    status, text = send(service, "GET", "/metrics", Authorization=f"Basic {key}")
    assert status == 200
    return text


def test_a_question_is_found_nowhere(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with asked_everywhere(places) as service:
        assert 'pullquote_requests_total{route="/api/ask"' in figures(service)
        assert CANARY not in figures(service).casefold()
        running = places.holding()
    logged = [json.loads(line) for line in places.log.read_text().splitlines()]
    print(f"\n{len(logged)} lines of log, {len(list(tmp_path.rglob('*')))} files and folders looked at")
    assert sum(line["event"] == "request" for line in logged) > 30
    assert sum(line["event"] == "question not answered" for line in logged) >= 3
    assert running == []
    assert places.holding() == []


def test_where_questions_are_kept_it_is_in_that_file_alone(tmp_path: Path) -> None:
    places = Places(tmp_path)
    with asked_everywhere(places, QA_QUESTION_LOG="1"):
        pass
    assert places.holding() == [f"data/{FEEDBACK}"]
