"""People who ask over HTTP at once, in one thread: each keeps a connection and asks as soon as it is answered, or has read."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

Record = dict[str, Any]
_PATIENCE = 60.0  # seconds for one answer


@dataclass(slots=True)
class Told:
    """What came back: statuses counted, seconds of each, answers by question, headers of those refused."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    answers: dict[str, list[Record]] = field(default_factory=dict)
    retry_after: Counter[str] = field(default_factory=Counter)
    broken: int = 0

    @property
    def p95(self) -> float:
        """Of all, by nearest rank."""
        return sorted(self.seconds)[-(-95 * len(self.seconds) // 100) - 1]


def ask_at_once(
    port: int,
    people: Sequence[Sequence[str]],
    *,
    until: Callable[[Told], bool] | None = None,
    pause: float = 0,
) -> Told:
    """Each person asks their questions in turn, again and again while `until` is false, once without it.

    Before each question they read for `pause` seconds; the first is asked sooner by some than by others.
    """
    told = Told()

    async def person(number: int, questions: Sequence[str]) -> None:
        await asyncio.sleep(pause * number / len(people))
        await _person(port, questions, told, until, pause)

    async def everybody() -> None:
        await asyncio.gather(*(person(number, questions) for number, questions in enumerate(people)))

    asyncio.run(everybody())
    return told


def ask_one(port: int, question: str) -> Record:
    """A single person's answer."""
    (records,) = ask_at_once(port, [[question]]).answers.values()
    return records[0]


async def _person(
    port: int, questions: Sequence[str], told: Told, until: Callable[[Told], bool] | None, pause: float
) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    try:
        for question in questions if until is None else cycle(questions):
            connection = connection or await asyncio.open_connection("127.0.0.1", port)
            # Who reads for seconds comes back on a connection of its own: the service keeps none for so long.
            if not await asyncio.wait_for(_asked(connection, question, told), _PATIENCE) or pause:
                connection[1].close()
                connection = None
            if until and until(told):
                return
            await asyncio.sleep(pause)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        told.broken += 1
    finally:
        if connection:
            connection[1].close()


async def _asked(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], question: str, told: Told
) -> bool:
    """Ask and note the answer; false when the connection ends with it."""
    reader, writer = connection
    started = time.perf_counter()
    writer.write(request(question))
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split()[1])
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    told.seconds.append(time.perf_counter() - started)
    told.statuses[status] += 1
    if status == 200:
        record = json.loads(body)
        assert len(record.pop("answer_id")) == 16
        record.pop("seconds")
        told.answers.setdefault(question, []).append(record)
    else:
        told.retry_after[headers.get("retry-after", "")] += 1
    return "content-length" in headers and headers.get("connection") != "close"


def request(question: str, *, declared: int | None = None) -> bytes:
    """A question as it goes over the wire; `declared` is the length it claims to have."""
    body = json.dumps({"question": question}).encode()
    length = len(body) if declared is None else declared
    head = (
        "POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    return head.encode() + body
