"""What can go wrong with an index, and what a person does next.

Every message is one line: the fact, the place, the next command. Doors catch `IndexFailure`.
"""

from __future__ import annotations

import os
from pathlib import Path

BUILD = "run `qa index`"
RECOVER = "run `qa verify --recover` to go back to a sound one, or `qa index` to build it again"


class IndexFailure(Exception):
    """Something about an index that a person can act on."""


class NoIndex(IndexFailure):
    """There is no published generation where one was looked for; `left` names one that was not published."""

    def __init__(self, folder: Path | str, *, left: str = "") -> None:
        self.folder = folder
        self.left = left
        unpublished = f"no index is published in {folder}, though {left} lies there; {RECOVER}"
        super().__init__(unpublished if left else f"no index in {folder}; {BUILD}")


class Damaged(IndexFailure):
    """A file of an index is not what was published; `file` is the file and `reason` what is wrong."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"damaged index: {file}: {reason}; {RECOVER}")


class Locked(IndexFailure):
    """Another builder is writing to the same data folder."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"another build holds {file}; wait until it ends, then {BUILD} again")


class ModelRefused(IndexFailure):
    """A model folder that is not the one expected, or that may not be loaded."""


class BuildFailed(IndexFailure):
    """A build ended early; the generation that was published before is untouched.

    `path` is the file or folder concerned (None when it is the articles) and `errno` the operating
    system's number (None when the system reported no error).
    """

    def __init__(self, reason: str, *, path: Path | None = None, errno: int | None = None) -> None:
        self.path = path
        self.errno = errno
        place = f": {path}" if path else ""
        number = f" (errno {errno}: {os.strerror(errno)})" if errno is not None else ""
        super().__init__(f"the build failed: {reason}{place}{number}; correct this, then {BUILD} again")


class StoreRefused(IndexFailure):
    """An engine, or where it is said to be, that cannot be used as it is; nothing in it is secret."""


class Unreachable(IndexFailure):
    """The engine does not answer, for now or for good; `place` is its address without what is secret."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        super().__init__(
            f"the engine at {place} does not answer ({reason}); see that it runs, then try again"
        )


class Missing(IndexFailure):
    """What was asked for is not in the engine: a generation that was dropped, or is not there yet."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} lacks what was asked for; {BUILD} to publish it there")


class NoWords(IndexFailure):
    """The engine cannot search by words: it has no BM25."""

    def __init__(self, place: str, version: str) -> None:
        fact = f"the engine at {place} is Milvus {version}, which has no BM25 (2.5 is the first that has it)"
        super().__init__(
            f"{fact}; search it by vectors alone, or keep the words beside it as `qa index` does"
        )


class Altered(IndexFailure):
    """What an engine gave back is not what was put into it: its SHA-256 is another."""

    def __init__(self, place: str, what: str) -> None:
        cure = f"{BUILD} to publish it again"
        super().__init__(f"altered: {what} in {place} is not the one that was published; {cure}")
