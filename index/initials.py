"""What a short form that no article explains may stand for: words that begin with its letters.

"PCT"  -> "primary care trust", where articles say that at least twice
"DfES" -> "Department for Education and Skills": small words between count for nothing
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from index.generation import Generation
from index.search import FUNCTION_TERMS

LEAST_LETTERS, MOST_LETTERS = 3, 6
# Three words in a row whose initials fit happen by chance; the same three twice, or capitalised, seldom do.
_AT_LEAST = 2
_LOOKED_AT = 20
_WORD = re.compile(r"[^\W_]+")
_SMALL_WORDS = 3  # that may stand between the words of a long form


def spelt_out(generation: Generation, short: str) -> str | None:
    """The most frequent run of words in the articles with these initials, as written, or None.

    Of a short form in both cases ("DfES") the capitals count alone.
    """
    capitals = "".join(letter for letter in short if letter.isupper())
    wanted = (capitals if len(capitals) >= LEAST_LETTERS else short).lower()
    if not LEAST_LETTERS <= len(wanted) <= MOST_LETTERS:
        return None
    terms = generation.terms
    small = np.array([term in FUNCTION_TERMS for term in terms.vocabulary], dtype=bool)
    places = np.flatnonzero(~small[terms.ids])
    initials = np.array([term[:1] for term in terms.vocabulary])
    runs = _runs(initials, terms.ids[places], wanted)
    rows = np.searchsorted(terms.starts, places, side="right") - 1
    runs = runs[rows[runs] == rows[runs + len(wanted) - 1]]
    found = Counter(_run(terms.ids, places, run, len(wanted)) for run in runs.tolist())
    first = {_run(terms.ids, places, run, len(wanted)): run for run in reversed(runs.tolist())}
    for run, times in sorted(found.items(), key=lambda one: (-one[1], first[one[0]]))[:_LOOKED_AT]:
        written = _as_written(generation, int(rows[first[run]]), [terms.vocabulary[i] for i in run])
        if written and (times >= _AT_LEAST or _is_name(written)):
            return written
    return None


def _is_name(written: str) -> bool:
    """Whether all words but small ones are capitalised: "Department for Education"."""
    words = _WORD.findall(written)
    return all(word[0].isupper() or word in FUNCTION_TERMS for word in words)


def _runs(initials: np.ndarray, ids: np.ndarray, letters: str) -> np.ndarray:
    """Places in `ids` where the terms from there on begin with the letters."""
    fits = np.ones(max(0, len(ids) - len(letters) + 1), dtype=bool)
    for offset, letter in enumerate(letters):
        fits &= (initials == letter)[ids[offset : offset + len(fits)]]
    return np.flatnonzero(fits)


def _run(ids: np.ndarray, places: np.ndarray, run: int, length: int) -> tuple[int, ...]:
    return tuple(ids[places[run : run + length]].tolist())


def _as_written(generation: Generation, row: int, terms: list[str]) -> str | None:
    """The shortest words of a sentence that make these terms, small ones between them left in."""
    text = generation.sentences[row].text
    words = list(_WORD.finditer(text))
    for length in range(len(terms), len(terms) + _SMALL_WORDS + 1):
        for first, last in zip(words, words[length - 1 :], strict=False):
            span = text[first.start() : last.end()]
            if [term for term in generation.lexical.terms(span) if term not in FUNCTION_TERMS] == terms:
                return span
    return None
