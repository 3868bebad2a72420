"""The power goes while a generation is published: what is left on the disk is the old index or the new one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.storage.durable_io import Disk
from tests.support.index_changes import CHANGES, LISTS, Change, Counts, outcome, scratch
from tests.support.power_cut_disk import Moment, Remembering
from tests.support.tiers import full, samples

SEED = 7
OUTCOMES = 3  # by chance, for each moment from the manifest on, besides the least that can be left
STRIDE = 9  # in `make test-all`, among the moments in which only a temporary folder grows


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with scratch(tmp_path) as made:
        yield made


@contextmanager
def remembered(change: Change, folder: Path, *, without: int = -1) -> Iterator[Remembering]:
    """A change that has been applied to `folder/disk/data`; the last moment is the one after it."""
    shutil.rmtree(folder / "disk", ignore_errors=True)
    (folder / "disk").mkdir()
    change.prepare(folder / "disk" / "data")
    disk = Remembering(folder / "disk", without=without)
    change.apply(folder / "disk" / "data", disk=disk)
    disk.remember("end", "")
    yield disk
    disk.close()


def left(moment: Moment, change: Change, folder: Path, chance: random.Random | None) -> str:
    """What the index is found to be after the power went at a moment."""
    shutil.rmtree(folder / "left", ignore_errors=True)
    (folder / "left").mkdir()
    moment.after_the_cut(folder / "left", chance)
    return outcome(folder / "left" / "data", change)


def fault(number: int, disk: Remembering, change: Change, found: str) -> str:
    """Why this may not be found when the power goes at this moment; "" when it may."""
    published = [moment.operation for moment in disk.moments].index("replace")
    before = "old" if change.before else "no index"
    done = disk.moments[number].operation in ("remove", "end") and number > published
    allowed = {"new"} if done else {before} if number <= published else {before, "new"}
    return (
        "" if found in allowed else f"{disk.moments[number].operation} {disk.moments[number].name}: {found}"
    )


@samples("stride", 40, STRIDE, 1)
@pytest.mark.parametrize("name", CHANGES)
def test_a_power_cut_leaves_the_old_index_or_the_new(folder: Path, name: str, stride: int) -> None:
    change, counts, chance = CHANGES[name], Counts(), random.Random(SEED)
    faults: list[str] = []
    with remembered(change, folder) as disk:
        whole = next(n for n, moment in enumerate(disk.moments) if moment.name == "manifest.json")
        for number, moment in enumerate(disk.moments):
            if number < whole and number % stride:
                continue
            times = 20 if stride == 1 else OUTCOMES if number >= whole and stride == STRIDE else 1
            for chosen in (None, *[chance] * times):
                found = left(moment, change, folder, chosen)
                counts[found] += 1
                faults += filter(None, [fault(number, disk, change, found)])
    counts.tell(f"{name}, power cut at {len(disk.moments)} moments")
    assert faults == []
    assert counts["new"] > 0
    assert counts["old" if change.before else "no index"] > 0


def test_what_was_encoded_is_still_there_after_a_power_cut(folder: Path) -> None:
    change = CHANGES["first build"]
    with remembered(change, folder) as disk:
        assert _encoded_again(disk, change, folder) == 0


def _encoded_again(disk: Remembering, change: Change, folder: Path) -> int:
    """Texts that a build has to encode when the power went as the vectors were to be written."""
    writing = next(moment for moment in disk.moments if moment.name.startswith("tmp-"))
    left(writing, change, folder, None)
    return change.apply(folder / "left" / "data").encoded


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("first build", 12),
        pytest.param("first build", 1, marks=full),
        pytest.param("update", 1, marks=pytest.mark.torture),
    ],
)
def test_without_any_one_flush_a_power_cut_shows(folder: Path, name: str, step: int) -> None:
    """The test of these tests: leave out one fsync of a build, whichever, and something is lost."""
    change, counts, silent = CHANGES[name], Counts(), []
    with remembered(change, folder) as disk:
        flushed = disk.flushed
    for without, flushed_name in list(enumerate(flushed))[::step]:
        with remembered(change, folder, without=without) as disk:
            lost = _lost(disk, change, folder)
        counts["lost" if lost else "nothing lost"] += 1
        silent += [] if lost else [flushed_name]
    counts.tell(f"{name}, flushes of {len(flushed)} left out")
    assert counts.total() == len(flushed[::step])
    assert len(flushed) > 40
    assert silent == []


def test_without_the_flush_of_a_file_of_faiss_a_power_cut_shows(folder: Path) -> None:
    with remembered(LISTS, folder) as disk:
        flushed = [number for number, name in enumerate(disk.flushed) if name.endswith(".faiss")]
        assert left(disk.moments[-1], LISTS, folder, None) == "new"
    assert len(flushed) == 1
    for without in flushed:
        with remembered(LISTS, folder, without=without) as disk:
            assert "faiss" in left(disk.moments[-1], LISTS, folder, None)


def _lost(disk: Remembering, change: Change, folder: Path) -> bool:
    """Whether a power cut after the build, between its last steps, or before its first file, shows a fault."""
    chance = random.Random(SEED)
    published = [moment.operation for moment in disk.moments].index("replace")
    if fault(len(disk.moments) - 1, disk, change, left(disk.moments[-1], change, folder, None)):
        return True
    for number in range(published + 1, len(disk.moments)):
        for _ in range(8):
            if fault(number, disk, change, left(disk.moments[number], change, folder, chance)):
                return True
    return _encoded_again(disk, change, folder) > 0


def test_a_build_that_flushes_nothing_loses_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of these tests: with `_sync` switched off many power cuts leave the old index, or a damaged one."""
    monkeypatch.setattr(Remembering, "_sync", lambda *_: None)
    change, counts, chance = CHANGES["update"], Counts(), random.Random(SEED)
    with remembered(change, folder) as disk:
        for number, moment in enumerate(disk.moments[-6:], start=len(disk.moments) - 6):
            for _ in range(5):
                found = left(moment, change, folder, chance)
                counts["red" if fault(number, disk, change, found) else "green"] += 1
    counts.tell("no flush at all")
    assert counts["red"] >= 10


def test_the_least_that_is_left_is_what_was_flushed(tmp_path: Path) -> None:
    """Worked by hand: one file flushed and named, one flushed only, one renamed but not named again."""
    disk = Remembering(tmp_path)
    Disk.write_file(disk, tmp_path / "a", b"abc")
    disk.sync_folder(tmp_path)
    Disk.write_file(disk, tmp_path / "b", b"def")
    (tmp_path / "a").rename(tmp_path / "c")
    disk.remember("end", "")
    for name, chance in (("least", None), ("chance", random.Random(1))):
        (tmp_path.parent / name).mkdir(exist_ok=True)
        disk.moments[-1].after_the_cut(tmp_path.parent / name, chance)
    disk.close()
    assert {path.name: path.read_bytes() for path in (tmp_path.parent / "least").iterdir()} == {"a": b"abc"}
    contents = {path.read_bytes() for path in (tmp_path.parent / "chance").iterdir()}
    assert contents <= {b"abc", b"def"}
