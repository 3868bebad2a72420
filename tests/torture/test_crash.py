"""The publishing process dies, at every step and at any moment: what is opened then is the old index or the new."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index.building.build import build
from index.generation.data_folder import DataFolder
from tests.support.crash_process import Undertaker, turned, undertaker
from tests.support.fakes import WordEncoder
from tests.support.index_changes import (
    CHANGES,
    LISTS,
    Change,
    Counts,
    linked_copy,
    needs_fork,
    outcome,
    scratch,
    steps_of,
)
from tests.support.tiers import samples

pytestmark = needs_fork

NEAR = 0.06  # of a build: what it takes to publish and to clean up, on a machine that does something else too
STRIDE = 9  # in `make test-all`, among the steps at which only a temporary folder grows


@pytest.fixture(scope="module")
def dying() -> Iterator[Undertaker]:
    with undertaker() as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with scratch(tmp_path) as made:
        yield made


@samples("stride", 60, STRIDE, 1)
@pytest.mark.parametrize("name", CHANGES)
def test_death_at_a_step_leaves_the_old_index_or_the_new(
    folder: Path, dying: Undertaker, name: str, stride: int
) -> None:
    change, counts = CHANGES[name], Counts()
    steps = steps_of(change, folder / "count")
    published = [operation for operation, _ in steps].index("replace")
    whole = next(at for at, (_, path) in enumerate(steps) if path.name == "manifest.json")
    change.prepare(folder / "prepared")
    around = range(whole, len(steps), 1 if stride <= STRIDE else 4)
    for at in sorted({*range(0, len(steps), stride), *around, published, published + 1}):
        data = linked_copy(folder / "prepared", folder / "data")
        assert dying.ask(data=str(data), change=name, at=at) == {"end": "died"}
        found = outcome(data, change)
        counts[found] += 1
        assert found == ("new" if at > published else "old" if change.before else "no index"), steps[at]
        if stride == 1 or at % 3 == 0 or at >= published:
            assert_next_build(data, change)
            counts["next build succeeded"] += 1
    counts.tell(f"{name}, killed at steps of {len(steps)}")
    assert counts.bad() == {}
    assert counts["new"] > 0
    assert counts["old" if change.before else "no index"] > 70 // stride
    assert counts["next build succeeded"] > 30 // stride


def assert_next_build(data: Path, change: Change) -> None:
    """The build after a crash succeeds, and nothing of what died is left."""
    change.apply(data)
    assert outcome(data, change) == "new"
    left = [path.name for path in data.iterdir() if not path.name.startswith("gen-")]
    assert sorted(left) == ["CURRENT", "LOCK"]
    assert len(list(data.glob("gen-*"))) <= 2


@samples("every", 90, 30, 1)
def test_death_around_what_faiss_writes(folder: Path, dying: Undertaker, every: int) -> None:
    """Before and after each of its files is written, when they are flushed, and at some of all other steps."""
    counts, steps = Counts(), steps_of(LISTS, folder / "count")
    published = [operation for operation, _ in steps].index("replace")
    around = [at for at, (_, path) in enumerate(steps) if path.suffix == ".faiss"]
    LISTS.prepare(folder / "prepared")
    for at in sorted({*around, *(at + 1 for at in around), *range(0, len(steps), every), len(steps) - 1}):
        data = linked_copy(folder / "prepared", folder / "data")
        assert dying.ask(data=str(data), change="lists", at=at) == {"end": "died"}
        found = outcome(data, LISTS)
        counts[found] += 1
        assert found == ("new" if at > published else "old"), steps[at]
    assert_next_build(data, LISTS)
    counts.tell("lists of FAISS, killed at some steps")
    assert len(around) == 2  # its file is made and flushed
    assert min(counts["old"], counts["new"]) > 0


@pytest.mark.parametrize("name", CHANGES)
def test_death_inside_tantivy_leaves_the_old_index(folder: Path, dying: Undertaker, name: str) -> None:
    change, counts, halves = CHANGES[name], Counts(), 0
    for texts in range(4):
        shutil.rmtree(folder / "data", ignore_errors=True)
        change.prepare(folder / "data")
        assert dying.ask(data=str(folder / "data"), change=name, inside=texts) == {"end": "died"}
        counts[outcome(folder / "data", change)] += 1
        halves += len(list(folder.glob("data/tmp-*/lexical/sentence-made/*")))
        assert_next_build(folder / "data", change)
    counts.tell(f"{name}, killed inside tantivy")
    assert counts == {"old" if change.before else "no index": 4}
    assert halves > 0  # a folder that tantivy had begun was there each time


@samples("kills", 60, 500, 5_000, seconds=6_000)
def test_killed_at_random_moments(folder: Path, dying: Undertaker, kills: int) -> None:
    """On two indexes at once, one for each core."""
    counts = Counts()
    with undertaker() as other, ThreadPoolExecutor(2) as threads:
        sides = enumerate((dying, other))
        series = [
            threads.submit(killed, folder / str(seed), one, kills // 2, seed=seed) for seed, one in sides
        ]
        for found in series:
            counts += found.result()
    counts.tell("kill -9 at random moments")
    assert counts.bad() == {}
    assert counts.total() == kills
    assert min(counts["old"], counts["new"]) >= kills // 20


def killed(data: Path, dying: Undertaker, kills: int, *, seed: int) -> Counts:
    """Every other one anywhere in a build, the rest in the millisecond after `CURRENT` is to be replaced."""
    counts, chance, turn = Counts(), random.Random(seed), 1
    build(turned(0).after, WordEncoder(), data)
    for kill in range(kills):
        near = kill % 2 == 1
        after = chance.uniform(0, NEAR if near else 1.1)
        reply = dying.ask(data=str(data), turn=turn, after=after, near=near)
        assert reply["end"] == "killed"
        turn = max([turn, *(finished + 1 for finished in reply["finished"])])
        found = outcome(data, turned(turn))
        counts[found] += 1
        turn += found == "new"
    build(turned(turn).after, WordEncoder(), data)
    assert tuple(DataFolder(data).open().articles) == turned(turn).after
    return counts


def test_an_index_that_names_what_is_not_there_is_seen(folder: Path) -> None:
    """The test of these tests: a crash that did leave half an index would be counted as bad."""
    change = CHANGES["update"]
    change.prepare(folder / "data")
    shutil.rmtree(next((folder / "data").glob("gen-*")) / "lexical")
    assert outcome(folder / "data", change).startswith("bad: damaged index")
    shutil.rmtree(folder / "data")
    assert outcome(folder / "data", change) == "bad: the index is gone"
    assert outcome(folder / "data", CHANGES["first build"]) == "no index"
    CHANGES["add"].prepare(folder / "data")
    assert outcome(folder / "data", change) == "bad: articles of no generation"
