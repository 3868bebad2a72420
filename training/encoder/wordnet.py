"""Reads synonyms from the files of WordNet 3 (Debian's `wordnet-base`), to put questions in other words."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path("/usr/share/wordnet")
_PARTS = ("noun", "verb", "adj")
_REGULAR = re.compile(r"([aeou]y|[^sxzyh])$")  # words whose plural only adds an "s"
_FREQUENT = 3  # senses that are tagged in running text: a word with more of them means too much


@cache
def synonyms(word: str) -> tuple[str, ...]:
    """Other single words of the first sense of an unambiguous word; a plural of a noun gives plurals.

    "lawyers" -> ("attorneys",). Empty without WordNet.
    """
    words = _synonyms(word)
    if not words and word.endswith("s"):
        stem = word[:-3] + "y" if word.endswith("ies") else word[:-1]
        words = tuple(f"{other}s" for other in _synonyms(stem) if _REGULAR.search(other))
    return words


def _synonyms(word: str) -> tuple[str, ...]:
    for part in _PARTS:
        if entry := _index(part).get(word):
            frequent, offset = entry
            if frequent <= _FREQUENT:
                others = (other for other in _synset(part, offset) if other != word)
                return tuple(other for other in others if other.isalpha() and other.islower())
    return ()


@cache
def _index(part: str) -> dict[str, tuple[int, int]]:
    """Each lemma's number of tagged senses and the offset of its first sense."""
    path = FOLDER / f"index.{part}"
    entries: dict[str, tuple[int, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        if not line.startswith(" "):
            fields = line.split()
            pointers = int(fields[3])
            entries[fields[0]] = (int(fields[5 + pointers]), int(fields[6 + pointers]))
    return entries


@cache
def _data(part: str) -> bytes:
    return (FOLDER / f"data.{part}").read_bytes()


def _synset(part: str, offset: int) -> list[str]:
    """The words of the synset that is described at a byte of the data file."""
    fields = _data(part)[offset : offset + 2_000].decode(errors="replace").split()
    return [fields[4 + 2 * number] for number in range(int(fields[3], 16))]
