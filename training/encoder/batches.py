"""Packs rows into tensors, and rows that are near each other into the same batch.

Neighbours of a question are the hardest negatives that cost nothing: topic-aware sampling, TAS-B (Hofstätter
and others, arXiv 2104.06967).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.storage.arrays import Vectors
from training.encoder.rows import Row
from training.encoder.variations import vary

PASSAGE_TOKENS = 112
QUESTION_TOKENS = 36
SENTENCE_TOKENS = 70
BATCH = 32
GROUP = 16
"""Neighbours in a batch; a batch has BATCH / GROUP groups of them."""
_BLOCK = 6_000  # rows among which neighbours are searched


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of a batch of r rows with s sentences; `owner` is the sentence of each token, or -1."""

    questions: Tensor
    passages: Tensor
    owner: Tensor
    right: Tensor
    """Whether a sentence answers a question, shape (r, s): also one that stands in another row."""
    in_passage: Tensor
    """Whether a sentence is of the question's own passage, shape (r, s)."""
    answerable: Tensor


class Packer:
    """Tokenizes rows."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.pad: int = tokenizer.pad_token_id
        self.first: int = tokenizer.cls_token_id
        self.last: int = tokenizer.sep_token_id

    def batch(self, rows: Sequence[Row], chance: random.Random | None) -> Batch:
        """A batch of these rows; with `chance` the questions are varied."""
        texts = [vary(row, chance) if chance else row.question for row in rows]
        questions = [[self.first, *self._ids(text, QUESTION_TOKENS), self.last] for text in texts]
        passages: list[list[int]] = []
        owners: list[list[int]] = []
        numbers: list[int] = []
        answers: list[tuple[str, bool]] = []
        for number, row in enumerate(rows):
            sentences, ids, owner = self._passage(row, first=len(numbers))
            passages.append(ids)
            owners.append(owner)
            numbers += [number] * len(sentences)
            answers += sentences
        keys = {text: key for key, text in enumerate({text for text, _ in answers})}
        of = torch.tensor([keys[text] for text, _ in answers])
        in_passage = torch.tensor(numbers)[None] == torch.arange(len(rows))[:, None]
        direct = in_passage & torch.tensor([is_answer for _, is_answer in answers])[None]
        marks = torch.zeros(len(rows), len(keys))
        marks.index_add_(1, of, direct.float())
        return Batch(
            padded(questions, self.pad),
            padded(passages, self.pad),
            padded(owners, -1),
            marks[:, of] > 0,
            in_passage,
            direct.any(dim=1),
        )

    def counted(self, ids: Tensor) -> Tensor:
        """Which tokens are neither special nor padding."""
        return (ids != self.pad) & (ids != self.first) & (ids != self.last)

    def _ids(self, text: str, most: int) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, truncation=True, max_length=most)[
            "input_ids"
        ]
        return ids

    def _passage(self, row: Row, *, first: int) -> tuple[list[tuple[str, bool]], list[int], list[int]]:
        """The sentences that fit, tokens, and the number of each token's sentence.

        Sentences before the answer are dropped if it would not fit behind them.
        """
        sentences: list[tuple[str, bool]] = []
        ids, owner = [self.first], [-1]
        for text, is_answer in zip(row.sentences, row.answers, strict=True):
            pieces = self._ids(text, SENTENCE_TOKENS)
            if len(ids) + len(pieces) >= PASSAGE_TOKENS:
                if not row.answerable or any(answers for _, answers in sentences):
                    break
                sentences, ids, owner = [], [self.first], [-1]
            if pieces:
                owner += [first + len(sentences)] * len(pieces)
                ids += pieces
                sentences.append((text, is_answer))
        return sentences, [*ids, self.last], [*owner, -1]


def padded(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    """Rows of numbers as a tensor as wide as the longest."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])


def neighbour_batches(vectors: Vectors, lengths: Sequence[int], *, seed: int) -> Iterator[list[int]]:
    """Rows of one epoch in batches of groups of neighbours by question vector, shape (rows, d)."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(vectors))
    groups: list[list[int]] = []
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        groups += grouped(block, lambda row, others: vectors[others] @ vectors[row], size=GROUP)
    yield from packed(groups, lengths, chance)


def grouped(
    order: NDArray[np.int64], nearness: Callable[[int, NDArray[np.int64]], Vectors], *, size: int
) -> list[list[int]]:
    """Each row once: the first that is left with those that are left and nearest to it."""
    groups, left = [], order
    while len(left):
        centre, others = int(left[0]), left[1:]
        nearest = np.argsort(-nearness(centre, others), kind="stable")[: size - 1]
        groups.append([centre, *others[nearest].tolist()])
        left = np.delete(others, nearest)
    return groups


def packed(
    groups: Sequence[list[int]], lengths: Sequence[int], chance: np.random.Generator
) -> Iterator[list[int]]:
    """Batches of BATCH rows in a random order; groups of similar length share one and are padded least."""
    ordered = sorted(groups, key=lambda group: max(lengths[row] for row in group))
    each = BATCH // max(map(len, groups))
    for start in chance.permutation(len(groups) // each).tolist():
        yield [row for group in ordered[start * each : (start + 1) * each] for row in group]
