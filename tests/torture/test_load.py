"""The service under load: many people, too many, slow ones, and the end of it. Figures are printed."""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from index.generation.data_folder import DataFolder
from qa.answer_json import DIGITS
from tests.support.load_clients import Told, ask_at_once, ask_one, request
from tests.support.repository import ROOT
from tests.support.service_process import FAILING, GENTLY, PLACES, REAL, SLOWLY, Served, served
from tests.support.tiers import full
from web.answering.answer_service import RUNNING, WAITING
from web.http.slow_clients import Connection

QUESTIONS = [
    f"{asked} the {place}?" for place in PLACES for asked in ("When was built", "What cost", "Who paid for")
]

LAST_DIGIT = 10.0**-DIGITS * 1.001

pytestmark = [full, pytest.mark.slow]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("load") / "data"


@pytest.fixture(scope="module")
def service(data: Path) -> Iterator[Served]:
    with served(data, QA_CACHE="0") as service:
        yield service


def turned(questions: list[str], by: int) -> list[str]:
    """The same, begun at another one."""
    by %= len(questions)
    return questions[by:] + questions[:by]


def gold() -> list[str]:
    """Questions on the shipped articles."""
    lines = (ROOT / "eval" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def same(one: object, other: object) -> bool:
    """Whether two answers are alike but for a number's last digit: what a question is encoded beside moves it.

    A score moves by 2e-6, and one of 15.20545 is then told as 15.2054 or as 15.2055.
    """
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=LAST_DIGIT)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_a_digit_more_or_less_is_the_same_and_a_word_is_not() -> None:
    told = {"score": 0.1234567, "extracts": [{"text": "a", "start": 1}]}
    assert same(told, told | {"score": 0.1234571})
    assert not same(told, told | {"score": 0.1236})
    assert not same(told, told | {"extracts": []})
    assert not same(told, told | {"extracts": [{"text": "b", "start": 1}]})


def many(
    service: Served, people: int, questions: list[str] = QUESTIONS, *, seconds: float = 0, pause: float = 0
) -> Told:
    """Everybody asks every question, and again until `seconds` are over; each answer is what one person alone gets."""
    alone = {question: ask_one(service.port, question) for question in questions}
    end = time.monotonic() + seconds
    everybody = [turned(questions, 7 * one) for one in range(people)]
    told = ask_at_once(
        service.port,
        everybody,
        until=lambda told: time.monotonic() > end and set(told.answers) == set(questions),
        pause=pause,
    )
    wrong = [
        question
        for question, records in told.answers.items()
        for record in records
        if not same(record, alone[question])
    ]
    print(
        f"\n{people} people, {seconds:g} s, {pause:g} s between: {dict(told.statuses)}, {told.broken} broken, "
        f"{len(wrong)} differ, p95 {told.p95 * 1000:.0f} ms"
    )
    assert wrong == []
    assert set(told.answers) == set(questions)
    return told


def test_twenty_people_get_what_one_gets(service: Served) -> None:
    told = many(service, 20, seconds=2)
    assert set(told.statuses) == {200}
    assert told.broken == 0
    assert told.statuses[200] >= 20 + len(QUESTIONS)


def test_too_many_are_told_to_come_back_and_then_all_is_well(service: Served) -> None:
    overload(service, 300)


def overload(service: Served, people: int) -> None:
    crowd = ask_at_once(service.port, [[f"{GENTLY} {one} {QUESTIONS[one % 30]}"] for one in range(people)])
    print(f"\n{people} at once: {dict(crowd.statuses)}, {crowd.broken} broken, p95 {crowd.p95:.2f} s")
    assert set(crowd.statuses) == {200, 503}
    assert crowd.broken == 0
    assert crowd.statuses[200] >= RUNNING + WAITING
    assert crowd.retry_after == {"2": crowd.statuses[503]}
    few = ask_at_once(service.port, [QUESTIONS[:10]] * 5)
    assert (few.statuses, few.broken) == ({200: 50}, 0)


