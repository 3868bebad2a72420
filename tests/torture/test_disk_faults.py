"""The disk fails at every operation of `qa index`: the old index goes on serving, and one line says where and why."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from typer.testing import CliRunner

from cli.main import app
from index.building.build import build
from index.errors import NoIndex
from index.generation.data_folder import DataFolder
from index.storage.durable_io import Disk, errno_in_message
from qa.assistant import Assistant
from tests.support.fakes import FailingDisk, WordEncoder, article
from tests.support.index_changes import Counts, linked_copy, scratch
from tests.support.mounted_folders import needs_mount, run_mounted
from tests.support.tiers import full, mostly_full, samples

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE)
STRIDE = 23  # in `make test-all`, of the operations at which all but the first kind of error are tried
QUESTION = "Who paid?"


class ShortDisk(Disk):
    """Writes half of the content of the write of this number, counted from 0, and says nothing."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.path = Path()

    def _write(self, stream: BinaryIO, content: bytes, path: Path) -> None:
        if self._left == 0:
            self.path = path
            content = content[: len(content) // 2]
        self._left -= 1
        super()._write(stream, content, path)


class CuttingDisk(Disk):
    """Cuts the library's file of this number to half of its length before it is flushed."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.path = Path()

    def sync_file(self, path: Path) -> None:
        if self._left == 0:
            self.path = path
            os.truncate(path, path.stat().st_size // 2)
        self._left -= 1
        super().sync_file(path)


class Bench:
    """Two published generations of one article, and a folder of two articles that `qa index` is run on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.articles, self.data, self._prepared = folder / "articles", folder / "data", folder / "prepared"
        self._disk: Disk = Disk()
        self.articles.mkdir()
        (self.articles / "harbour.txt").write_text(
            "The quay was cheap. Nobody paid for it.", encoding="utf-8"
        )
        (self.articles / "leaf.txt").write_text("The zyzzyva sat on a leaf.", encoding="utf-8")
        for text in ("The quay was dear.", "The quay was cheap. Nobody paid for it."):
            build([article("harbour", text)], WordEncoder(), self._prepared)
        monkeypatch.setattr("qa.loading.load_encoder", lambda *_, **__: WordEncoder())
        monkeypatch.setattr("index.building.build.Disk", lambda: self._disk)
        self.old = self.prepared()
        self.serving = Assistant(DataFolder(self.data).open(), WordEncoder())
        self.served = self.serving.ask(QUESTION)

    def prepared(self) -> str:
        """The folder as it was at first; the generation that is published in it."""
        return DataFolder(linked_copy(self._prepared, self.data)).current().generation

    def left(self) -> list[str]:
        """What a build that failed left, vectors for the next one aside."""
        generations = {path.name for path in self._prepared.glob("gen-*")}
        folders = {path.name for path in self.data.iterdir() if path.is_dir()}
        return [name for name in folders - generations if not name.startswith("encoded-")]

    def index(self, disk: Disk) -> tuple[int, str]:
        """Exit code and what was said of `qa index` on this disk; the old assistant answers as before."""
        self._disk = disk
        done = CliRunner().invoke(app, ["index", str(self.articles), "--data", str(self.data)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert self.serving.ask(QUESTION) == self.served
        return done.exit_code, done.stderr


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with scratch(tmp_path) as folder:
        yield Bench(folder, monkeypatch)


def operations(bench: Bench) -> Sequence[tuple[str, Path]]:
    counting = FailingDisk(OSError(), at=-1)
    bench.prepared()
    assert bench.index(counting)[0] == 0
    return counting.steps


def names(said: str, path: Path, number: int) -> bool:
    """One line with the path and the number."""
    told = f"(errno {number}: {os.strerror(number)})"
    return said.count("\n") == 1 and str(path) in said and told in said and said.startswith("qa: ")


def tried(bench: Bench, number: int, at: int, *, forever: bool) -> str:
    """What became of `qa index` when an operation failed: "refused", "published" or "bad"."""
    bench.prepared()
    disk = FailingDisk(OSError(number, os.strerror(number)), at=at, forever=forever)
    code, said = bench.index(disk)
    if [step for step in disk.steps[at + 1 :] if step[0] != "remove"] and code:
        return f"bad: went on after {disk.steps[at]}"  # a failed fsync least of all is tried again
    opened = DataFolder(bench.data).open()
    operation, path = disk.steps[at]
    if code == 0:  # only what is left to be cleaned up may fail unnoticed
        return "published" if operation == "remove" and opened.id != bench.old else "bad: unnoticed"
    if code != 2 or not names(said, path, number):
        return f"bad: exit code {code}, {said}"
    if opened.id == bench.old:
        return "bad: left" if bench.left() and not forever else "refused"
    return "refused once published" if (operation, path) == ("fsync", bench.data) else "bad: published"


@samples("stride", 40, STRIDE, 1)
@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("number", mostly_full(ERRORS, errno.ENOSPC, errno.EIO))
def test_an_error_at_every_operation(bench: Bench, number: int, forever: bool, stride: int) -> None:
    counts, steps = Counts(), operations(bench)
    published = [operation for operation, _ in steps].index("replace")
    thorough = stride <= STRIDE
    every = min(3, stride) if thorough and (number, forever) == (errno.ENOSPC, False) else stride
    around = range(published - 4, len(steps)) if thorough else range(published - 1, published + 4)
    for at in sorted({*range(0, len(steps), every), *around, len(steps) - 1}):
        counts[tried(bench, number, at, forever=forever)] += 1
    counts.tell(f"{os.strerror(number)}, {'for ever' if forever else 'once'}")
    assert counts.bad() == {}
    assert counts["refused"] > 90 // every
    assert counts["published"] > 0
    assert counts["refused once published"] == 1
    bench.prepared()
    assert bench.index(Disk())[0] == 0


@full
def test_a_first_build_that_fails_leaves_no_index_and_nothing_to_go_back_to(bench: Bench) -> None:
    """Whatever fails before `CURRENT` is there, the next build begins as if there had been none."""
    counts, counting = Counts(), FailingDisk(OSError(), at=-1)
    shutil.rmtree(bench.data)
    assert bench.index(counting)[0] == 0
    published = [operation for operation, _ in counting.steps].index("replace")
    for at in sorted({*range(0, published, 20), *range(published - 6, published + 1)}):
        shutil.rmtree(bench.data)
        code, said = bench.index(FailingDisk(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), at=at))
        assert (code, said.count("errno 28")) == (2, 1)
        with pytest.raises(NoIndex) as caught:
            DataFolder(bench.data).open()
        counts["no index" if not caught.value.left else "bad: an index to go back to"] += 1
        assert bench.index(Disk())[0] == 0
    counts.tell("first builds that fail")
    assert set(counts) == {"no index"}
    assert counts.total() > 10


@samples("stride", 8, 2, 1)
def test_a_failed_flush_is_named_and_is_the_last(bench: Bench, stride: int) -> None:
    """The kernel may have dropped what was to be written: a second flush that succeeds would prove nothing."""
    counts, steps = Counts(), operations(bench)
    flushes = [at for at, (operation, _) in enumerate(steps) if operation == "fsync"]
    for at in flushes[::stride]:
        bench.prepared()
        disk = FailingDisk(OSError(errno.EIO, os.strerror(errno.EIO)), at=at)
        code, said = bench.index(disk)
        again = [step for step in disk.steps[at + 1 :] if step[0] == "fsync"]
        named = code == 2 and names(said, disk.steps[at][1], errno.EIO)
        counts["named, never again" if named and not again else f"bad: {code} {said} {again}"] += 1
    counts.tell("failed flushes")
    assert set(counts) == {"named, never again"}
    assert counts.total() >= 40 // stride


@pytest.mark.parametrize("make", mostly_full([ShortDisk, CuttingDisk], CuttingDisk))
def test_what_arrives_short_is_never_published(bench: Bench, make: Callable[[int], Any]) -> None:
    """A write cut short is found by its length, a library's file cut short by the check before publishing."""
    counts = Counts()
    for at in range(40):
        bench.prepared()
        disk = make(at)
        code, said = bench.index(disk)
        if disk.path == Path():
            assert code == 0
            break
        found = code == 2 and DataFolder(bench.data).open().id == bench.old
        named = disk.path.name in said or str(disk.path.parent) in said
        counts["refused" if found and named else f"bad: {code} {said}"] += 1
    counts.tell(make.__name__)
    assert counts.bad() == {}
    assert counts["refused"] > 12


def test_unnoticed_errors_would_be_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests of these tests: lengths that are not compared, a flush that is tried again."""
    monkeypatch.setattr("index.building.publish._self_check", lambda *_: None)
    bench.prepared()
    code, _ = bench.index(CuttingDisk(3))
    assert code == 0
    bench.prepared()

    def sync_twice(disk: Disk, descriptor: int, path: Path) -> None:
        for last in (False, True):
            try:
                disk.step("fsync", path)
                return
            except OSError:
                if last:
                    raise

    steps = operations(bench)
    at = next(at for at, (operation, _) in enumerate(steps) if operation == "fsync")
    monkeypatch.setattr(Disk, "_sync", sync_twice)
    assert tried(bench, errno.EIO, at, forever=False).startswith("bad: unnoticed")


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("An IO error occurred: 'No space left on device (os error 28)'", errno.ENOSPC),
        ('Os { code: 24, kind: TooManyOpenFiles, message: "Too many open files" }', errno.EMFILE),
        ("write error in i: 147 != 292 (No space left on device)", errno.ENOSPC),
        ("could not open i for writing: Read-only file system", errno.EROFS),
        ("An index writer was killed", None),
    ],
)
def test_a_library_tells_the_number_in_its_own_words(told: str, number: int | None) -> None:
    assert errno_in_message(told) == number


@needs_mount
def test_a_disk_that_fills_up_at_any_moment(tmp_path: Path) -> None:
    """Disks of one size after another: the estimate refuses, or a write does, or there is room."""
    code = """
from index.building import build as building
building.SPARE_BYTES = 0
building.WORDS_PER_TEXT = -1  # no estimate: the disk itself has to say it
import os
for kib in range(8, 300, 12):
    disk = data / str(kib)
    disk.mkdir()
    os.system(f"mount -t tmpfs -o size={kib}k none {disk}")
    try:
        build(words[:2], WordEncoder(), disk / "data")
        print("ok", len(DataFolder(disk / "data").open().articles))
    except BuildFailed as error:
        print(error.errno, error.path.is_relative_to(disk), error)
"""
    counts = Counts(
        "ok" if line == "ok 2" else line.split(": ")[0]
        for line in run_mounted(code, tmp_path, "2", mount="true")
    )
    counts.tell("disks that fill up")
    assert set(counts) == {"ok", f"{errno.ENOSPC} True the build failed"}


@needs_mount
def test_a_disk_that_becomes_read_only_is_named_and_serves_on(tmp_path: Path) -> None:
    build([article("a", "Ferry 1 sails.")], WordEncoder(), tmp_path / "data")
    code = """
from qa.assistant import Assistant
print(Assistant(DataFolder(data).open(), WordEncoder()).ask("Which ferry sails?").generation)
try:
    build(words, WordEncoder(), data)
except BuildFailed as error:
    print(error.errno, error.path)
"""
    mount = f"mount --bind {tmp_path}/data {tmp_path}/data && mount -o remount,bind,ro {tmp_path}/data"
    served, refused = run_mounted(code, tmp_path / "data", "2", mount=mount)
    assert served == DataFolder(tmp_path / "data").current().generation
    assert refused == f"{errno.EROFS} {tmp_path}/data/LOCK"


@full
def test_a_process_that_may_open_few_files_names_what_it_could_not_open(tmp_path: Path) -> None:
    """Real limits, from none free to enough: every build ends in one way or the other, and none in a traceback."""
    build([article("a", "Ferry 1 sails.")], WordEncoder(), tmp_path / "data")
    code = """
import gc, os
build(words, WordEncoder(), data.parent / "warm")
gc.collect()
old, most = DataFolder(data).current().generation, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
for free in range(0, 60, 2):
    limit = len(os.listdir("/proc/self/fd")) - 1 + free
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    said = ""
    try:
        build(words, WordEncoder(), data)
    except IndexFailure as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    told = "Too many open files" in said and ("errno 24" in said or "TMPDIR" in said) and "/" in said
    print("named" if told and DataFolder(data).current().generation == old else said or "ok")
    if not said:
        break
"""
    counts = Counts(run_mounted(code, tmp_path / "data", "2"))
    counts.tell("few files")
    assert set(counts) == {"named", "ok"}
    assert counts["named"] > 3
