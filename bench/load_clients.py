"""Load-tests the web service from a process of its own: python -m bench.load_clients ADDRESS CLIENTS K

Questions come as a JSON list on standard input; each client keeps one connection and asks the next question
as soon as it has an answer. Prints {"seconds", "ms", "refused"}: total, each answer, and the number of 503s.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from bench.peer_protocol import MS, timed

_BUSY = 503


def ask_all(address: str, questions: Sequence[str], *, clients: int, k: int) -> dict[str, Any]:
    """Ask all questions from so many clients. Raises RuntimeError for any status but 200 and 503."""
    left: SimpleQueue[str] = SimpleQueue()
    for question in questions:
        left.put(question)
    ms: list[float] = []
    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(_client, address, left, k, ms) for _ in range(clients)]
        seconds, _ = timed(lambda: [client.result() for client in running])
    return {"seconds": seconds, "ms": ms, "refused": len(questions) - len(ms)}


def _client(address: str, left: SimpleQueue[str], k: int, ms: list[float]) -> None:
    """Ask what is left until nothing is; add the milliseconds of each answer."""
    with closing(HTTPConnection(urlsplit(address).netloc, timeout=600)) as connection:
        for question in _drain(left):
            took, status = timed(_ask, connection, question, k)
            if status != _BUSY:
                ms.append(MS * took)


def _drain(left: SimpleQueue[str]) -> Iterator[str]:
    while True:
        try:
            yield left.get_nowait()
        except Empty:
            return


def _ask(connection: HTTPConnection, question: str, k: int) -> int:
    body = json.dumps({"question": question, "k": k})
    connection.request("POST", "/api/ask", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    body_text = response.read()
    if response.status not in (200, _BUSY):
        raise RuntimeError(f"{response.status} {body_text[:200]!r} for {question!r}")
    return response.status


if __name__ == "__main__":
    address, clients, k = sys.argv[1:]
    print(json.dumps(ask_all(address, json.load(sys.stdin), clients=int(clients), k=int(k))))