def test_without_a_limit_all_wait_and_that_is_seen(tmp_path: Path) -> None:
    with (
        served(tmp_path / "data", QA_CACHE="0", SERVED_MAY_WAIT="1000000") as service,
        pytest.raises(AssertionError, match=r"\{200\} == \{200, 503\}"),
    ):
        overload(service, 100)


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Two hundred connections that want nothing, half a head, or a body that does not come."""
    with ExitStack() as opened:
        yield [opened.enter_context(socket.socket()) for _ in range(200)]


SLOW = (b"", b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\n", request("Who?", declared=9_000))


def test_slow_clients_hold_nobody_up(service: Served, sockets: list[socket.socket]) -> None:
    for number, one in enumerate(sockets):
        one.connect(("127.0.0.1", service.port))
        one.sendall(SLOW[number % len(SLOW)])
    told = many(service, 5)
    assert set(told.statuses) == {200}
    assert told.broken == 0


def test_a_head_that_does_not_come_ends_the_connection(service: Served) -> None:
    """Bytes that trickle in do not prolong it; who has asked already gets the answer all the same."""
    with socket.create_connection(("127.0.0.1", service.port)) as one:
        one.settimeout(30)
        one.sendall(SLOW[1])
        ended = False
        for _ in range(60):  # each waits a second at most: several times the seconds that a head may take
            if ended:
                break
            try:
                one.sendall(b"X-A: b\r\n")
                one.settimeout(1)
                ended = one.recv(100) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
    assert ended


def test_a_fault_is_a_problem_and_the_place_is_free_again(service: Served) -> None:
    broken = ask_at_once(service.port, [[f"{FAILING} {one}" for one in range(30)]] * 4)
    assert (broken.statuses, broken.broken) == ({500: 120}, 0)
    assert set(ask_at_once(service.port, [QUESTIONS]).statuses) == {200}


def told_to_end(service: Served, stop: signal.Signals) -> list[int]:
    """What two people get who ask what takes a second and a half, when the service is told to end meanwhile."""
    statuses: list[int] = []

    def ask(question: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        body, heads = json.dumps({"question": f"{SLOWLY} {question}"}), {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/api/ask", body, heads)
            statuses.append(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            statuses.append(0)
        finally:
            connection.close()

    people = [threading.Thread(target=ask, args=(question,)) for question in QUESTIONS[:2]]
    for one in people:
        one.start()
    service.wait_for_slow_questions(2)
    service.process.send_signal(stop)
    for one in people:
        one.join()
    return statuses


def test_killed_it_starts_again_and_stopped_it_answers_first(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with served(data, QA_CACHE="0") as service:
        assert told_to_end(service, signal.SIGKILL) == [0, 0]
        assert service.process.wait(30) == -signal.SIGKILL
    assert DataFolder(data).verify().articles == len(PLACES) + 1
    with served(data, QA_CACHE="0") as again:
        assert set(ask_at_once(again.port, [QUESTIONS]).statuses) == {200}
        assert told_to_end(again, signal.SIGTERM) == [200, 200]
        assert again.process.wait(30) == 0


@pytest.mark.torture
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("people", "seconds", "pause"), [(20, 60, 0), (20, 60, 5), (50, 600, 0), (50, 600, 10)]
)
def test_many_people_for_long(tmp_path: Path, people: int, seconds: int, pause: int) -> None:
    with served(tmp_path / "data", REAL, QA_CACHE="0") as service:
        told = many(service, people, gold(), seconds=seconds, pause=pause)
        assert set(told.statuses) == {200}
        assert told.broken == 0


@pytest.mark.torture
def test_five_hundred_people_and_then_five(tmp_path: Path) -> None:
    with served(tmp_path / "data", REAL, QA_CACHE="0") as service:
        overload(service, 500)


def test_more_connections_than_are_let_in(tmp_path: Path) -> None:
    """A process that may open 1,024 files answers while 1,100 connections are held that ask nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with served(tmp_path / "data", QA_CACHE="0") as service:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
            told, closed = asyncio.run(_asked_beside(service.port, 1_100))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(f"\n1,100 connections: {dict(told.statuses)}, {closed} closed, p95 {told.p95 * 1000:.0f} ms")
    assert (told.statuses, told.broken) == ({200: len(QUESTIONS)}, 0)
    assert closed >= 1_100 - Connection.most


async def _asked_beside(port: int, connections: int) -> tuple[Told, int]:
    """What is answered while so many others are open, and how many of those were closed."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    told = await asyncio.to_thread(ask_at_once, port, [QUESTIONS])
    closed = sum(reader.at_eof() or reader.exception() is not None for reader, _ in opened)
    for _, writer in opened:
        writer.close()
    return told, closed
