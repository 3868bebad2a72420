"""The service starts on a bad index, or on a disk that cannot be written: it refuses by name, or it serves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import main
from cli.main import app
from index.building.build import build
from index.errors import Damaged, IndexFailure
from index.generation.data_folder import CURRENT, DataFolder, Pointer
from index.generation.files import MANIFEST
from tests.support.fakes import WordEncoder, article
from tests.support.mounted_folders import needs_mount, run_mounted
from tests.support.tiers import full

RECOVER = "run `qa verify --recover` to go back to a sound one, or `qa index` to build it again"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two generations, the second published."""
    for text in ("Ferry 1 sails.", "Ferry 2 sails."):
        build([article("a", text)], WordEncoder(), tmp_path / "data")
    return tmp_path / "data"


def flipped(path: Path) -> Path:
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return path


def garbage(data: Path) -> Path:
    (data / CURRENT).write_bytes(b"gen-2\n")
    return data / CURRENT


def gone(data: Path) -> Path:
    (data / CURRENT).write_bytes(Pointer("gen-9-0123456789abcdef", "0" * 64).to_bytes())
    return data / CURRENT


def manifest(data: Path) -> Path:
    return flipped(data / DataFolder(data).current().generation / MANIFEST)


def vectors(data: Path) -> Path:
    return flipped(data / DataFolder(data).current().generation / "vectors.npy")


@pytest.mark.parametrize("damage", [garbage, gone, manifest, vectors])
def test_a_bad_index_is_named_with_the_way_out_and_never_guessed(
    data: Path,
    damage: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = sorted(path.name for path in data.glob("gen-*"))[0]
    file = damage(data)
    monkeypatch.setenv("QA_DATA", str(data))
    monkeypatch.setenv("QA_PORT", "0")
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"pullquote: damaged index: {file}: ")
    assert said.endswith(f"; {RECOVER}\n")
    served = CliRunner().invoke(app, ["serve", "--data", str(data), "--port", "0"])
    for alone, named in (("pullquote:", "qa:"), ("--recover`", f"--recover --data {data}`")):
        said = said.replace(alone, named)
    said = said.replace("`qa index`", f"`qa index --data {data}`")
    assert (served.exit_code, served.stderr) == (2, said)
    done = CliRunner().invoke(app, ["verify", "--recover", "--data", str(data)])
    assert done.exit_code == 0, done.output
    # What damaged `CURRENT` alone left both sound: the newer one is taken.
    assert (DataFolder(data).open().id == old) == (damage in (manifest, vectors))


SERVE = """
from starlette.testclient import TestClient
from qa.loading import open_feedback
from qa.assistant import Assistant
from web.service import build_app
from web.service_settings import ServiceSettings
assistant = Assistant(DataFolder(data).open(), WordEncoder())
settings = ServiceSettings(data=data)
with open_feedback(settings, announce=print) as feedback:
    with TestClient(build_app(assistant, settings, feedback=feedback, announce=print)) as client:
        print(client.get("/health").json()["status"], client.get("/").status_code)
        print(client.post("/api/ask", json={"question": "Which ferry sails?"}).json()["generation"])
"""


@full
@needs_mount
def test_a_disk_that_cannot_be_written_serves(data: Path) -> None:
    before = sorted((str(path), path.stat().st_mtime_ns) for path in data.rglob("*"))
    mount = f"mount --bind {data} {data} && mount -o remount,bind,ro {data}"
    feedback, health, answered = run_mounted(SERVE, data, "1", mount=mount)
    assert feedback.startswith("No feedback is kept: ")
    assert health == "ready 200"
    assert answered == DataFolder(data).current().generation
    assert sorted((str(path), path.stat().st_mtime_ns) for path in data.rglob("*")) == before


@needs_mount
def test_a_disk_with_no_byte_left_serves(data: Path, tmp_path: Path) -> None:
    """The data folder is full to the last byte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = (
        f"mount -t tmpfs -o size=400k none {disk} && cp -a {data} {disk}/data "
        f"&& ! cat /dev/zero > {disk}/filling 2> /dev/null"
    )
    *_, health, answered = run_mounted(SERVE, disk / "data", "1", mount=mount)
    assert (health, answered) == ("ready 200", DataFolder(data).current().generation)


def test_no_room_for_temporary_files_is_no_damage(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(IndexFailure, match=r"no temporary folder can be made: .*; set TMPDIR") as caught:
        DataFolder(data).open()
    assert not isinstance(caught.value, Damaged)
    monkeypatch.setattr(tempfile, "tempdir", None)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/link")

    monkeypatch.setattr(Path, "symlink_to", full)
    with pytest.raises(
        IndexFailure, match=r"\[Errno 28\] No space left on device: '/tmp/link'; set TMPDIR"
    ) as caught:
        DataFolder(data).open()
    assert not isinstance(caught.value, Damaged)
