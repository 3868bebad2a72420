"""Every command that touches the data folder is killed, and meets a disk that fails: old state or new, and one line."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from index.building.build import build
from index.errors import IndexFailure
from index.generation.data_folder import DataFolder
from qa.feedback.database import FEEDBACK
from qa.feedback.store import FeedbackStore
from tests.support.crash_process import Undertaker, undertaker
from tests.support.fake_assistant import abstained
from tests.support.fake_engine import FolderEngine
from tests.support.fakes import WordEncoder
from tests.support.index_changes import CHANGES, HARBOUR, Counts, Steps, needs_fork, scratch
from tests.support.tiers import samples
from web.access.credentials import FILE, add, load

pytestmark = needs_fork

WORD = "zyzzyva"
POINTS = 3  # of death and of failure in `make test`, spread over the command


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, what is there before, and the state that is found afterwards: "old", "new" or what is wrong."""

    arguments: tuple[str, ...]
    prepare: Callable[[Path], None]
    state: Callable[[Path], str]


def prepare_access(data: Path) -> None:
    add(data / FILE, "first")


def names(data: Path) -> list[str]:
    return [credential.name for credential in load(data / FILE)]


def prepare_index(data: Path) -> None:
    """Two generations, of which the published one is damaged."""
    for change in ("add", "update"):
        build(CHANGES[change].after, WordEncoder(), data)
    file = DataFolder(data).open().folder / "articles.jsonl"
    file.unlink()
    file.write_bytes(b"")


def index_state(data: Path) -> str:
    try:
        DataFolder(data).open()
    except IndexFailure:
        return "old" if len(DataFolder(data).generations()) == 2 else "bad: a generation is gone"
    return "new"


def prepare_feedback(data: Path) -> None:
    with closing(FeedbackStore(data / FEEDBACK, keep_questions=True)) as store:
        for number, question in enumerate((f"Where is the {WORD}?", "Who paid?")):
            store.record(str(number), abstained(question=question), 0.1)


def feedback_state(data: Path) -> str:
    with closing(FeedbackStore(data / FEEDBACK)) as store, store.reading() as feedback:
        found = [question for (question,) in feedback.execute("SELECT question FROM asked ORDER BY id")]
    return {2: "old", 1: "new"}.get(len(found), "bad") if "Who paid?" in found else "bad: both are gone"


def export_state(data: Path) -> str:
    table = data / "table.csv"
    if not table.exists():
        return "old"
    return "new" if table.read_text(encoding="utf-8-sig").count("\n") == 1 else "bad: a part of it"


COMMANDS: Mapping[str, Command] = {
    "access add": Command(
        ("access", "add", "ann"),
        prepare_access,
        lambda data: {"first": "old", "first ann": "new"}.get(" ".join(names(data)), "bad"),
    ),
    "access remove": Command(
        ("access", "remove", "first"), prepare_access, lambda data: "old" if names(data) else "new"
    ),
    "verify --recover": Command(("verify", "--recover"), prepare_index, index_state),
    "forget": Command(("forget", "--containing", WORD), prepare_feedback, feedback_state),
    "feedback forget": Command(("feedback", "forget", "--before", "1999-01-01"), prepare_feedback,
                               lambda data: feedback_state(data).replace("old", "new")),
    "feedback export": Command(("feedback", "export", "--csv", "TABLE"), prepare_feedback, export_state),
}  # fmt: skip


@pytest.fixture(scope="module")
def dying() -> Iterator[Undertaker]:
    with undertaker() as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with scratch(tmp_path) as made:
        yield made


