"""The terms of every sentence in order, so that any run of sentences can be counted at once.

For example:
    ["it rose", "it fell fell"] -> vocabulary fell, it, rose; ids 1 2 1 0 0; starts 0 2 5
    counts(0, 2) -> it 2, rose 1, fell 2
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import Damaged
from index.records import array_bytes, read_array, scan

VOCABULARY = "vocabulary.txt"
TERMS = "terms.npy"
TERM_STARTS = "term_starts.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Terms by sentence row: those of row i are `ids[starts[i]:starts[i + 1]]`, places in `vocabulary`."""

    vocabulary: tuple[str, ...]
    ids: NDArray[np.int32]
    starts: NDArray[np.int64]

    def counts(self, first: int, last: int) -> Counter[str]:
        """How often each term occurs in the sentences of rows first to last - 1."""
        ids = self.ids[self.starts[first] : self.starts[last]]
        return Counter(self.vocabulary[i] for i in ids.tolist())


def terms_files(sentences: Sequence[Sequence[str]]) -> Mapping[str, bytes]:
    """The files that hold the terms of sentences: name -> content. No term holds white space."""
    vocabulary = sorted({term for terms in sentences for term in terms})
    number = {term: i for i, term in enumerate(vocabulary)}
    ids = np.array([number[term] for terms in sentences for term in terms], dtype=np.int32)
    starts = np.cumsum([0, *map(len, sentences)], dtype=np.int64)
    listed = "".join(term + "\n" for term in vocabulary).encode("utf-8")
    return {VOCABULARY: listed, TERMS: array_bytes(ids), TERM_STARTS: array_bytes(starts)}


def read_terms(folder: Path, *, sentences: int) -> Terms:
    """Read what `terms_files` made.

    Raises:
        Damaged: a file that does not fit the others.
    """
    starts: NDArray[np.int64] = read_array(
        folder / TERM_STARTS, dtype=np.int64, shape=(sentences + 1,), mapped=True
    )
    if starts[0] != 0 or any((np.diff(block) < 0).any() for block in scan(starts, overlap=1)):
        raise Damaged(folder / TERM_STARTS, "places out of order")
    ids: NDArray[np.int32] = read_array(folder / TERMS, dtype=np.int32, shape=(int(starts[-1]),), mapped=True)
    try:
        vocabulary = tuple((folder / VOCABULARY).read_text("utf-8").split("\n")[:-1])
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(folder / VOCABULARY, f"cannot be read: {error}") from error
    if not all(block.min() >= 0 and block.max() < len(vocabulary) for block in scan(ids)):
        raise Damaged(folder / TERMS, "a term outside the vocabulary")
    return Terms(vocabulary, ids, starts)
