"""Expands acronyms that no article explains, from words whose initials match.

"PCT"  -> "primary care trust", if the articles contain it at least twice
"DfES" -> "Department for Education and Skills": function words between are skipped
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.generation.generation import Generation
from index.retrieval.lexical_index import FUNCTION_TERMS

MIN_LETTERS, MAX_LETTERS = 3, 6
# Three words with matching initials occur by chance; the same three twice, or capitalised, seldom do.
_MIN_OCCURRENCES = 2
_MAX_EXPANSIONS = 20
_MAX_TERMS = 5_000_000  # scanned: the first 30,000 or so passages of a larger corpus
_WORD = re.compile(r"[^\W_]+")
_MAX_FUNCTION_WORDS = 3  # between the words of an expansion

Letters = NDArray[np.uint32]
Positions = NDArray[np.intp]


def expand_acronym(generation: Generation, acronym: str) -> str | None:
    """The most frequent run of words with these initials, as an article writes it, or None.

    Of an acronym in mixed case ("DfES") only the capitals count.
    """
    capitals = "".join(letter for letter in acronym if letter.isupper())
    letters = (capitals if len(capitals) >= MIN_LETTERS else acronym).lower()
    if not MIN_LETTERS <= len(letters) <= MAX_LETTERS:
        return None
    terms, (initials, positions) = generation.terms, _initials(generation)
    runs = _runs(initials, letters)
    first, last = (
        np.searchsorted(terms.starts, positions[runs + offset], side="right")
        for offset in (0, len(letters) - 1)
    )
    in_one_sentence = first == last
    rows = (first[in_one_sentence] - 1).tolist()
    ids = terms.ids[positions[runs[in_one_sentence][:, None] + np.arange(len(letters))]]
    expansions = list(map(tuple, ids.tolist()))
    first_row = dict(zip(reversed(expansions), reversed(rows), strict=True))
    ranked = sorted(Counter(expansions).items(), key=lambda item: (-item[1], first_row[item[0]]))
    for expansion, occurrences in ranked[:_MAX_EXPANSIONS]:
        written = _as_written(generation, first_row[expansion], [terms.vocabulary[i] for i in expansion])
        if written and (occurrences >= _MIN_OCCURRENCES or _is_name(written)):
            return written
    return None


def _is_name(text: str) -> bool:
    """Whether all words but function words are capitalised: "Department for Education"."""
    return all(word[0].isupper() or word in FUNCTION_TERMS for word in _WORD.findall(text))


@lru_cache(1)  # the current generation
def _initials(generation: Generation) -> tuple[Letters, Positions]:
    """Initials, as code points, of the corpus's terms without function words, and their positions."""
    terms = generation.terms
    ids = terms.ids[:_MAX_TERMS]
    is_function_term = np.array([term in FUNCTION_TERMS for term in terms.vocabulary], dtype=bool)
    initials = np.array([ord(term[0]) for term in terms.vocabulary], dtype=np.uint32)
    positions = np.flatnonzero(~is_function_term[ids])
    return initials[ids[positions]], positions


def _runs(initials: Letters, letters: str) -> Positions:
    """Where consecutive initials spell the letters."""
    matches = np.ones(max(0, len(initials) - len(letters) + 1), dtype=bool)
    for offset, letter in enumerate(letters):
        matches &= initials[offset : offset + len(matches)] == ord(letter)
    return np.flatnonzero(matches)


def _as_written(generation: Generation, row: int, terms: list[str]) -> str | None:
    """The shortest text of a sentence with these terms; function words between them stay."""
    text = generation.sentences[row].text
    words = list(_WORD.finditer(text))
    for length in range(len(terms), len(terms) + _MAX_FUNCTION_WORDS + 1):
        for first, last in zip(words, words[length - 1 :], strict=False):
            span = text[first.start() : last.end()]
            if [term for term in generation.lexical.terms(span) if term not in FUNCTION_TERMS] == terms:
                return span
    return None
