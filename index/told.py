"""What an engine is told of a generation's texts: of what units they are, and the marks of their articles.

A text that stands in several articles has the marks of all of them. One that stands in very many is found
under every filter instead, and `index.nearest` sorts out where it is not wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.article import Passage, Sentence
from index.engine import MOST_TEXT_BYTES, MOST_VALUES, UNITS, Batch
from index.generation import Generation
from index.lexical import MARKS
from index.served import ANY

Rows = NDArray[np.int64]


class TextRecords:
    """The records of a generation, a text each."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        sentences, passages = generation.sentences.spans, generation.passages.spans
        rows = (generation.sentence_rows, generation.window_rows, generation.passage_rows)
        articles = (sentences[:, 0], sentences[:, 0], passages[:, 0])
        count = generation.manifest.counts["vectors"]
        self._units = [np.bincount(some, minlength=count) > 0 for some in rows]
        self._first = [_first(rows[place], count) for place in (0, 2)]
        pairs = np.stack([np.concatenate(rows), np.concatenate(articles)], axis=1)
        pairs = np.unique(pairs, axis=0)
        self._articles = pairs[:, 1]
        self._starts = np.searchsorted(pairs[:, 0], np.arange(count + 1))
        self._marks = generation.facts.marks()

    def batch(self, rows: Rows) -> Batch:
        """The records of these texts."""
        return Batch(
            ids=rows,
            vectors=np.asarray(self._generation.vectors[rows], dtype=np.float32),
            texts=[self._text(row) for row in rows.tolist()],
            facts=[self._facts(row) for row in rows.tolist()],
        )

    def _text(self, row: int) -> str:
        """The text of a sentence or passage; of a window, or of what is too long for a record, none."""
        sentences, passages = self._generation.sentences, self._generation.passages
        spans: tuple[Sequence[Sentence | Passage], ...] = (sentences, passages)
        for first, held in zip(self._first, spans, strict=True):
            if first[row] >= 0:
                text = held[int(first[row])].text
                return text if len(text.encode("utf-8", "replace")) <= MOST_TEXT_BYTES else ""
        return ""

    def _facts(self, row: int) -> Mapping[str, Sequence[str]]:
        units = [unit for unit, held in zip(UNITS, self._units, strict=True) if held[row]]
        articles = self._articles[self._starts[row] : self._starts[row + 1]].tolist()
        if len(articles) > MOST_VALUES:
            return {"units": units, **dict.fromkeys(MARKS, (ANY,))}
        marks: dict[str, set[str]] = {kind: set() for kind in MARKS}
        for article in articles:
            for kind, values in self._marks(article).items():
                marks[kind].update(map(str, values))
        several = {kind: (ANY,) if len(some) > MOST_VALUES else sorted(some) for kind, some in marks.items()}
        return {"units": units, **several}


def _first(rows: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """The first span with each text, -1 where there is none: of texts 1, 0, 1 of three -> [1, 0, -1]."""
    first = np.full(count, -1, dtype=np.int32)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1, dtype=np.int32)
    return first
