"""A folder seen through links: for a library that writes beside what it only reads."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import IndexFailure

REMOVALS = 50  # tries, 10 ms apart


@contextmanager
def linked(folder: Path) -> Iterator[Path]:
    """A temporary folder with a link to each file of `folder`, which itself may be read-only.

    Raises:
        IndexFailure: there is no place for temporary folders.
        OSError: `folder` cannot be listed.
    """
    paths = list(folder.iterdir())
    with _temporary() as links:
        for path in paths:
            with _told():
                (links / path.name).symlink_to(path.absolute())
        yield links


@contextmanager
def _temporary() -> Iterator[Path]:
    with _told():
        links = Path(tempfile.mkdtemp())
    try:
        yield links
    finally:
        _remove(links)


@contextmanager
def _told() -> Iterator[None]:
    """A full disk for temporary files is no fault of what is opened."""
    try:
        yield
    except OSError as error:
        fact = f"no temporary folder can be made: {error}"
        raise IndexFailure(f"{fact}; set TMPDIR to a folder that can be written") from error


def _remove(links: Path) -> None:
    """A thread that tantivy starts on opening may put its lock file back while this removes it."""
    for _ in range(REMOVALS):
        shutil.rmtree(links, ignore_errors=True)
        if not links.exists():
            return
        time.sleep(0.01)
