"""Fixtures that several test files share."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import launched_chromium
from tests.support.repository import SAMPLE_ARTICLES

if TYPE_CHECKING:
    from qa.assistant import Assistant


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each reason to skip, instead of one for each test; a reason says what to install."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"skipped {count}: {reason}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped articles indexed with the real model, once for all tests and all workers: not to be changed."""
    from corpus.read import read_articles
    from index.building.build import build
    from index.embedding.load import Backend, load_encoder, unavailable_reason

    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "CURRENT").exists():
            backend = Backend.TORCH if unavailable_reason(Backend.BF16) else Backend.BF16
            encoder = load_encoder(device="cpu", backend=backend)
            build(read_articles([SAMPLE_ARTICLES]).articles, encoder, folder)
    return folder


@pytest.fixture(scope="session")
def sample(sample_index: Path) -> Assistant:
    """Answers from the shipped articles with the real model."""
    from qa.loading import open_assistant
    from web.service_settings import ServiceSettings

    return open_assistant(ServiceSettings(data=sample_index, device="cpu"))
