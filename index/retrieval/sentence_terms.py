"""Stores the terms of all sentences in order, as numbers.

["it rose", "it fell fell"] -> vocabulary fell, it, rose; ids 1 2 1 0 0; starts 0 2 5
number("it") -> 1
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import Damaged
from index.storage.arrays import array_bytes, read_array, read_starts, scan

VOCABULARY = "vocabulary.txt"
TERMS = "terms.npy"
TERM_STARTS = "term_starts.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The terms of sentence row i are `ids[starts[i]:starts[i + 1]]`, numbers in the sorted `vocabulary`."""

    vocabulary: tuple[str, ...]
    ids: NDArray[np.int32]
    starts: NDArray[np.int64]

    def number(self, term: str) -> int:
        """The number of a term, or -1."""
        number = bisect_left(self.vocabulary, term)
        return number if self.vocabulary[number : number + 1] == (term,) else -1


def terms_files(sentences: Iterable[Sequence[str]]) -> Mapping[str, bytes]:
    """The files of the terms of sentences: name -> content. No term contains white space."""
    first_seen: defaultdict[str, int] = defaultdict(lambda: len(first_seen))
    ids, starts = array("i"), array("q", [0])
    for terms in sentences:
        ids.extend(first_seen[term] for term in terms)
        starts.append(len(ids))
    vocabulary = sorted(first_seen)
    number = np.empty(len(first_seen), dtype=np.int32)
    number[[first_seen[term] for term in vocabulary]] = np.arange(len(first_seen))
    return {
        VOCABULARY: "".join(term + "\n" for term in vocabulary).encode("utf-8"),
        TERMS: array_bytes(number[np.frombuffer(ids, dtype=np.int32)]),
        TERM_STARTS: array_bytes(np.frombuffer(starts, dtype=np.int64)),
    }


def read_terms(folder: Path, *, sentences: int) -> Terms:
    """Read what `terms_files` made. Raises Damaged: a file that does not fit the others."""
    starts = read_starts(folder / TERM_STARTS, sentences)
    ids: NDArray[np.int32] = read_array(folder / TERMS, dtype=np.int32, shape=(int(starts[-1]),), mapped=True)
    try:
        vocabulary = tuple((folder / VOCABULARY).read_text("utf-8").split("\n")[:-1])
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(folder / VOCABULARY, f"cannot be read: {error}") from error
    if not all(block.min() >= 0 and block.max() < len(vocabulary) for block in scan(ids)):
        raise Damaged(folder / TERMS, "a term outside the vocabulary")
    return Terms(vocabulary, ids, starts)
