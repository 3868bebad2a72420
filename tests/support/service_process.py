"""The service in a process of its own, with a small index and an encoder that can be slow or fail, or as shipped.

    python -m tests.support.service_process words|real           (as app.py; SIGUSR1 has a generation published and lets it answer)
    python -m tests.support.service_process words|real EDITION   (publishes that generation)

`served` starts it and tells its address; what is measured of it is read from /proc.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tests.support.fakes import WordEncoder, article
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from corpus.article import Article
    from index.embedding.encoder import Encoder
    from web.answering.answer_service import AnswerService
    from web.service_settings import ServiceSettings

FAILING, GENTLY, SLOWLY = "break now", "gently", "slowly"
_SECONDS = {GENTLY: 0.02, SLOWLY: 1.5}
HEAD_SECONDS = 2.0
"""Less than the service gives a client in earnest, so that a test need not wait as long."""
REAL = "real"
ACCEPTED = "accepted a slow question"
"""Printed by the service for each question that says `SLOWLY`, before it is answered."""
MAY_WAIT = "SERVED_MAY_WAIT"
"""Names how many questions may wait, in place of the service's own limit."""
PLACES = ("harbour", "canal", "quay", "mill", "bridge", "market", "lighthouse", "tannery", "chapel", "ferry")
_START = 120.0  # seconds


class Words(WordEncoder):
    """Keeps no list of what it encoded, and does what a text says: fails with it as the message, or takes long."""

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        said = " ".join(texts)
        if FAILING in said:
            raise ValueError(f"cannot encode {said}")
        time.sleep(sum(seconds for word, seconds in _SECONDS.items() if word in said))
        vectors = super().encode(texts, progress=progress)
        self.encoded.clear()
        return vectors


def register() -> list[Article]:
    """An article for each place."""
    return [
        article(
            place,
            f"The {place} was built in {1700 + number}. It cost {number + 2} hundred pounds a year.",
            f"Repairs of the {place} took {number + 3} months. Nobody paid for them.",
        )
        for number, place in enumerate(PLACES)
    ]


def sample() -> list[Article]:
    """The articles that are shipped."""
    from corpus.read import read_articles

    return list(read_articles([ROOT / "corpus" / "articles"]).articles)


def edition(number: int) -> Article:
    """An article that makes one generation another than the one before."""
    return article("edition", f"This is edition {number % 2} of the register.")


def main() -> None:
    """Publish, and serve as the door does, with the environment's settings."""
    from index.building.build import build
    from index.embedding.load import load_encoder
    from web.service_settings import ServiceSettings

    kind, *editions = sys.argv[1:]
    settings = ServiceSettings.from_environment()
    encoder = load_encoder(device="cpu") if kind == REAL else Words()
    told = sample() if kind == REAL else register()
    build([*told, edition(int(*editions))], encoder, settings.data)
    if not editions:
        _serve(kind, settings, encoder)


def _serve(kind: str, settings: ServiceSettings, encoder: Encoder) -> None:
    import app
    import web.service
    from web.http.slow_clients import Connection

    Connection.seconds = HEAD_SECONDS
    desks = _observed_services(web.service)
    asked: SimpleQueue[None] = SimpleQueue()
    signal.signal(signal.SIGUSR1, lambda *_: asked.put(None))
    threading.Thread(target=_reload, args=(asked, desks, kind), daemon=True).start()
    app.serve(settings, encoder, announce=lambda line: print(line, flush=True))


def _observed_services(service: Any) -> list[AnswerService]:
    """Every answer service that is made, so that a reload can be done here; slow questions are announced."""
    services: list[AnswerService] = []
    limits = {"waiting": int(os.environ[MAY_WAIT])} if MAY_WAIT in os.environ else {}

    class Observed(service.AnswerService):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options, **limits)
            services.append(self)

        async def ask(self, question: str, *arguments: Any, **options: Any) -> Any:
            if SLOWLY in question:
                print(ACCEPTED, flush=True)
            return await super().ask(question, *arguments, **options)

    service.AnswerService = Observed
    return services


def _reload(asked: SimpleQueue[None], desks: list[AnswerService], kind: str) -> None:
    """Publish and replace whenever it is asked for: in a process beside this one, as `qa index` does."""
    from index.generation.data_folder import DataFolder
    from qa.assistant import Assistant

    for number in range(1, sys.maxsize):
        asked.get()
        before = desks[0].assistant
        data = before.generation.folder.parent
        subprocess.run([sys.executable, "-m", "tests.support.service_process", kind, str(number)], check=True)
        desks[0].assistant = Assistant(
            DataFolder(data).open(),
            before.encoder,
            reranking=before.reranking,
            calibration=before.calibration,
        )


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.address.rstrip("/").rpartition(":")[2])

    def wait_for_slow_questions(self, number: int) -> None:
        """Return when the service has accepted so many, and answered none of them."""
        assert self.process.stdout
        for _ in range(number):
            assert self.process.stdout.readline().strip() == ACCEPTED

    def figures(self) -> dict[str, int]:
        """Resident KiB, threads, and open files that are no connections."""
        own = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (own / "status").read_text().splitlines() if ":" in line)
        files = [os.readlink(file) for file in _listed(own / "fd")]
        return {
            "kib": int(status["VmRSS"].split()[0]),
            "threads": int(status["Threads"]),
            "files": sum(1 for file in files if not file.startswith("socket:")),
        }


def _listed(folder: Path) -> Iterator[Path]:
    """What is in it and has not gone meanwhile."""
    for path in folder.iterdir():
        if path.is_symlink():
            yield path


@contextmanager
def served(
    data: Path, encoder: str = "words", *, log: Path | None = None, folder: Path = ROOT, **settings: str
) -> Iterator[Served]:
    """The service, once it answers; told to stop at the end if it still runs. Its log goes to a file."""
    environ = {
        **os.environ,
        "QA_DATA": str(data),
        "QA_PORT": "0",
        "HF_HUB_OFFLINE": "1",
        **settings,
    }
    with (log or data.with_suffix(".log")).open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.service_process", encoder],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    too_long = threading.Timer(_START, process.kill)
    too_long.start()
    try:
        assert process.stdout
        address = next((line.split()[-1] for line in process.stdout if " is ready: " in line), "")
        too_long.cancel()
        assert address, f"the service ended with {process.wait()} before it was ready"
        yield Served(process, address)
    finally:
        too_long.cancel()
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
