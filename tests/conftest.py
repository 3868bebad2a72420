"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from tests.intranet import World

SHIPPED = Path(__file__).resolve().parents[1] / "corpus" / "articles"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    """The shipped articles with the real model, indexed once for all who ask them."""
    from app import open_assistant
    from corpus.read import read_articles
    from index.build import build
    from index.encoder import load_encoder
    from web.settings import Settings

    data = tmp_path_factory.mktemp("sample")
    encoder = load_encoder(device="cpu")
    build(read_articles([SHIPPED]).articles, encoder, data)
    return open_assistant(Settings(data=data), encoder)


@pytest.fixture(scope="module")
def places() -> Iterator[World]:
    # Brings the whole service along, which most tests do without.
    from tests.intranet import settled

    with settled() as world:
        yield world


@pytest.fixture
def world(places: World) -> World:
    """The service, a site it lists and one it does not, as if new."""
    return places.fresh()
