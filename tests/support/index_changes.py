"""Changes of a small index that something happens to, and what the index is found to be afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus.article import Article
from index.building.build import Built, build
from index.errors import IndexFailure, NoIndex
from index.generation.data_folder import DataFolder
from index.retrieval.index_type import AUTO, Kind, Plan
from index.storage.durable_io import Disk
from tests.support.fakes import WordEncoder, article

HARBOUR = article(
    "harbour", "The quay was cheap. Dredging cost 5.14 million.", "Nobody paid.", heading="Costs"
)
ZYZZYVA = article("zyzzyva", "The zyzzyva sat on a leaf. Its colour was amber.")
UPDATED = article("zyzzyva", "The zyzzyva sat on a leaf. Its colour was green.")

MEMORY = Path("/dev/shm")
"""A disk in memory, where there is one: thousands of builds wait for no real one."""


@dataclass(frozen=True, slots=True)
class Change:
    """Articles before (none: no index yet) and after; `another` model makes all vectors anew."""

    before: tuple[Article, ...]
    after: tuple[Article, ...]
    another: bool = False
    plan: Plan = AUTO

    def prepare(self, data: Path) -> None:
        """What is published before the change."""
        if self.before:
            build(self.before, WordEncoder(), data, plan=self.plan)

    def apply(self, data: Path, *, disk: Disk | None = None) -> Built:
        """The change itself."""
        return build(self.after, self.encoder(), data, plan=self.plan, disk=disk)

    def encoder(self) -> WordEncoder:
        return WordEncoder(fingerprint="e" * 64) if self.another else WordEncoder()


CHANGES: Mapping[str, Change] = {
    "first build": Change((), (HARBOUR, ZYZZYVA)),
    "rebuild": Change((HARBOUR, ZYZZYVA), (HARBOUR, ZYZZYVA), another=True),
    "add": Change((HARBOUR,), (HARBOUR, ZYZZYVA)),
    "update": Change((HARBOUR, ZYZZYVA), (HARBOUR, UPDATED)),
    "delete": Change((HARBOUR, ZYZZYVA), (HARBOUR,)),
}


FERRIES = tuple(article(f"a{n:03}", f"Ferry {n} sails at {n * 7}. Quay {n} is green.") for n in range(130))
LISTS = Change(FERRIES[:-1], FERRIES, plan=Plan(Kind.IVF, nprobe=100))
"""One with so many texts that FAISS writes files of its own; all others are searched without."""


class Counts(Counter[str]):
    """Outcomes by class, printed when the test ends well or not."""

    def tell(self, what: str) -> None:
        print(
            f"{what}: {self.total()} cases: " + ", ".join(f"{n} {name}" for name, n in sorted(self.items()))
        )

    def bad(self) -> dict[str, int]:
        return {name: count for name, count in self.items() if name.startswith("bad")}


def outcome(data: Path, change: Change) -> str:
    """ "old", "new", "no index", or "bad" with what is wrong."""
    try:
        generation = DataFolder(data).open()
        articles = tuple(generation.articles)
    except NoIndex:
        return "bad: the index is gone" if change.before else "no index"
    except IndexFailure as error:
        return f"bad: {error}"
    fingerprint = generation.manifest.fingerprint
    if (articles, fingerprint) == (change.after, change.encoder().fingerprint):
        return "new"
    return "old" if articles == change.before else "bad: articles of no generation"


@contextmanager
def scratch(tmp_path: Path) -> Iterator[Path]:
    """An empty folder for indexes and temporary files, in memory where that is possible."""
    folder = (
        MEMORY / f"pullquote-{os.getpid()}-{tmp_path.name}" if os.access(MEMORY, os.W_OK) else tmp_path / "m"
    )
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder / "tmp")
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def linked_copy(data: Path, copy: Path) -> Path:
    """A copy in no time: no file of a data folder is ever changed in place."""
    shutil.rmtree(copy, ignore_errors=True)
    if data.is_dir():
        shutil.copytree(data, copy, copy_function=os.link)
    return copy


def make_writable(folder: Path) -> None:
    """Let tests damage files below a folder, which nobody can write otherwise."""
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def steps_of(change: Change, data: Path) -> Sequence[tuple[str, Path]]:
    """The operations of a change, which is applied."""
    disk = Steps()
    change.prepare(data)
    change.apply(data, disk=disk)
    return disk.steps


class Steps(Disk):
    """Lists its operations."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, Path]] = []

    def step(self, operation: str, path: Path) -> None:
        self.steps.append((operation, path))


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
