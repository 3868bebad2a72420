"""A listing says what a walk says, and its files can be opened wherever they are reached from."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from corpus.article import CorpusError, Unreadable
from corpus.read import collect, read_articles
from corpus.sandbox.pool import Workers
from corpus.sources.folder import LARGEST_FILE
from corpus.sources.listing import Listed, listed_files
from corpus.sources.remote import RemoteFolder, Unreached

TEXT = "The ferry sails at nine. It is green, and it is late.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "articles"
    for name, text in {
        "b.md": f"# Ferries\n\n{TEXT}",
        "in/a.txt": f"{TEXT} Then it rains.",
        "in/c.txt": f"{TEXT} Then it rains.",
        "README.md": TEXT,
        ".hidden.md": TEXT,
        "empty.txt": "",
        "picture.png": "x",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "link.md").symlink_to(root / "b.md")
    return root


def far(folder: Path) -> str:
    """The same files at an address, but for the link, which is no file there."""
    address = f"memory://{secrets.token_hex(8)}/articles"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            place = RemoteFolder(f"{address}/{path.parent.relative_to(folder).as_posix()}".removesuffix("/."))
            place.write(path.name, path.read_bytes())
    return address


def test_a_folder_is_listed_by_name_and_a_file_once(folder: Path) -> None:
    listed = listed_files([str(folder), str(folder / "b.md")])
    assert [(file.source, file.reason) for file in listed] == [
        ("README.md", "a folder's README, not an article"),
        ("b.md", ""),
        ("empty.txt", ""),
        ("in/a.txt", ""),
        ("in/c.txt", ""),
        ("link.md", "a link"),
        ("picture.png", "not an article: .png"),
    ]
    assert [file.size for file in listed if file.source == "b.md"] == [len(f"# Ferries\n\n{TEXT}")]
    assert [file.source for file in listed_files([str(folder / "b.md"), str(folder)])][:2] == [
        "b.md",
        "README.md",
    ]


def test_what_is_listed_is_read_as_what_is_walked(folder: Path) -> None:
    walked = read_articles([folder])
    assert [article.source for article in walked.articles] == ["b.md", "in/a.txt"]
    with Workers(most=1) as workers:
        near = collect(workers.read(listed_files([str(folder)])))
        distant = collect(workers.read(listed_files([far(folder)])))
    assert near == walked
    assert distant.articles == walked.articles
    assert [one for one in walked.skipped if one.reason != "a link"] == list(distant.skipped)
    assert [(one.source, one.reason) for one in distant.skipped] == [
        ("README.md", "a folder's README, not an article"),
        ("empty.txt", "is empty"),
        ("in/c.txt", "same text as in/a.txt"),
        ("picture.png", "not an article: .png"),
    ]


def test_equal_names_get_the_folder_in_front(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.md").write_text(TEXT, encoding="utf-8")
    sources = [one.source for one in listed_files([str(tmp_path / "more"), far(folder)]) if not one.reason]
    assert sources == ["more/b.md", "articles/b.md", "empty.txt", "in/a.txt", "in/c.txt"]


def test_a_file_is_given_by_its_address(folder: Path) -> None:
    address = far(folder)
    (one,) = listed_files([f"{address}/in/a.txt"])
    assert (one.source, one.root, one.name) == ("a.txt", f"{address}/in", "a.txt")
    assert one.raw() == (folder / "in" / "a.txt").read_bytes()
    (readme,) = listed_files([f"{address}/README.md"])
    assert readme.reason == ""
    with pytest.raises(CorpusError, match=r"in/b\.txt does not exist; give a file or a folder"):
        listed_files([f"{address}/in/b.txt"])


def test_a_file_that_is_too_large_is_not_fetched() -> None:
    address = f"memory://{secrets.token_hex(8)}"
    RemoteFolder(address).write("a.txt", b"x" * (LARGEST_FILE + 1))
    (one,) = listed_files([address])
    assert one.reason == "is larger than 20 MB"
    grown = Listed(one.source, one.root, one.name)
    with pytest.raises(Unreadable, match="is larger than 20 MB"):
        grown.raw()


def test_the_state_changes_with_the_content_and_not_otherwise(folder: Path) -> None:
    states = {one.source: one.state for one in listed_files([str(folder)])}
    assert {one.source: one.state for one in listed_files([str(folder)])} == states
    (folder / "b.md").write_text(f"# FERRIES\n\n{TEXT}", encoding="utf-8")
    changed = {one.source: one.state for one in listed_files([str(folder)])}
    assert [source for source in states if changed[source] != states[source]] == ["b.md"]


def test_a_file_that_is_gone_is_skipped_and_a_folder_that_is_gone_is_not(folder: Path) -> None:
    address = far(folder)
    (one,) = listed_files([f"{address}/b.md"])
    RemoteFolder(address).remove("b.md")
    with pytest.raises(Unreadable, match="was removed while the others were read"):
        one.raw()
    (near,) = listed_files([str(folder / "b.md")])
    (folder / "b.md").unlink()
    with pytest.raises(Unreadable, match="No such file"):
        near.raw()
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(Unreached, match=r"articles is not there on .*; give a folder or address"):
        near.raw()
