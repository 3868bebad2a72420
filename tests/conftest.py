"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import CHROMIUM, FLAGS

if TYPE_CHECKING:
    from tests.intranet import World


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


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
