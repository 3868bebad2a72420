"""What is measured of one system: once with the whole corpus, and again in every round.

whole_s, bytes_per_passage, peak_mb     the whole corpus built: seconds, size on disk, peak of that process
answering_mb, recall                    resident once it has answered; share of the true nearest it found
build_s, build_per_s                    a part of it built, model loaded before: seconds, passages a second
cold_s                                  a new process until its first answer
p50_ms, p95_ms, encode_ms, over_encode  a question alone, encoding one alone (median), the one over the other
qps_1, qps_8, qps_32, refused           questions a second with so many clients; answers that were "busy"
route_ms                                a question through the web service, beyond what asking takes (median)
change_s                                one text of the corpus changed, written and answering
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.competitors import Competitor
from bench.peer_process import Peer
from bench.service_process import asked_by_clients, served
from bench.sizes import Scale
from bench.statistics import percentile

CLIENTS = (1, 8, 32)
_SLOW = 0.95

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Course:
    """Where and with what all are measured: a folder that holds whole.json and part.json, lists of texts."""

    work: Path
    model: str
    scale: Scale

    def index(self, name: str, competitor: Competitor) -> Path:
        """The folder of a system's index of the "whole" or the "part"."""
        return self.work / name / competitor.index


@dataclass(frozen=True, slots=True)
class RoundQuestions:
    """The questions of one round; `load` are those of so many clients."""

    warm: Sequence[str]
    alone: Sequence[str]
    others: Sequence[str]
    load: Mapping[int, Sequence[str]]


class Trial:
    """One system on one course."""

    def __init__(self, competitor: Competitor, course: Course) -> None:
        self._competitor, self._course = competitor, course

    def build_whole(self) -> Values:
        """The whole corpus, built once."""
        built = self._build("whole")
        each = built["bytes"] / built["passages"]
        return {"whole_s": built["seconds"], "peak_mb": built["peak_mb"], "bytes_per_passage": each}

    def find(self, questions: Sequence[str]) -> tuple[Values, list[list[int]]]:
        """What it holds in memory once it has answered, and the rows it finds nearest."""
        with self._opened() as peer:
            self._ask(peer, questions)
            resident = peer.call("memory")["rss_mb"]
            rows = peer.call("nearest", questions=questions, k=self._course.scale.k)["rows"]
        return {"answering_mb": resident}, rows

    def round(self, questions: RoundQuestions, *, row: int, text: str) -> Values:
        """One round, at whose end a row gets another text."""
        values = self._part()
        if not self._competitor.answers:
            return values | self._encoding(questions)
        started = time.perf_counter()
        with self._opened() as peer:
            self._ask(peer, questions.warm[:1])
            values["cold_s"] = time.perf_counter() - started
            values |= self._alone(peer, questions)
            values |= (
                self._service(peer, questions) if self._competitor.serves else self._threads(peer, questions)
            )
            values["change_s"] = peer.call("change", row=row, text=text)["seconds"]
        return values

    @contextmanager
    def _opened(self, name: str = "whole") -> Iterator[Peer]:
        with self._competitor.start() as peer:
            folder = str(self._course.index(name, self._competitor))
            peer.call("open", model=self._course.model, folder=folder)
            yield peer

    def _build(self, name: str) -> dict[str, Any]:
        folder = self._course.index(name, self._competitor)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self._competitor.start() as peer:
            texts = str(self._course.work / f"{name}.json")
            return peer.call("build", model=self._course.model, texts=texts, folder=str(folder))

    def _part(self) -> Values:
        built = self._build("part")
        return {"build_s": built["seconds"], "build_per_s": built["passages"] / built["seconds"]}

    def _encoding(self, questions: RoundQuestions) -> Values:
        with self._opened("part") as peer:
            peer.call("encode", questions=questions.warm)
            return {"encode_ms": median(peer.call("encode", questions=questions.others)["encode_ms"])}

    def _ask(self, peer: Peer, questions: Sequence[str], others: Sequence[str] = ()) -> dict[str, Any]:
        return peer.call("ask", questions=list(questions), others=list(others), k=self._course.scale.k)

    def _alone(self, peer: Peer, questions: RoundQuestions) -> Values:
        """Questions one at a time, each followed by the encoding of another."""
        self._ask(peer, questions.warm, questions.warm)
        reply = self._ask(peer, questions.alone, questions.others)
        whole, encoding = median(reply["ms"]), median(reply["encode_ms"])
        slow = percentile(reply["ms"], _SLOW)
        return {"p50_ms": whole, "p95_ms": slow, "encode_ms": encoding, "over_encode": whole / encoding}

    def _threads(self, peer: Peer, batch: RoundQuestions) -> Values:
        """Clients as threads of the system's own process."""
        values = {}
        for clients, questions in batch.load.items():
            k = self._course.scale.k
            reply = peer.call("load", questions=list(questions), clients=clients, k=k)
            values[f"qps_{clients}"] = len(questions) / reply["seconds"]
        return values

    def _service(self, peer: Peer, batch: RoundQuestions) -> Values:
        """Clients of the web service, which has a process of its own, as they have."""
        values = {"refused": 0.0}
        inside = self._ask(peer, batch.load[1])["ms"]
        k = self._course.scale.k
        with served(self._course.index("whole", self._competitor)) as address:
            asked_by_clients(address, batch.warm, clients=1, k=k)
            for clients, questions in batch.load.items():
                reply = asked_by_clients(address, questions, clients=clients, k=k)
                values[f"qps_{clients}"] = len(reply["ms"]) / reply["seconds"]
                values["refused"] += reply["refused"]
                if clients == 1:
                    pairs = zip(reply["ms"], inside, strict=True)
                    values["route_ms"] = median(outside - answered for outside, answered in pairs)
        return values
