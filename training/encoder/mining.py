"""Mines hard negatives: rows whose passages contain sentences that the network takes for the answer.

A row whose best sentence scores nearly as well as the right one may answer too, so it is no negative
(positive-aware mining, NV-Retriever, arXiv 2407.15831).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from index.storage.arrays import Vectors
from training.encoder.batches import Packer, grouped, packed
from training.encoder.network import Network, pool, text_vectors
from training.encoder.rows import Row

GROUP = 8
"""Rows of a batch that are each other's negatives. In smaller groups fewer rows are near only the first."""
_MOST = 0.95  # of the right sentence's score, up to which a sentence counts as wrong
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Mined:
    """Unit vectors of questions and sentences; row r has the sentences from `first[r]` to `first[r + 1]`.

    `right` is the score of each row's best right sentence, infinite if none answers.
    """

    questions: Vectors
    sentences: Vectors
    first: NDArray[np.int64]
    right: Vectors

    def hardness(self, row: int, others: NDArray[np.int64]) -> Vectors:
        """How hard negatives a row and each of the others are for each other, 0 where one may answer."""
        sentences = self.sentences[self.first[row] : self.first[row + 1]]
        by_question = np.maximum.reduceat(self.sentences @ self.questions[row], self.first[:-1])[others]
        by_sentence = (self.questions[others] @ sentences.T).max(axis=1)
        wrong = (by_question < _MOST * self.right[row]) & (by_sentence < _MOST * self.right[others])
        hard: Vectors = np.where(wrong, by_question + by_sentence, 0)
        return hard


@torch.inference_mode()
def mine(network: Network, packer: Packer, rows: Sequence[Row]) -> Mined:
    """Vectors of all rows. Every row has at least one sentence."""
    order = sorted(range(len(rows)), key=lambda row: sum(map(len, rows[row].sentences)))
    questions: dict[int, Vectors] = {}
    sentences: dict[int, Vectors] = {}
    right = np.full(len(rows), np.inf, dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        numbers = order[start : start + _BATCH]
        batch = packer.batch([rows[number] for number in numbers], None)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states, read = network.states(batch.questions), network.states(batch.passages)
        vectors = text_vectors(states, batch.questions != packer.pad)
        pooled = functional.normalize(pool(read, batch.owner, batch.in_passage.shape[1]), dim=1)
        scores = (vectors @ pooled.T).masked_fill(~(batch.right & batch.in_passage), -1).amax(dim=1)
        for position, number in enumerate(numbers):
            questions[number] = vectors[position].numpy()
            sentences[number] = pooled[batch.in_passage[position]].numpy()
            if batch.answerable[position]:
                right[number] = float(scores[position])
    counts = [len(sentences[number]) for number in range(len(rows))]
    return Mined(
        np.stack([questions[number] for number in range(len(rows))]),
        np.concatenate([sentences[number] for number in range(len(rows))]),
        np.concatenate([[0], np.cumsum(counts)]),
        right,
    )


def mined_batches(mined: Mined, lengths: Sequence[int], *, seed: int) -> Iterator[list[int]]:
    """Rows of one epoch in batches of groups that are hard negatives for each other."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(mined.questions))
    yield from packed(grouped(order, mined.hardness, size=GROUP), lengths, chance)
