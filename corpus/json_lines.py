"""Reads JSON Lines: one object a line, every fault with its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from corpus.article import CorpusError


class JsonLinesError(CorpusError):
    """A file of JSON Lines, or a line of it, that cannot be read; lines count from 1, 0 is the file."""

    def __init__(self, path: Path, reason: str, *, line: int = 0) -> None:
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(f"{path}{f', line {line}' if line else ''}: {reason}")


def number_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not blank, as they come: `lines` may be a stream."""
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())


def numbered_lines(path: Path, *, advice: str) -> list[tuple[int, str]]:
    """The lines of a file as `number_lines` gives them.

    Lines end at a line feed alone: JSON allows all other separators inside a string. Raises JsonLinesError,
    which ends with `advice`, when the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise JsonLinesError(path, f"cannot be read: {reason}; {advice}") from error
    return list(number_lines(lines))


def parsed(line: str) -> dict[str, Any] | None:
    """The JSON object in a line; None if it holds none, or a lone surrogate."""
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def numbered_objects(path: Path, *, advice: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and object of each line that is not blank. Raises JsonLinesError at a line without one."""
    for number, line in numbered_lines(path, advice=advice):
        value = parsed(line)
        if value is None:
            raise JsonLinesError(path, "is not a JSON object in UTF-8; write one object a line", line=number)
        yield number, value
