"""The API's examples in the documentation, run as they stand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser_page import running
from tests.support.chromium import needs_chromium
from tests.support.documentation import examples
from tests.support.fake_assistant import FakeAssistant
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

PRINTED = "Dredging cost more. -- "


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    context = ServiceContext(AnswerService(FakeAssistant()), ServiceSettings(), load_catalogue())
    with running(own_app(context)) as address:
        yield address


def test_the_python_example_prints_the_answer(address: str) -> None:
    code = examples("docs/api.md", "python")[0].replace("http://127.0.0.1:7860/", address)
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout == f"{PRINTED}\n"


@needs_chromium
@pytest.mark.browser
def test_the_javascript_example_prints_the_answer(browser: Browser, address: str) -> None:
    (code,) = examples("docs/api.md", "javascript")
    lines: list[str] = []
    with browser.new_page() as page:
        page.on("console", lambda line: lines.append(line.text) if line.type == "log" else None)
        page.goto(f"{address}articles")
        page.evaluate(f"async () => {{ {code.replace('http://127.0.0.1:7860/', address)} }}")
    assert lines == [PRINTED]
