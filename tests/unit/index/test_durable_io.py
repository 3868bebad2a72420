import errno
import os
from pathlib import Path

import pytest

from index.errors import BuildFailed, Locked
from index.storage.durable_io import Disk, as_build_failure, atomic_folder, exclusive_lock
from tests.support.fakes import FailingDisk


class CountingDisk(Disk):
    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []

    def step(self, operation: str, path: Path) -> None:
        self.steps.append((operation, path.name))


def test_a_written_file_is_flushed_and_read_back(tmp_path: Path) -> None:
    disk = CountingDisk()
    disk.write_file(tmp_path / "a", b"abc")
    assert (tmp_path / "a").read_bytes() == b"abc"
    assert disk.steps == [("open", "a"), ("write", "a"), ("fsync", "a")]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        Disk().write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_replace_flushes_the_file_before_and_the_folder_after(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_bytes(b"old")
    (tmp_path / "CURRENT.tmp").write_bytes(b"left by a crash")
    disk = CountingDisk()
    disk.replace(tmp_path / "CURRENT", b"new")
    assert (tmp_path / "CURRENT").read_bytes() == b"new"
    assert not (tmp_path / "CURRENT.tmp").exists()
    assert disk.steps == [
        ("open", "CURRENT.tmp"),
        ("write", "CURRENT.tmp"),
        ("fsync", "CURRENT.tmp"),
        ("replace", "CURRENT"),
        ("fsync", tmp_path.name),
    ]


def test_rename_flushes_the_parent(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    disk = CountingDisk()
    disk.rename(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").is_dir()
    assert disk.steps == [("rename", "b"), ("fsync", tmp_path.name)]


def test_each_new_parent_of_the_data_folder_is_flushed_where_it_is_named(tmp_path: Path) -> None:
    disk = CountingDisk()
    disk.make_data_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert disk.steps == [("mkdir", "a"), ("fsync", tmp_path.name), ("mkdir", "b"), ("fsync", "a")]


def test_a_failed_fsync_names_its_file_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fail(handle: int) -> None:
        calls.append(handle)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output") as caught:
        Disk().write_file(tmp_path / "a", b"abc")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path / "a"))
    assert len(calls) == 1


def test_a_failed_replacement_leaves_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_bytes(b"old")
    for at in range(4):
        disk = FailingDisk(OSError(errno.EROFS, "Read-only file system"), at=at)
        with pytest.raises(OSError, match="Read-only"):
            disk.replace(tmp_path / "CURRENT", b"new")
        assert (tmp_path / "CURRENT").read_bytes() == b"old"


def test_remove_takes_folders_files_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("link", "a", "f", "gone"):
        Disk().remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_second_lock_is_refused_and_the_file_named(tmp_path: Path) -> None:
    with (
        exclusive_lock(tmp_path / "LOCK"),
        pytest.raises(Locked, match="LOCK; wait until it ends"),
        exclusive_lock(tmp_path / "LOCK"),
    ):
        pass
    with exclusive_lock(tmp_path / "LOCK"):
        pass


def test_a_lock_in_a_missing_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), exclusive_lock(tmp_path / "no" / "LOCK"):
        pass


def test_an_error_of_the_system_becomes_one_line_with_path_and_number(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed) as caught, as_build_failure(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device", "/disk/file")
    assert (caught.value.path, caught.value.errno) == (Path("/disk/file"), errno.ENOSPC)
    assert str(caught.value) == (
        "the build failed: a write failed: /disk/file (errno 28: No space left on device); "
        "correct this, then run `qa index` again"
    )
    with pytest.raises(BuildFailed) as caught, as_build_failure(tmp_path):
        raise OSError(errno.EIO, "Input/output error")
    assert caught.value.path == tmp_path


def test_a_replaced_file_has_its_mode_from_the_first_byte(tmp_path: Path) -> None:
    class Watching(Disk):
        def step(self, operation: str, path: Path) -> None:
            if operation in ("write", "fsync") and path.is_file():
                modes.append(path.stat().st_mode & 0o777)

    modes: list[int] = []
    Watching().replace(tmp_path / "secret", b"x", mode=0o600)
    assert modes == [0o600, 0o600]
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with pytest.raises(FileNotFoundError), atomic_folder(folder) as new:
        (new / "missing" / "file").write_bytes(b"1")
    assert list(folder.parent.iterdir()) == []
    with atomic_folder(folder) as new:
        (new / "file").write_bytes(b"2")
        assert not folder.exists()
    assert [path.name for path in folder.parent.iterdir()] == ["b"]
    assert folder.stat().st_mode & 0o777 == 0o777 & ~current_umask()


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    killed, living, fresh, other = (
        tmp_path / f".a-{name}" for name in ("12345678", "abcdefgh", "x2345678", "notes")
    )
    for path in (killed, living, fresh, other):
        path.mkdir()
        (path / "LOCK").touch()
        if path != fresh:
            os.utime(path / "LOCK", (0, 0))
    with exclusive_lock(living / "LOCK"), atomic_folder(tmp_path / "a"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"a", living.name, fresh.name, other.name}


def test_a_folder_with_content_is_replaced_only_on_request(tmp_path: Path) -> None:
    for content, replace in ((b"1", False), (b"2", True)):
        with atomic_folder(tmp_path / "a", replace=replace) as new:
            (new / "file").write_bytes(content)
        assert (tmp_path / "a" / "file").read_bytes() == content
    with pytest.raises(OSError, match="not empty"), atomic_folder(tmp_path / "a") as new:
        (new / "file").write_bytes(b"3")
    assert (tmp_path / "a" / "file").read_bytes() == b"2"


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
