"""Bytes of a published index change or are missing: it is refused by the file's name, and never waited for."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from index.building.build import build
from index.errors import Damaged, IndexFailure
from index.generation.data_folder import CURRENT, DataFolder
from index.generation.files import MANIFEST
from index.generation.generation import Generation
from index.generation.manifest import SMALL
from index.retrieval.index_type import Kind, Plan
from tests.support.fakes import WordEncoder, article
from tests.support.index_changes import FERRIES, Counts, make_writable, scratch
from tests.support.tiers import samples

SEED = 11
LIMIT = 20.0  # seconds that a refusal may take: one takes milliseconds, a hang takes for ever
FEW = [
    article("first", "Collisions cost 5.14 million.", "Nobody pays it.", heading="Costs"),
    article("second", "A zyzzyva."),
]


class Case(NamedTuple):
    """A byte of a file turned over, or a file cut off at this place."""

    file: Path
    place: int
    cut: bool

    def content(self, sound: bytes, chance: random.Random) -> bytes:
        if self.cut:
            return sound[: self.place]
        wrong = sound[self.place] ^ (1 << chance.randrange(8))
        return sound[: self.place] + bytes([wrong]) + sound[self.place + 1 :]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with scratch(tmp_path) as made:
        yield made


@pytest.fixture
def few(folder: Path) -> Path:
    build(FEW, WordEncoder(), folder / "data")
    return folder / "data"


@pytest.fixture(params=[Kind.IVF, Kind.PQ])
def lists(folder: Path, request: pytest.FixtureRequest) -> Path:
    """Enough texts for FAISS to have files of its own."""
    build(FERRIES, WordEncoder(), folder / "data", plan=Plan(request.param, nprobe=100))
    assert list((folder / "data").glob("gen-*/*.faiss"))
    return folder / "data"


def files(data: Path) -> list[Path]:
    """Every file that is read when the published generation is opened."""
    folder = data / DataFolder(data).current().generation
    return [data / CURRENT, *sorted(path for path in folder.rglob("*") if path.is_file())]


def cases(data: Path) -> list[Case]:
    """Every byte of every file turned over, and every file cut off at every place."""
    sizes = [(path, path.stat().st_size) for path in files(data)]
    return [Case(path, place, cut) for path, size in sizes for cut in (False, True) for place in range(size)]


def spread(everything: Sequence[Case], number: int) -> list[Case]:
    """So many by chance, and one of each kind for each file besides."""
    chance = random.Random(SEED)
    each = {(one.file, one.cut): one for one in chance.sample(everything, len(everything))}
    return [*each.values(), *chance.sample(everything, min(number, len(everything)))]


def opened(data: Path, threads: ThreadPoolExecutor) -> Generation:
    """Raises TimeoutError where nothing comes back."""
    return threads.submit(DataFolder(data).open).result(LIMIT)


def found(data: Path, place: Path, threads: ThreadPoolExecutor) -> str:
    """ "refused" by the name of the file with a reason, or "bad" with what happened instead."""
    try:
        opened(data, threads)
    except Damaged as damage:
        named = damage.file == place or (place.name == CURRENT and damage.file.name in (CURRENT, MANIFEST))
        message = str(damage)
        told = damage.reason and str(damage.file) in message and "run `qa" in message and "\n" not in message
        return "refused" if named and told else f"bad: {message}"
    except IndexFailure as failure:
        return f"bad: {failure}"
    return "bad: served"


def tried(data: Path, chosen: Sequence[Case]) -> Counts:
    counts, chance = Counts(), random.Random(SEED)
    sound = {path: path.read_bytes() for path in files(data)}
    make_writable(data)
    with ThreadPoolExecutor(1) as threads:
        for case in chosen:
            case.file.write_bytes(case.content(sound[case.file], chance))
            counts[found(data, case.file, threads)] += 1
            case.file.write_bytes(sound[case.file])
        opened(data, threads)
    return counts


@samples("number", 200, 1_200, 10**9, seconds=6_000)
def test_every_changed_byte_and_every_cut_is_refused_by_name(few: Path, number: int) -> None:
    everything = cases(few)
    chosen = spread(everything, number)
    counts = tried(few, chosen)
    counts.tell(f"{len(files(few))} files")
    assert counts == {"refused": len(chosen)}
    assert len(everything) > 30_000
    assert len(chosen) > min(number, len(everything))


@samples("number", 30, 150, 5_000, seconds=6_000)
def test_files_of_faiss_are_refused_too(lists: Path, number: int) -> None:
    chosen = spread([case for case in cases(lists) if case.file.suffix == ".faiss"], number)
    counts = tried(lists, chosen)
    counts.tell("files of FAISS")
    assert counts == {"refused": len(chosen)}


def test_without_the_hash_check_damage_is_served(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of these tests: it is the hashes that refuse, and the counts would show it."""
    monkeypatch.setattr("index.generation.manifest._verify_file", lambda *_: None)
    numbers = [case for case in cases(few) if case.file.name == "vectors.npy" and not case.cut]
    counts = tried(few, spread(numbers, 100))
    counts.tell("vectors.npy without the hash check")
    assert counts["bad: served"] > 50


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


@pytest.mark.parametrize("make", [fifo, endless, huge, Path.mkdir])
def test_what_is_no_plain_file_is_not_waited_for(few: Path, make: Callable[[Path], None]) -> None:
    """Of the manifest and `CURRENT` nothing is known when they are read; in memory a TB would be short."""
    counts = Counts()
    with ThreadPoolExecutor(1) as threads:
        for path in files(few):
            kept = path.with_name("kept")
            path.rename(few / kept.name)
            make(path)
            counts[found(few, path, threads)] += 1
            path.rmdir() if path.is_dir() else path.unlink()
            (few / kept.name).rename(path)
        opened(few, threads)
    assert counts == {"refused": len(files(few))}


def test_the_longest_small_file_is_read_and_a_longer_one_refused(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_bytes(b"x" * SMALL)
    with pytest.raises(Damaged, match="does not hold a generation"):
        DataFolder(tmp_path).current()
    (tmp_path / CURRENT).write_bytes(b"x" * (SMALL + 1))
    with pytest.raises(Damaged, match="CURRENT: cannot be read: longer than 1,048,576 bytes"):
        DataFolder(tmp_path).current()


def test_a_shortage_is_no_reason_to_go_back(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--recover` goes back for damage, and not because the process had no file left to open."""
    build([*FEW, article("third", "A quokka.")], WordEncoder(), few)
    newest = DataFolder(few).current().generation

    def short(*_: object) -> int:
        raise Damaged(few, "cannot be read") from OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr("index.generation.data_folder.verify_files", short)
        with pytest.raises(Damaged, match="cannot be read"):
            DataFolder(few).recover()
    assert DataFolder(few).current().generation == newest == DataFolder(few).recover()
