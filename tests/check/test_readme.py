"""The README's tree is the tree on disk, and its examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.browser_page import running
from tests.support.chromium import needs_chromium
from tests.support.fake_assistant import FakeAssistant
from tests.support.repository import ROOT
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import own_app
from web.settings import Settings

ROOMS = ("corpus", "index", "qa", "web", "eval", "training", "bench", "fuzz")
SHOWN = {".py", ".css", ".js", ".html", ".json", ".jsonl"}


def tree() -> set[str]:
    """Paths in the README's tree; a folder's name ends in "/" and what it holds is indented below it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n(app\.py.*?)```", readme, re.DOTALL)
    paths, folder = set(), ""
    for line in block.splitlines():
        names = re.match(r" *(\S+(?: \S+)*)", line)
        assert names
        if not line.startswith(" "):
            folder = ""
        for name in names.group(1).split():
            paths.add(folder + name.rstrip("/"))
        if line.split()[0].endswith("/") and not line.startswith(" "):
            folder = line.split()[0]
    return paths


def test_the_tree_is_the_tree_on_disk() -> None:
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).iterdir()
        if path.suffix in SHOWN and path.name != "__init__.py"
    }
    listed = tree()
    assert {path for path in listed if "/" in path and Path(path).suffix in SHOWN} == on_disk
    assert {path for path in listed if not (ROOT / path).exists()} == set()


def examples(language: str) -> list[str]:
    """The README's examples in a language."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running(
        own_app(ServiceContext(AnswerService(FakeAssistant()), Settings(), load_catalogue()))
    ) as address:
        yield address


def test_the_python_example_prints_the_answer(address: str) -> None:
    (code,) = examples("python")
    code = code.replace("http://127.0.0.1:7860/", address)
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert printed.stdout == "Dredging cost more. -- \n"


@needs_chromium
@pytest.mark.browser
def test_the_javascript_example_prints_the_answer(browser: Browser, address: str) -> None:
    (code,) = examples("javascript")
    said: list[str] = []
    with browser.new_page() as page:
        page.on("console", lambda line: said.append(line.text) if line.type == "log" else None)
        page.goto(f"{address}articles")
        page.evaluate(f"async () => {{ {code.replace('http://127.0.0.1:7860/', address)} }}")
    assert said == ["Dredging cost more. -- "]
