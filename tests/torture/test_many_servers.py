"""Two servers over one engine, behind nginx: they answer alike, and both follow what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from index.building.build import build
from index.engine.address import Address
from index.engine.collections import MilvusStore
from index.engine.source import MilvusSource
from index.engine.upload import upload
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from qa.assistant import Assistant
from tests.support.browser_page import running
from tests.support.fakes import WordEncoder
from tests.support.milvus_server import ENGINES, empty_engine, ferry_articles, wait_until
from tests.support.proxied_service import needs_nginx, proxied
from tests.support.tiers import full
from web.answering.answer_service import AnswerService
from web.answering.index_watcher import IndexWatcher
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

pytestmark = [full, pytest.mark.engine, needs_nginx]

QUESTION = {"question": "Which ferry sails from quay number7?", "k": 5}


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    with empty_engine(request.param, tmp_path) as empty:
        yield empty


def publish(data: Path, number: int, store: MilvusStore) -> Generation:
    build(ferry_articles(number), WordEncoder(), data)
    generation = DataFolder(data).open()
    upload(generation, store)
    return generation


@contextmanager
def server(address: Address) -> Iterator[str]:
    """A service of its own, with nothing but the engine's address; where it listens."""
    source = MilvusSource(MilvusStore(address))
    desk = AnswerService(Assistant(source.open(), WordEncoder()))
    reloading = IndexWatcher(desk, source, seconds=0.2, announce=lambda line: None)
    with running(
        own_app(ServiceContext(desk, ServiceSettings(), load_catalogue(), watcher=reloading))
    ) as where:
        yield where
    source.store.close()


def test_both_answer_alike_and_both_follow(address: Address, tmp_path: Path) -> None:
    store = MilvusStore(address)
    first = publish(tmp_path / "data", 11, store)
    expected = Assistant(first, WordEncoder()).ask(QUESTION["question"], 5)  # type: ignore[arg-type]
    with ExitStack() as opened:
        servers = [opened.enter_context(server(address)) for _ in range(2)]
        folder = tmp_path / "nginx"
        folder.mkdir()
        front = opened.enter_context(proxied(folder, location(servers)))

        def asked() -> list[dict[str, object]]:
            replies = [httpx2.post(f"{front}/{one}/api/ask", json=QUESTION) for one in (0, 1, 0, 1)]
            assert {reply.status_code for reply in replies} == {200}
            return [reply.json() for reply in replies]

        answers = asked()
        assert {one["generation"] for one in answers} == {first.id}
        texts = [extract.text for extract in expected.extracts or expected.nearest]
        assert all([shown["text"] for shown in one["extracts"] or one["nearest"]] == texts for one in answers)  # type: ignore[attr-defined]
        second = publish(tmp_path / "data", 12, store)
        wait_until(lambda: {one["generation"] for one in asked()} == {second.id}, seconds=20)
        assert all("state11" not in str(one["extracts"]) for one in asked())
    store.close()


def location(servers: list[str]) -> str:
    """A path for each server, so that it is known which of them answered."""
    return "".join(f"location /{one}/ {{ proxy_pass {where}; }}\n" for one, where in enumerate(servers))
