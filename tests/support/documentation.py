"""Reads examples and commands out of the README and the pages of docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.repository import ROOT


@cache
def pages() -> dict[Path, str]:
    """The README and the pages of docs/, with their text."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {path: path.read_text(encoding="utf-8") for path in paths}


def examples(page: str, language: str) -> list[str]:
    """The fenced examples in a language on a page, in order."""
    return re.findall(rf"```{language}\n(.*?)```", pages()[ROOT / page], re.DOTALL)


def commands(text: str, program: str) -> Iterator[str]:
    """Each call of a program, as inline code or as a line of an indented or fenced block, without its comment."""
    inline = re.findall(rf"`((?:\.venv/bin/)?{program} [^`]+)`", text)
    lines = re.findall(rf"^(?: {{4}}|\$ )+(?:\w+=\S+ )*((?:\.venv/bin/)?{program} .+)$", text, re.MULTILINE)
    for command in (*inline, *lines):
        for part in re.split(r" && | \| | # |; ", command):
            if part.removeprefix(".venv/bin/").startswith(f"{program} "):
                yield part.removeprefix(".venv/bin/").strip()
