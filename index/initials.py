"""What a short form that no article explains may stand for: words that begin with its letters.

"PCT" -> "primary care trust", where articles say that at least twice
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from index.generation import Generation
from index.search import FUNCTION_TERMS

LEAST_LETTERS, MOST_LETTERS = 3, 6
# Three words in a row whose initials fit happen by chance; the same three twice seldom do.
_AT_LEAST = 2
_WORD = re.compile(r"[^\W_]+")


def spelt_out(generation: Generation, letters: str) -> str | None:
    """The most frequent run of words in the articles with these initials, as written, or None."""
    wanted = letters.lower()
    if not LEAST_LETTERS <= len(wanted) <= MOST_LETTERS:
        return None
    terms = generation.terms
    places = _runs(np.array([_initial(term) for term in terms.vocabulary]), terms.ids, wanted)
    rows = np.searchsorted(terms.starts, places, side="right") - 1
    inside = places + len(wanted) <= terms.starts[rows + 1]
    found = Counter(tuple(terms.ids[p : p + len(wanted)].tolist()) for p in places[inside])
    best = max(found.items(), key=lambda run: (run[1], run[0]), default=None)
    if best is None or best[1] < _AT_LEAST:
        return None
    first = next(p for p in places[inside] if tuple(terms.ids[p : p + len(wanted)].tolist()) == best[0])
    row = int(np.searchsorted(terms.starts, first, side="right") - 1)
    return _as_written(generation, row, tuple(terms.vocabulary[i] for i in best[0]))


def _initial(term: str) -> str:
    return "" if term in FUNCTION_TERMS else term[:1]


def _runs(initials: np.ndarray, ids: np.ndarray, letters: str) -> np.ndarray:
    """Places in `ids` where the terms from there on begin with the letters."""
    fits = np.ones(max(0, len(ids) - len(letters) + 1), dtype=bool)
    for offset, letter in enumerate(letters):
        fits &= (initials == letter)[ids[offset : offset + len(fits)]]
    return np.flatnonzero(fits)


def _as_written(generation: Generation, row: int, terms: tuple[str, ...]) -> str | None:
    """The words of a sentence that make these terms."""
    text = generation.sentences[row].text
    words = list(_WORD.finditer(text))
    for first, last in zip(words, words[len(terms) - 1 :], strict=False):
        span = text[first.start() : last.end()]
        if tuple(generation.lexical.terms(span)) == terms:
            return span
    return None
