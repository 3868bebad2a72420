"""The stores that the contract is held against, and the table of what came of it.

Each that cannot be had is skipped and says why. `MILVUS_URI` names a server or a cluster; `tests/test_cluster.py`
starts one and runs this folder beside it. Collections have names of their own and are dropped at the end.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.engine.address import Address, read_address
from index.engine.collections import MilvusStore
from index.engine.contract import Store
from tests.support.milvus_cluster import CONTROL, Control
from tests.support.milvus_server import TARGETS, drop_collections, missing_target, server_address

_outcomes: dict[str, list[tuple[str, str, float]]] = defaultdict(list)


@pytest.fixture(scope="session")
def control() -> Control:
    """What kills and starts parts of the cluster; skips where there is none of ours."""
    if CONTROL not in os.environ:
        pytest.skip(
            "no cluster of ours: python -m tests.support.milvus_cluster -- python -m pytest tests/engine"
        )
    return Control(Path(os.environ[CONTROL]))


@pytest.fixture(scope="module", params=TARGETS[1:])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An engine to publish in: Milvus Lite, and the server."""
    if reason := missing_target(request.param):
        pytest.skip(reason)
    if request.param == "lite":
        yield read_address(str(tmp_path_factory.mktemp("lite") / "engine.db"))
        return
    named = server_address()
    yield named
    store = MilvusStore(named)
    drop_collections(store)
    store.close()


@pytest.fixture(scope="module", params=TARGETS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Each store there is, empty."""
    from index.engine.faiss_store import FaissStore

    if reason := missing_target(request.param):
        pytest.skip(reason)
    if request.param == "faiss":
        faiss = FaissStore(tmp_path_factory.mktemp("faiss"))
        yield faiss
        faiss.close()
        return
    lite = str(tmp_path_factory.mktemp("lite") / "store.db")
    milvus = MilvusStore(read_address(lite) if request.param == "lite" else server_address())
    yield milvus
    drop_collections(milvus)
    milvus.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = (yield).get_result()  # type: ignore[attr-defined]
    if "test_contract" not in item.nodeid or (report.when != "call" and not report.skipped):
        return
    target = next((one for one in TARGETS if f"[{one}" in item.nodeid), "")
    reason = report.longrepr[2].removeprefix("Skipped: ") if report.skipped else ""
    _outcomes[target].append((report.outcome, reason, report.duration))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The contract's table."""
    if not _outcomes:
        return
    terminalreporter.section("the contract of a store")
    terminalreporter.write_line(
        f"{'target':8} {'passed':>6} {'skipped':>7} {'failed':>6} {'seconds':>7}  why skipped"
    )
    for target, told in _outcomes.items():
        counts = [sum(outcome == one for outcome, _, _ in told) for one in ("passed", "skipped", "failed")]
        why = "; ".join(sorted({reason for _, reason, _ in told if reason}))
        seconds = sum(duration for *_, duration in told)
        terminalreporter.write_line(
            f"{target:8} {counts[0]:6} {counts[1]:7} {counts[2]:6} {seconds:7.1f}  {why}"
        )
