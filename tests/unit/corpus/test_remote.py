"""A folder on a disk and one at an address behave alike; fsspec's own memory:// is the address."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from corpus.sources.remote import RemoteFolder, Stored, Unreached, is_address, local_path


@pytest.fixture(params=["disk", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "a [b]" / "c") if request.param == "disk" else f"memory://{secrets.token_hex(8)}/c"


@pytest.mark.parametrize(
    ("place", "far"),
    [("s3://bucket/a", True), ("memory://a", True), ("a/b", False), ("/a", False), ("file:///a/b", False)],
)
def test_addresses_are_told_from_paths(place: str, far: bool) -> None:
    assert is_address(place) is far


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(Unreached) as caught:
        RemoteFolder("ftp://ada:se:cr@et@127.0.0.1:1/articles")
    assert str(caught.value).startswith("ftp://ada@127.0.0.1:1/articles cannot be reached: ")
    assert "cr@et" not in str(caught.value)


def test_a_file_url_is_a_path() -> None:
    assert (local_path("file:///a/b"), local_path("a/b")) == ("/a/b", "a/b")


def test_what_is_written_is_read_and_nothing_else_is_left(address: str) -> None:
    place = RemoteFolder(address)
    assert (place.exists(), place.names()) == (False, [])
    place.write("one", b"first")
    place.write("one", b"second")
    place.write("two", b"")
    assert (place.exists(), place.exists("one"), place.exists("three")) == (True, True, False)
    assert (place.read("one"), place.read("one", 3), place.read("two")) == (b"second", b"sec", b"")
    assert place.names() == ["one", "two"]
    place.remove("one")
    place.remove("one")
    assert place.names() == ["two"]
    with pytest.raises(FileNotFoundError):
        place.read("one")


def test_files_below_are_told_with_size_and_state(address: str) -> None:
    RemoteFolder(address).write("b", b"12345")
    RemoteFolder(f"{address}/in").write("a", b"")
    found = list(RemoteFolder(address).files())
    assert [(one.name, one.size) for one in found] == [("b", 5), ("in/a", 0)]
    assert list(RemoteFolder(address).files()) == found
    RemoteFolder(address).write("b", b"54321")
    written, untouched = RemoteFolder(address).files()
    assert (written.size, untouched) == (5, found[1])
    assert written.state != found[0].state


def test_a_file_by_its_own_address(address: str) -> None:
    RemoteFolder(address).write("b", b"12345")
    itself = RemoteFolder(f"{address}/b").as_file()
    assert itself == Stored("b", 5, itself.state if itself else "")
    assert RemoteFolder(address).as_file() is None


def test_what_stops_a_write_leaves_nothing_behind(tmp_path: Path) -> None:
    place = RemoteFolder(str(tmp_path))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unreached, match="file cannot be reached"):
        RemoteFolder(str(tmp_path / "file")).write("one", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]
    assert place.read("file") == b""


def test_what_dead_writers_left_is_swept_and_what_others_write_is_not(address: str) -> None:
    place = RemoteFolder(address)
    for name in ("one", "tmp-0123456789abcdef-one", "tmp-0123456789abcdef-two", "tmp-one"):
        place.write(name, b"")
    place.sweep({"one", "three"})
    assert place.names() == ["one", "tmp-0123456789abcdef-two", "tmp-one"]


def test_a_protocol_that_nothing_reads_is_named_with_the_next_step() -> None:
    with pytest.raises(Unreached, match=r"^nowhere://a cannot be reached: .*nowhere.*; mend the address"):
        RemoteFolder("nowhere://a")
