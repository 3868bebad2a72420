"""A system's side of the protocol: a JSON object a line in on standard input, one a line out.

    {"do": "build", "model": FOLDER, "texts": FILE, "folder": FOLDER}   -> seconds, passages, bytes, memory
    {"do": "open", "model": FOLDER, "folder": FOLDER}                   -> seconds
    {"do": "ask", "questions": [...], "k": 10, "others": [...]}         -> rows, ms, encode_ms
    {"do": "encode", "questions": [...]}                                -> encode_ms
    {"do": "nearest", "questions": [...], "k": 10}                      -> rows
    {"do": "load", "questions": [...], "k": 10, "clients": 8}           -> seconds, ms
    {"do": "change", "row": 3, "text": "..."}                           -> seconds
    {"do": "memory"}                                                    -> memory

A row is a text's place in the list that was built. What fails ends the process, and the last line on standard
error says why. This runs in each peer's own environment, so it needs the standard library alone; what
libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench.memory import folder_bytes, memory

Line = dict[str, Any]
T = TypeVar("T")
MS = 1_000.0  # milliseconds in a second


class System(Protocol):
    """Something that is built from texts and finds the rows of those that answer a question."""

    def load(self, model: str) -> None:
        """Load the model from a folder."""

    def build(self, texts: Sequence[str], folder: Path) -> float | None:
        """Encode, index and write to the folder; seconds, where the caller's clock would count more."""

    def open(self, folder: Path) -> None:
        """Read what `build` wrote."""

    def ask(self, question: str, k: int) -> list[int]:
        """Rows of the k best texts, best first, by the way the system is used."""

    def nearest(self, question: str, k: int) -> list[int]:
        """Rows of the k texts nearest by meaning alone."""

    def encode(self, question: str) -> float | None:
        """Encode a question and do nothing with it; seconds, as `build` gives them."""

    def change(self, row: int, text: str) -> None:
        """Put another text in a row's place, in what answers and on disk."""

    def size(self, folder: Path) -> int:
        """Bytes of what answers in the folder."""


class Folder:
    """What most systems have in common: meaning is all they ask by, and all of the folder is theirs."""

    def nearest(self, question: str, k: int) -> list[int]:
        """See `System.nearest`."""
        return self.ask(question, k)

    def ask(self, question: str, k: int) -> list[int]:
        """See `System.ask`."""
        raise NotImplementedError

    def size(self, folder: Path) -> int:
        """See `System.size`."""
        return folder_bytes(folder)


def speak(system: System) -> None:
    """Answer the lines of standard input until it ends."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    replies = Replies(system)
    with out:
        for line in sys.stdin:
            print(json.dumps(replies.to(json.loads(line))), file=out, flush=True)


class Replies:
    """The replies of one system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._loaded = ""

    def to(self, request: Line) -> Line:
        """The reply to one line."""
        commands: dict[str, Callable[[Line], Line]] = {
            "build": self._build,
            "open": self._open,
            "ask": self._ask,
            "encode": self._encode,
            "nearest": self._nearest,
            "load": self._load,
            "change": self._change,
            "memory": lambda _: memory(),
        }
        return commands[request["do"]](request)

    def _model(self, folder: str) -> None:
        if self._loaded != folder:
            self._system.load(folder)
            self._loaded = folder

    def _build(self, request: Line) -> Line:
        texts = json.loads(Path(request["texts"]).read_text(encoding="utf-8"))
        folder = Path(request["folder"])
        self._model(request["model"])
        took, measured = timed(self._system.build, texts, folder)
        reply = {"seconds": measured or took, "passages": len(texts), "bytes": self._system.size(folder)}
        return reply | memory()

    def _open(self, request: Line) -> Line:
        def opened() -> None:
            self._model(request["model"])
            self._system.open(Path(request["folder"]))

        return {"seconds": timed(opened)[0]}

    def _ask(self, request: Line) -> Line:
        """Each question, and in turn with it the encoding of another: what slows one down slows both."""
        others = iter(request.get("others", ()))
        rows: list[list[int]] = []
        ms: list[float] = []
        encode_ms: list[float] = []
        for question in request["questions"]:
            took, answer = timed(self._system.ask, question, request["k"])
            rows.append(answer)
            ms.append(MS * took)
            encode_ms += [MS * self._encoding(other) for other in islice(others, 1)]
        return {"rows": rows, "ms": ms, "encode_ms": encode_ms}

    def _encode(self, request: Line) -> Line:
        return {"encode_ms": [MS * self._encoding(question) for question in request["questions"]]}

    def _encoding(self, question: str) -> float:
        took, measured = timed(self._system.encode, question)
        return measured or took

    def _nearest(self, request: Line) -> Line:
        return {"rows": [self._system.nearest(question, request["k"]) for question in request["questions"]]}

    def _load(self, request: Line) -> Line:
        def ask(question: str) -> float:
            return MS * timed(self._system.ask, question, request["k"])[0]

        ms: list[float]
        with ThreadPoolExecutor(request["clients"]) as clients:
            took, ms = timed(list, clients.map(ask, request["questions"]))
        return {"seconds": took, "ms": ms}

    def _change(self, request: Line) -> Line:
        return {"seconds": timed(self._system.change, request["row"], request["text"])[0]}


def timed(call: Callable[..., T], *arguments: Any) -> tuple[float, T]:
    """Seconds that a call took, and what it gave back."""
    started = time.perf_counter()
    returned = call(*arguments)
    return time.perf_counter() - started, returned