class Bench:
    """A command on a fresh copy of what was prepared."""

    def __init__(self, command: Command, folder: Path, dying: Undertaker) -> None:
        self._folder, self._dying, self._command = folder, dying, command
        self.data, self.reply = folder / "data", folder / "reply.json"
        self.arguments = [
            str(self.data / "table.csv") if one == "TABLE" else one for one in command.arguments
        ]
        (folder / "prepared").mkdir()
        command.prepare(folder / "prepared")

    def run(self, **fault: int) -> dict[str, Any]:
        """How it ended; "died" has no reply."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self._folder / "prepared", self.data)
        self.reply.unlink(missing_ok=True)
        asked = {"data": str(self.data), "command": self.arguments, "reply": str(self.reply)}
        end = self._dying.ask(**asked, **fault)
        told: dict[str, Any] = json.loads(self.reply.read_text()) if self.reply.exists() else {}
        return {**told, **end}

    def assert_again_succeeds(self) -> None:
        """The command after the fault does its work, unless it is done, and leaves nothing behind."""
        if self._command.state(self.data) == "old":
            done = CliRunner().invoke(app, [*self.arguments, "--data", str(self.data)])
            assert done.exit_code == 0, done.output
        assert self._command.state(self.data) == "new"


def spread(total: int, points: int) -> range:
    return range(0, total, max(1, total // points))


@samples("points", POINTS, 24, 100_000, seconds=6_000)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_killed_leaves_the_old_state_or_the_new(
    folder: Path, dying: Undertaker, name: str, points: int
) -> None:
    bench, counts = Bench(COMMANDS[name], folder, dying), Counts()
    whole = bench.run()
    assert (whole["code"], whole["error"], whole["end"]) == (0, "", "finished")
    last = range(max(0, whole["lines"] - 60), whole["lines"], 20)
    for at in sorted({*spread(whole["lines"], points), *last, whole["lines"] - 1}):
        if bench.run(at=at)["end"] == "finished":
            continue  # what threads of the command run is not counted alike each time
        counts[COMMANDS[name].state(bench.data)] += 1
        bench.assert_again_succeeds()
        if name == "forget":
            again = CliRunner().invoke(app, [*bench.arguments, "--data", str(bench.data)])
            assert again.exit_code == 0
            left = [path.name for path in bench.data.iterdir() if WORD.encode() in path.read_bytes()]
            assert left == []
    counts.tell(f"{name}, killed at lines of {whole['lines']}")
    assert counts.bad() == {}
    assert counts["new"] > 0
    assert counts["old"] > 0 or name == "feedback forget"


@samples("points", POINTS, 24, 100_000, seconds=6_000)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_whose_disk_fails_says_so_in_one_line(
    folder: Path, dying: Undertaker, name: str, points: int
) -> None:
    bench, counts = Bench(COMMANDS[name], folder, dying), Counts()
    for at in spread(bench.run()["accesses"], points):
        ended = bench.run(fault=at)
        assert (ended["end"], ended["error"]) == ("finished", ""), ended
        if ended["code"]:
            assert ended["code"] == 2 or (name == "verify --recover" and ended["code"] == 1), ended
            assert [line[:4] for line in ended["said"].splitlines()].count("qa: ") == 1, ended
            assert ended["said"].splitlines()[-1].startswith("qa: "), ended
        state = COMMANDS[name].state(bench.data)
        counts[f"{'refused' if ended['code'] else 'done'}, {state}"] += 1
        bench.assert_again_succeeds()
    counts.tell(f"{name}, EIO")
    assert not [key for key in counts if "bad" in key]
    assert counts["refused, old"] > 0 or name.startswith("feedback")


@samples("stride", 40, 5, 1)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_copy_out_of_an_engine_that_is_killed_leaves_the_old_index_or_the_new(
    folder: Path, dying: Undertaker, stride: int, damaged: bool
) -> None:
    """Over another generation, and over a damaged one of the same name."""
    build([HARBOUR], WordEncoder(), folder / "source")
    engine = FolderEngine(folder / "source", folder / "files")
    engine.upload()
    prepared, data, counts, steps = folder / "prepared", folder / "data", Counts(), Steps()
    build(CHANGES["add"].after, WordEncoder(), prepared)
    if damaged:
        shutil.copytree(engine.source.folder, prepared / engine.source.id)
        (prepared / engine.source.id / "years.npy").unlink()
    shutil.copytree(prepared, data)
    told = {"data": str(data), "engine": str(folder / "source"), "files": str(folder / "files")}
    run_steps(engine, data, steps)
    published = [operation for operation, _ in steps.steps].index("replace")
    around = range(published - 4, len(steps.steps))
    for at in sorted({*range(0, len(steps.steps), stride), *around}):
        shutil.rmtree(data)
        shutil.copytree(prepared, data)
        assert dying.ask(**told, at=at) == {"end": "died"}
        articles = tuple(DataFolder(data).open().articles)
        counts["new" if articles == (HARBOUR,) else "old"] += 1
        assert (articles == (HARBOUR,)) == (at > published)
        run_steps(engine, data, Steps())
        assert tuple(DataFolder(data).open().articles) == (HARBOUR,)
        assert [path.name for path in data.glob("tmp-*")] == []
    counts.tell(f"store copy, killed at steps of {len(steps.steps)}")
    assert min(counts["old"], counts["new"]) > 0


def run_steps(engine: FolderEngine, data: Path, steps: Steps) -> None:
    from index.engine.download import download

    download(engine, data, disk=steps)


def test_a_copy_into_an_engine_changes_nothing_in_the_folder_and_sends_the_manifest_last(
    folder: Path,
) -> None:
    """Killed between any two files: an engine takes a generation for complete if it has a manifest."""
    build([HARBOUR], WordEncoder(), folder / "source")
    engine = FolderEngine(folder / "source", folder / "files")
    before = {path: path.stat() for path in engine.source.folder.rglob("*")}
    engine.upload()
    assert {path: path.stat() for path in engine.source.folder.rglob("*")}.keys() == before.keys()
    sent = sorted((folder / "files").rglob("*.*"), key=lambda path: path.stat().st_mtime_ns)
    assert sent[-1].name == "manifest.json"


def test_nobody_but_root_can_cut_a_file_under_a_running_service(folder: Path) -> None:
    """A page of a mapped file that is gone ends the process by SIGBUS; so the files cannot be written, even by
    their owner. Without that 17 of these files end a service that is asked three questions."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data"
        build([HARBOUR], WordEncoder(), data)
        owner = 65_534 if os.geteuid() == 0 else os.geteuid()
        if os.geteuid() == 0:
            for path in (Path(place), data, *data.rglob("*")):
                os.chown(path, owner, -1)
        files = [path for path in DataFolder(data).open().folder.rglob("*") if path.is_file()]
        ends = Counts(
            str(
                subprocess.run(
                    ["truncate", "-s0", path], user=owner, stderr=subprocess.DEVNULL, check=False
                ).returncode
            )
            for path in files
        )
        assert ends == {"1": len(files)}
        assert DataFolder(data).verify().articles == 1
