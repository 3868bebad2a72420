"""The word that was probably meant: the one file that knows rapidfuzz.

Distances count the letters to insert, delete, replace or swap with their neighbour (optimal string alignment;
Damerau, 1964): "cromptom" is 1 from "crompton", "dose" 1 from "does".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

SHORTEST = 4
"""Letters of a word below which everything is near everything."""
_LONG = 8


def allowed_distance(word: str) -> int:
    """Letters that may differ: none in a short word, two in a long one."""
    if len(word) < SHORTEST:
        return 0
    return 2 if len(word) >= _LONG else 1


class ByLength:
    """Words by their number of letters: a word is compared with those of about its own length alone."""

    def __init__(self, words: Iterable[str]) -> None:
        found: defaultdict[int, list[str]] = defaultdict(list)
        for word in words:
            found[len(word)].append(word)
        self._words = dict(found)

    def about(self, length: int, distance: int) -> list[str]:
        """Words whose length differs by at most `distance` letters, the shorter ones first."""
        lengths = range(length - distance, length + distance + 1)
        return [word for letters in lengths for word in self._words.get(letters, ())]


def nearest(word: str, words: Mapping[str, int], by_length: ByLength) -> str | None:
    """The most likely of the words, given with their occurrences, or None when none is near enough.

    The nearest, then the most frequent, then the first by alphabet. The first letter is seldom mistyped, but
    may have changed places with the second: "rcompton" -> "crompton".
    """
    found = [
        (distance, -words[other], other)
        for other, distance in near(word, by_length, allowed_distance(word))
        if other[0] == word[0] or other[:2] == word[1] + word[0]
    ]
    return min(found)[2] if found else None


def near(word: str, words: ByLength, distance: int) -> list[tuple[str, int]]:
    """Words at most so far from `word`, itself left out, with their distances."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if distance < 1:
        return []
    choices = words.about(len(word), distance)
    found = process.extract(word, choices, scorer=OSA.distance, score_cutoff=distance, limit=None)
    return [(other, int(away)) for other, away, _ in found if away]


def swapped(word: str, words: Iterable[str]) -> str | None:
    """The first of the words that has two neighbouring letters the other way round: "dose" -> "does"."""
    turned = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)} - {word}
    return next((other for other in sorted(words) if other in turned), None)
