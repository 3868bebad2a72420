"""Fixtures that several test files share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.chromium import CHROMIUM, FLAGS
from tests.support.repository import SAMPLE_ARTICLES

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from tests.support.embedding_site import World


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped articles indexed with the real model, once for all tests and all workers: not to be changed."""
    from corpus.read import read_articles
    from index.building.build import build
    from index.embedding.load import load_encoder

    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "CURRENT").exists():
            build(read_articles([SAMPLE_ARTICLES]).articles, load_encoder(device="cpu"), folder)
    return folder


@pytest.fixture(scope="session")
def sample(sample_index: Path) -> Assistant:
    """Whoever asks the shipped articles with the real models."""
    from qa.loading import open_assistant
    from web.settings import Settings

    return open_assistant(Settings(data=sample_index, device="cpu"))


@pytest.fixture(scope="module")
def places() -> Iterator[World]:
    # Brings the whole service along, which most tests do without.
    from tests.support.embedding_site import settled

    with settled() as world:
        yield world


@pytest.fixture
def world(places: World) -> World:
    """The service, a site it lists and one it does not, as if new."""
    return places.fresh()
