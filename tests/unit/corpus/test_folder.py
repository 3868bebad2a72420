"""Folders that were not made with readers in mind."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import corpus.sources.folder as walk
from corpus.article import Unreadable
from corpus.sources.folder import DEEPEST, LARGEST_FILE, printable
from corpus.sources.listing import Listed, listed_files

TEXT = "The harbour office keeps a ledger of every boat that enters the bay."
SECRET = "Nobody outside may read this line, which is long enough to be an article."


def write(path: Path, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def outcomes(folder: Path) -> dict[str, str]:
    """What each file holds, or why it is not opened."""
    return {file.source: opened(file) for file in listed_files([str(folder)])}


def opened(file: Listed) -> str:
    try:
        return file.raw().decode()
    except Unreadable as error:
        return str(error)


def names_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that are given to os.open from now on."""
    names: list[str] = []
    real = os.open

    def opening(path: str | Path, flags: int, *, dir_fd: int | None = None) -> int:
        names.append(str(path))
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", opening)
    return names


def deep(folder: Path, levels: int) -> Path:
    """A chain of folders of one-letter names, deeper than a path can be long."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    with open(os.open("a.txt", os.O_WRONLY | os.O_CREAT, dir_fd=at), "w", encoding="utf-8") as file:
        file.write(TEXT)
    os.close(at)
    return folder


@pytest.fixture
def deepest(tmp_path: Path) -> Iterator[Path]:
    yield deep(tmp_path, 2 * DEEPEST)
    # Too deep for pytest, which removes folders by calling itself.
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_a_folder_too_deep_is_listed_and_costs_no_other(deepest: Path) -> None:
    write(deepest / "z.txt")
    assert outcomes(deepest) == {
        "d/" * DEEPEST + "d": f"lies more than {DEEPEST:,} folders deep",
        "z.txt": TEXT,
    }


def test_loops_of_links_are_not_walked(tmp_path: Path) -> None:
    write(tmp_path / "a" / "a.txt")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "here").symlink_to(".")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert outcomes(tmp_path) == {
        "a/a.txt": TEXT,
        "a/here": "a link",
        "a/up": "a link",
        "one": "a link",
        "two": "a link",
    }


def test_nothing_but_files_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.pdf").mkdir()
    touched = names_opened(monkeypatch)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.docx"))
        assert outcomes(tmp_path) == {
            "a.txt": TEXT,
            "pipe.md": "is not a regular file",
            "socket.docx": "is not a regular file",
        }
    assert "a.txt" in touched
    assert not {"pipe.md", "socket.docx"} & set(touched)
    assert outcomes(Path("/dev/null")) == {"null": "not an article: no suffix"}


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("making a device takes a right that this user does not have")


def test_a_device_is_not_read(tmp_path: Path) -> None:
    device(tmp_path / "zero.txt")
    assert outcomes(tmp_path) == {"zero.txt": "is not a regular file"}
    assert outcomes(tmp_path / "zero.txt") == {"zero.txt": "is not a regular file"}


Swap = Callable[[Path, Path], None]


def to_link(path: Path, secret: Path) -> None:
    path.unlink()
    path.symlink_to(secret)


def to_pipe(path: Path, secret: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_folder(path: Path, secret: Path) -> None:
    path.unlink()
    path.mkdir()


def to_nothing(path: Path, secret: Path) -> None:
    path.unlink()


def to_giant(path: Path, secret: Path) -> None:
    os.truncate(path, 1 << 40)  # a terabyte of nothing, on no disk


def parent_to_link(path: Path, secret: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(secret.parent)


SWAPS: dict[Swap, str] = {
    to_link: "a link",
    to_pipe: "is not a regular file",
    to_folder: "is not a regular file",
    to_nothing: "No such file or directory",
    to_giant: "is larger than 20 MB",
    parent_to_link: "Not a directory",
}


@pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: swap.__name__)
def test_what_is_put_in_a_files_place_is_refused(tmp_path: Path, swap: Swap) -> None:
    """Between the walk and the reading, in a folder that somebody else may write."""
    folder = tmp_path / "in"
    write(folder / "sub" / "a.txt")
    secret = write(tmp_path / "out" / "a.txt", SECRET)
    (file,) = listed_files([str(folder)])
    assert file.source == "sub/a.txt"
    swap(folder / "sub" / "a.txt", secret)
    assert opened(file) == SWAPS[swap]


def test_a_folder_replaced_by_a_link_while_walking_is_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    write(folder / "sub" / "a.txt")
    write(tmp_path / "out" / "secret.txt", SECRET)
    real = walk._listed

    def listed(root: Path, below: Path) -> object:
        found = real(root, below)
        if below == root:
            (folder / "sub").rename(folder / ".sub")
            (folder / "sub").symlink_to(tmp_path / "out")
        return found

    monkeypatch.setattr(walk, "_listed", listed)
    assert outcomes(folder) == {"sub": "Not a directory"}


def test_opening_by_path_would_let_the_secret_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: with one step instead of many, the link is followed."""
    monkeypatch.setattr(walk, "_open_below", lambda root, below, flags: os.open(root / below, flags))
    write(tmp_path / "in" / "sub" / "a.txt")
    secret = write(tmp_path / "out" / "a.txt", SECRET)
    (file,) = listed_files([str(tmp_path / "in")])
    parent_to_link(tmp_path / "in" / "sub" / "a.txt", secret)
    assert opened(file) == SECRET


def test_names_are_shown_on_one_line_and_stay_apart(tmp_path: Path) -> None:
    """New lines, half characters, marks that turn text around, escapes, and the longest name there is."""
    names = [
        b"new\nline.txt",
        b"new\\nline.txt",
        b"half\xff.txt",
        "right\u202etxt.exe.txt".encode(),
        "اسم.txt".encode(),
        b"\x1b]0;title\x07.txt",
        b"a" * 251 + b".txt",
        b" .txt",
        b"-rf.txt",
        b"\xe2\x80\xa8.txt",
        b"CON.txt",
        b'a:b|c*?<>".txt',
    ]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "w", encoding="utf-8") as file:
            file.write(TEXT)
    found = outcomes(tmp_path)
    assert found == {
        f"{tmp_path.name}/new\\nline.txt": TEXT,
        f"{tmp_path.name}/new\\nline.txt (2)": TEXT,
        "half\\udcff.txt": TEXT,
        "right\\u202etxt.exe.txt": TEXT,
        "اسم.txt": TEXT,
        "\\x1b]0;title\\x07.txt": TEXT,
        "a" * 251 + ".txt": TEXT,
        " .txt": TEXT,
        "-rf.txt": TEXT,
        "\\u2028.txt": TEXT,
        "CON.txt": TEXT,
        'a:b|c*?<>".txt': TEXT,
    }
    assert len(found) == len(names)


def test_printable_is_one_line_of_valid_text() -> None:
    assert printable("a\nb\x00\u202e\ud800 é✓") == "a\\nb\\x00\\u202e\\ud800 é✓"


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * LARGEST_FILE)
    (tmp_path / "b.txt").write_bytes(b"x" * (LARGEST_FILE + 1))
    assert {source: len(text) for source, text in outcomes(tmp_path).items()} == {
        "a.txt": LARGEST_FILE,
        "b.txt": len("is larger than 20 MB"),
    }


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        write(tmp_path / "sub" / f"{name}.txt")
    touched = names_opened(monkeypatch)
    assert len(outcomes(tmp_path)) == 3
    assert [name for name in touched if name.endswith(".txt")] == ["a.txt", "b.txt", "c.txt"]
