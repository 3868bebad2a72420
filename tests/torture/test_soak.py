"""Thousands of questions with new generations in between: memory, threads and files stay what they were.

What is kept has its bounds (answers given lately, the store's journal, what a library keeps); until those are
reached memory grows, so the first questions are not counted.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.load_clients import ask_at_once
from tests.support.service_process import PLACES, REAL, Served, served
from tests.support.tiers import full
from web.pages.gradio_page import SESSIONS

ASKERS = 5
PER_THOUSAND_KIB = 0.2 * 1024
ALLOCATOR_KIB = 0.5 * 1024
"""The same for a single run beside other tests: an answer that is kept costs more than half a KiB."""
STARTED_LATE = 2
"""Threads of pools that fill when questions happen to coincide; a leak starts one each reload."""
_ROUND = 250  # questions between two looks
WARM_UP = 4_000
MEASURED = 5_000


def questions(start: int, number: int) -> Iterator[str]:
    """No two alike, so that none is answered from memory."""
    return (f"What did the {PLACES[one % 10]} cost in {one}?" for one in range(start, start + number))


def looked_at(service: Served, start: int, number: int, *, reload_every: int) -> list[dict[str, int]]:
    """Ask so many questions, with reloads; what the process holds after each round of them."""
    seen = []
    for first in range(start, start + number, _ROUND):
        if first % reload_every == 0:
            reload(service)
        asked = list(questions(first, _ROUND))
        told = ask_at_once(service.port, [asked[one::ASKERS] for one in range(ASKERS)])
        assert (told.statuses, told.broken) == ({200: _ROUND}, 0)
        visit(service, _ROUND // 25)
        seen.append(service.figures())
    return seen


def visit(service: Served, people: int) -> None:
    """So many people ask on the page, each in a session of their own."""
    for _ in range(people):
        sent = {"data": [json.dumps({"q": "Who paid?"})], "fn_index": 0, "session_hash": secrets.token_hex(5)}
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        heads = {"Content-Type": "application/json"}
        connection.request("POST", "/gradio_api/run/predict", json.dumps(sent), heads)
        assert b"section class" in connection.getresponse().read()
        connection.close()


def reload(service: Served) -> None:
    """Have a generation published, and wait until it answers."""
    before = generation(service)
    os.kill(service.process.pid, signal.SIGUSR1)
    for _ in range(300):
        if generation(service) != before:
            return
        time.sleep(0.1)
    raise AssertionError(f"{before} answers on")


def generation(service: Served) -> str:
    told = ask_at_once(service.port, [[f"What did the quay cost in {time.time()}?"]])
    (records,) = told.answers.values()
    return str(records[0]["generation"])


def kib_per_thousand(seen: list[dict[str, int]]) -> float:
    """The slope of a straight line through what was held (least squares), in KiB for 1,000 questions."""
    slope, _ = statistics.linear_regression(range(len(seen)), [one["kib"] for one in seen])
    return slope * 1000 / _ROUND


def leaks(seen: list[dict[str, int]]) -> list[str]:
    """What the questions left behind: memory beyond the bar, threads, files.

    Idle threads come and go, so threads leak if the last quarter never has as few as the first quarter's most.
    """
    quarter = len(seen) // 4
    growing = [
        name
        for name, spare in (("threads", STARTED_LATE), ("files", 0))
        if min(one[name] for one in seen[-quarter:]) > max(one[name] for one in seen[:quarter]) + spare
    ]
    return growing + (["memory"] if kib_per_thousand(seen) > ALLOCATOR_KIB else [])


def told(seen: list[dict[str, int]], reload_every: int) -> str:
    held = [round(one["kib"] / 1024, 1) for one in seen]
    return (
        f"\n{len(seen) * _ROUND} questions, a reload every {reload_every}: {seen[0]} at first, {seen[-1]} at last; "
        f"{kib_per_thousand(seen) / 1024:+.2f} MB per 1,000; MB held: {held}"
    )


def test_a_straight_line_is_measured_as_it_is() -> None:
    assert kib_per_thousand([{"kib": 5_000 + 10 * one} for one in range(8)]) == pytest.approx(40)
    assert kib_per_thousand([{"kib": 5_000}] * 8) == 0


def test_what_leaks_is_named() -> None:
    flat = [{"kib": 5_000, "threads": 12, "files": 9}] * 4
    assert leaks(flat) == []
    assert leaks([one | {"kib": 5_000 + 140 * number} for number, one in enumerate(flat)]) == ["memory"]
    assert leaks([*flat[:3], flat[3] | {"threads": 14}]) == []
    assert leaks([*flat[:3], flat[3] | {"threads": 15}]) == ["threads"]
    assert leaks([*flat[:3], flat[3] | {"files": 10}]) == ["files"]
    idle = [one | {"threads": 12 + number % 3} for number, one in enumerate(flat * 3)]
    assert leaks(idle) == []
    assert leaks([one | {"threads": one["threads"] + number} for number, one in enumerate(idle)]) == [
        "threads"
    ]


@full
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_comes_to_rest(tmp_path: Path) -> None:
    """A fixed number of questions after a fixed warm-up: stopping at the first quiet stretch would excuse a slow leak."""
    with served(tmp_path / "data", QA_CACHE="50", QA_FEEDBACK="off") as service:
        visit(service, SESSIONS)
        before = looked_at(service, 0, WARM_UP, reload_every=500)
        seen = looked_at(service, WARM_UP, MEASURED, reload_every=500)
    print(told(before, 500), told(seen, 500))
    assert leaks(seen) == []


@pytest.mark.torture
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("encoder", ["words", REAL])
def test_five_thousand_questions_leave_nothing_behind(tmp_path: Path, encoder: str) -> None:
    with served(tmp_path / "data", encoder) as service:
        visit(service, SESSIONS)
        before = looked_at(service, 0, WARM_UP, reload_every=500)
        seen = looked_at(service, WARM_UP, MEASURED, reload_every=500)
    print(told(before, 500), told(seen, 500))
    assert len({one["threads"] for one in seen}) == 1
    assert max(one["files"] for one in seen) <= max(one["files"] for one in before)
    assert kib_per_thousand(seen) <= PER_THOUSAND_KIB
