"""The engines that these tests run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from index.engine.address import Address
from tests.support.milvus_server import ENGINES, empty_engine


@pytest.fixture(scope="module", params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An empty engine: Milvus Lite, and the server."""
    with empty_engine(request.param, tmp_path_factory.mktemp("engine")) as empty:
        yield empty
