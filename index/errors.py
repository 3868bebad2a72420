"""Errors of an index: each message is one line with the fact, the place and the next command."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

BUILD = "run `qa index`"
RECOVER = "run `qa verify --recover` to go back to a sound one, or `qa index` to build it again"


class IndexFailure(Exception):
    """An error that a person can act on; entry points catch it and print its message."""


class NoIndex(IndexFailure):
    """No generation is published in a folder; `left` names one that is there unpublished."""

    def __init__(self, folder: Path | str, *, left: str = "") -> None:
        self.folder = folder
        self.left = left
        unpublished = f"no index is published in {folder}, though {left} lies there; {RECOVER}"
        elsewhere = isinstance(folder, Path) and folder != Path("data")
        build = f"run `qa index --data {shlex.quote(str(folder))}`" if elsewhere else BUILD
        super().__init__(unpublished if left else f"no index in {folder}; {build}")


class Damaged(IndexFailure):
    """A file of an index differs from what was published; `reason` says how."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"damaged index: {file}: {reason}; {RECOVER}")


class OtherFormat(Damaged):
    """The manifest of a generation that another version wrote; `place` is for people."""

    def __init__(self, file: Path, found: object, expected: int, *, place: str = "") -> None:
        super().__init__(file, f"format {found}, but this version reads format {expected}")
        self.found, self.expected = found, expected
        place = place or str(file.parent)
        self.args = (f"{place} has format {found}, but this version reads {expected}; {BUILD} again",)


class Locked(IndexFailure):
    """Another builder is writing to the same data folder."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"another build holds {file}; wait until it ends, then {BUILD} again")


class ModelRefused(IndexFailure):
    """A model is not the expected one, or cannot or must not be loaded."""


class BuildFailed(IndexFailure):
    """A build ended early; the published generation is untouched.

    `path` is None if the articles are at fault, `errno` if the operating system reported no error.
    """

    def __init__(self, reason: str, *, path: Path | None = None, errno: int | None = None) -> None:
        self.path = path
        self.errno = errno
        place = f": {path}" if path else ""
        number = f" (errno {errno}: {os.strerror(errno)})" if errno is not None else ""
        super().__init__(f"the build failed: {reason}{place}{number}; correct this, then {BUILD} again")


class StoreRefused(IndexFailure):
    """An engine or its address cannot be used; the message holds no secret."""


class Unreachable(IndexFailure):
    """The engine does not answer; `place` is its address without secrets."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        super().__init__(
            f"the engine at {place} does not answer ({reason}); see that it runs, then try again"
        )


class Missing(IndexFailure):
    """A generation is not in the engine."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} does not have this generation; {BUILD} to publish it there")


class Altered(IndexFailure):
    """Content of an engine differs from what was published there."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"altered: {place}: {what}; {BUILD} to publish it again")


class FilesUnreachable(IndexFailure):
    """The folder of QA_STORE_FILES cannot be read or written."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the files of the index at {place}: {reason}; see QA_STORE_FILES, then try again")
