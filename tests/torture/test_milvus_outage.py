"""Parts of the cluster die under questions, all of it goes away and comes back."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from index.building.build import build
from index.engine.collections import MilvusStore
from index.engine.source import MilvusSource
from index.engine.upload import upload
from index.errors import Unreachable
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from qa.assistant import Assistant
from tests.support.fakes import WordEncoder
from tests.support.milvus_cluster import CONTROL, Control
from tests.support.milvus_server import (
    CLUSTER_COMMAND,
    drop_collections,
    ferry_articles,
    server_address,
    wait_until,
)
from tests.support.tiers import full
from web.answering.answer_service import AnswerService
from web.answering.index_watcher import IndexWatcher
from web.context import ServiceContext
from web.errors import StoreUnavailable
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

pytestmark = [full, pytest.mark.engine]

QUESTIONS = 500
PATIENCE = 20.0


@pytest.fixture(scope="module")
def control() -> Control:
    """Kills and starts parts of the cluster; skips where there is none."""
    if CONTROL not in os.environ:
        pytest.skip(f"no cluster: {CLUSTER_COMMAND}")
    return Control(Path(os.environ[CONTROL]))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    folder = tmp_path_factory.mktemp("data")
    build(ferry_articles(7), WordEncoder(), folder)
    return DataFolder(folder).open()


@pytest.fixture(scope="module")
def store(control: Control, local: Generation) -> Iterator[MilvusStore]:
    del control
    opened = MilvusStore(server_address(), patience=PATIENCE)
    upload(local, opened)
    yield opened
    drop_collections(opened)
    opened.close()


def test_a_query_node_is_killed_and_no_question_fails(
    control: Control, store: MilvusStore, local: Generation, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [f"Which ferry number{one % 150} sails from quay number{one % 13}?" for one in range(QUESTIONS)]
    encoder = WordEncoder()
    here, there = Assistant(local, encoder), Assistant(MilvusSource(store).open(), encoder)
    failed, differing, slowest = [], [], 0.0
    for number, question in enumerate(asked):
        if number == QUESTIONS // 3:
            control.kill("node0")
        if number % 10 == 0:  # vectors kept from earlier questions would hide a node that is gone
            there.generation.vectors._cache.clear()  # type: ignore[union-attr]
        started = time.perf_counter()
        try:
            answer = there.ask(question, 5)
        except Unreachable as error:
            failed.append(str(error))
            continue
        slowest = max(slowest, time.perf_counter() - started)
        if answer != here.ask(question, 5):
            differing.append(question)
    with capsys.disabled():
        told = f"{len(failed)} failed, {len(differing)} with another answer"
        print(
            f"\n{QUESTIONS} questions, a query node killed after {QUESTIONS // 3}: {told}, slowest {slowest:.1f} s"
        )
    assert (failed, differing) == ([], [])
    control.start()


def test_the_engine_goes_away_and_comes_back(control: Control, store: MilvusStore, local: Generation) -> None:
    """Questions are told 503 and when to come back, health says unready, and both recover by themselves."""
    source = MilvusSource(MilvusStore(store.address, patience=1.0))
    desk, said = AnswerService(Assistant(source.open(), WordEncoder())), list[str]()
    reloading = IndexWatcher(desk, source, seconds=0.2, announce=said.append)
    client = TestClient(own_app(ServiceContext(desk, ServiceSettings(), load_catalogue(), watcher=reloading)))
    asking = {"question": "Which ferry sails from quay number7?"}
    expected = client.post("/api/ask", json=asking).json()["extracts"]
    assert client.get("/health").status_code == 200
    with reloading.running():
        control.stop()
        wait_until(lambda: client.get("/health").status_code == 503)
        told = client.get("/health").json()
        assert (told["status"], told["ready"], told["live"]) == ("unavailable", False, True)
        assert "cannot be reached just now" in told["detail"]
        assert "127.0.0.1" not in str(told)
        desk.assistant.generation.vectors._cache.clear()  # type: ignore[union-attr]
        reply = client.post("/api/ask", json={"question": "Which ferry sails from quay number8?"})
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
        assert "the articles cannot be reached just now" in reply.json()["detail"]
        with pytest.raises(StoreUnavailable):
            asyncio.run(desk.ask("What took 5 months?"))
        assert client.get("/api/articles/a1").status_code in (200, 503)
        control.start()
        wait_until(lambda: client.get("/health").status_code == 200, seconds=90)
    assert client.post("/api/ask", json=asking).json()["extracts"] == expected
    assert [line.split(":")[0] for line in said] == [
        "Questions are not answered",
        "The engine answers again.",
    ]
    source.store.close()
