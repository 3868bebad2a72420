"""What a short form that no article explains may stand for: words that begin with its letters.

"PCT"  -> "primary care trust", where articles say that at least twice
"DfES" -> "Department for Education and Skills": small words between count for nothing
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.generation.generation import Generation
from index.search.searcher import FUNCTION_TERMS

LEAST_LETTERS, MOST_LETTERS = 3, 6
# Three words in a row whose initials fit happen by chance; the same three twice, or capitalised, seldom do.
_AT_LEAST = 2
_LOOKED_AT = 20
_LOOKED_THROUGH = 5_000_000  # terms: in a larger corpus its first thirty thousand passages or so tell
_WORD = re.compile(r"[^\W_]+")
_SMALL_WORDS = 3  # that may stand between the words of a long form

Letters = NDArray[np.uint32]
Places = NDArray[np.intp]


def spelt_out(generation: Generation, short: str) -> str | None:
    """The most frequent run of words in the articles with these initials, as written, or None.

    Of a short form in both cases ("DfES") the capitals count alone.
    """
    capitals = "".join(letter for letter in short if letter.isupper())
    wanted = (capitals if len(capitals) >= LEAST_LETTERS else short).lower()
    if not LEAST_LETTERS <= len(wanted) <= MOST_LETTERS:
        return None
    terms, (initials, places) = generation.terms, _first_letters(generation)
    runs = _runs(initials, wanted)
    starts, ends = (
        np.searchsorted(terms.starts, places[runs + offset], side="right") for offset in (0, len(wanted) - 1)
    )
    runs, rows = runs[starts == ends], starts[starts == ends] - 1
    found = Counter(_run(terms.ids, places, run, len(wanted)) for run in runs.tolist())
    first = {
        _run(terms.ids, places, run, len(wanted)): row
        for run, row in zip(reversed(runs.tolist()), reversed(rows.tolist()), strict=True)
    }
    for run, times in sorted(found.items(), key=lambda one: (-one[1], first[one[0]]))[:_LOOKED_AT]:
        written = _as_written(generation, first[run], [terms.vocabulary[i] for i in run])
        if written and (times >= _AT_LEAST or _is_name(written)):
            return written
    return None


def _is_name(written: str) -> bool:
    """Whether all words but small ones are capitalised: "Department for Education"."""
    words = _WORD.findall(written)
    return all(word[0].isupper() or word in FUNCTION_TERMS for word in words)


@lru_cache(1)  # of the generation that answers now
def _first_letters(generation: Generation) -> tuple[Letters, Places]:
    """First letters, as numbers, of the corpus's terms in order but for small words, and their places."""
    terms = generation.terms
    ids = terms.ids[:_LOOKED_THROUGH]
    small = np.array([term in FUNCTION_TERMS for term in terms.vocabulary], dtype=bool)
    initials = np.array([ord(term[0]) for term in terms.vocabulary], dtype=np.uint32)
    places = np.flatnonzero(~small[ids])
    return initials[ids[places]], places


def _runs(initials: Letters, letters: str) -> Places:
    """Places from where on terms begin with the letters."""
    fits = np.ones(max(0, len(initials) - len(letters) + 1), dtype=bool)
    for offset, letter in enumerate(letters):
        fits &= initials[offset : offset + len(fits)] == ord(letter)
    return np.flatnonzero(fits)


def _run(ids: NDArray[np.int32], places: Places, run: int, length: int) -> tuple[int, ...]:
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
