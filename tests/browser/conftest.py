"""One Chromium and two services for all tests of this folder: fake answers within two sites, and the sample index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from qa.assistant import Assistant
from tests.support.browser_page import running
from tests.support.chromium import launched_chromium
from tests.support.embedding_site import World, settled
from web.service import build_app
from web.service_settings import ServiceSettings

# Of the package and not of the session: while Playwright runs, no other test of its process can start an event loop.


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with launched_chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def sample_address(sample: Assistant) -> Iterator[str]:
    """The sample articles with the real models, served; not to be changed."""
    with running(build_app(sample, ServiceSettings())) as address:
        yield address


@pytest.fixture(scope="package")
def shared_world() -> Iterator[World]:
    with settled() as world:
        yield world


@pytest.fixture
def world(shared_world: World) -> World:
    """The service, a site it lists and one it does not, as if new."""
    return shared_world.fresh()
