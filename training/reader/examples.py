"""Makes training examples: a question, sentences that stand together, and which of them answer.

Most near misses are made: the passage of a neighbouring question, or the own passage asked about another
name or number.

    "When did OPEC begin?", passage on OPEC  ->  "When did UNESCO begin?", the same passage, no answer
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from index.embedding.joint_network import NO_SENTENCE
from index.search.joint_reader import MAX_QUESTION, MAX_SENTENCE
from index.storage.arrays import Vectors
from training.encoder.batches import padded
from training.encoder.rows import Row

PASSAGE_TOKENS = 150
BATCH = 32
BUCKETS = 20
"""Batches whose rows are sorted by length together, so that little is padded."""
OWN, RENAMED, NEIGHBOUR = 0.55, 0.17, 0.22
"""Shares of answerable rows: as they are, renamed, with a neighbour's passage; the rest with any passage."""
_UNPUNCTUATED = 0.4
_NEIGHBOURS = slice(2, 12)  # the nearest passages may answer too
_BLOCK = 2_000

_NAME = re.compile(r"(?<=[a-z,'] )[A-Z][a-zA-Z]{2,}(?: [A-Z][a-zA-Z]+){0,3}")
_NUMBER = re.compile(r"\b\d[\d,]*\b")
_STEPS = (-12, -7, -5, -3, -2, -1, 1, 2, 3, 5, 9)
_LARGE = 3_000  # numbers from here on move by hundreds: they are no years

Encode = Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class Batch:
    """`inputs` of the network: ids, types, the sentence of each token or -1, and the mask of the tokens.

    `answers`, shape (rows, sentences), are 1 for sentences that answer, 0 for others and -1 for none.
    """

    inputs: tuple[Tensor, Tensor, Tensor, Tensor]
    answers: Tensor


class ExampleMaker:
    """Draws examples from rows; `neighbours` are for each row those whose passages are near its question."""

    def __init__(
        self,
        rows: Sequence[Row],
        neighbours: Sequence[Sequence[int]],
        encode: Encode,
        special: tuple[int, ...],
    ) -> None:
        """`special` are the ids of [CLS], [SEP] and [PAD]."""
        self._rows, self._neighbours, self._encode = rows, neighbours, encode
        self._first, self._last, self._pad = special
        names = [name for row in rows for name in _NAME.findall(row.question)]
        self._names = ([n for n in names if " " not in n], [n for n in names if " " in n])

    def batches(self, chance: random.Random) -> Iterator[Batch]:
        """Batches of random examples, without end."""
        while True:
            numbers = chance.choices(range(len(self._rows)), k=BATCH * BUCKETS)
            examples = [self._tokens(*self._example(number, chance), chance) for number in numbers]
            examples.sort(key=lambda example: len(example[0]))
            starts = list(range(0, len(examples), BATCH))
            chance.shuffle(starts)
            for start in starts:
                yield self._batch(examples[start : start + BATCH])

    def own(self, rows: Sequence[Row]) -> Iterator[Batch]:
        """The rows as they are, to watch the training by."""
        for start in range(0, len(rows), BATCH):
            yield self._batch([self._tokens(row, row, None) for row in rows[start : start + BATCH]])

    def renamed(self, row: Row, chance: random.Random) -> Row | None:
        """The row asked about another name or number, so that nothing answers; None if it holds neither."""
        text, question = " ".join(row.sentences).lower(), row.question
        names = [match for match in _NAME.finditer(question) if match.group().lower() in text]
        matches = [*names, *(match for match in _NUMBER.finditer(question) if match.group() in text)]
        if not matches:
            return None
        match = chance.choice(matches)
        other = self._other_name(match.group(), chance) if match in names else _moved(match.group(), chance)
        if not other or other.lower() in text or other.lower() in question.lower():
            return None
        changed = question[: match.start()] + other + question[match.end() :]
        return Row(changed, row.sentences, (False,) * len(row.sentences), row.source)

    def _other_name(self, name: str, chance: random.Random) -> str:
        pool = self._names[" " in name]
        return chance.choice(pool) if pool else ""

    def _example(self, number: int, chance: random.Random) -> tuple[Row, Row]:
        """A row to ask and a row whose passage is read; they differ when nothing answers."""
        row, kind = self._rows[number], chance.random()
        if not row.answerable or kind < OWN:
            return row, row
        if kind < OWN + RENAMED:
            other = self.renamed(row, chance) or row
            return other, other
        if kind < OWN + RENAMED + NEIGHBOUR and self._neighbours[number]:
            return row, self._rows[chance.choice(self._neighbours[number])]
        return row, chance.choice(self._rows)

    def _tokens(
        self, asked: Row, read: Row, chance: random.Random | None
    ) -> tuple[list[int], int, list[int], list[int]]:
        """Ids, how many are of the question, the sentence of each, and whether each sentence answers."""
        plain = chance is not None and chance.random() < _UNPUNCTUATED
        question = asked.question.strip().rstrip("?") if plain else asked.question.strip()
        ids = [self._first, *self._encode(question)[:MAX_QUESTION], self._last]
        owner, answers, start = [NO_SENTENCE] * len(ids), list[int](), len(ids)
        for text, is_answer in zip(read.sentences, read.answers, strict=True):
            tokens = self._encode(text)[:MAX_SENTENCE]
            if len(ids) + len(tokens) >= PASSAGE_TOKENS:
                break
            ids += tokens
            owner += [len(answers)] * len(tokens)
            answers.append(int(is_answer and asked is read))
        return [*ids, self._last], start, [*owner, NO_SENTENCE], answers or [-1]

    def _batch(self, examples: Sequence[tuple[list[int], int, list[int], list[int]]]) -> Batch:
        types = [[0] * start + [1] * (len(ids) - start) for ids, start, _, _ in examples]
        ids = padded([ids for ids, *_ in examples], self._pad)
        owner = padded([owner for _, _, owner, _ in examples], NO_SENTENCE)
        answers = padded([answers for *_, answers in examples], -1)
        return Batch((ids, padded(types, 0), owner, ids != self._pad), answers)


def _moved(number: str, chance: random.Random) -> str:
    value = int(number.replace(",", ""))
    return str(max(1, value + chance.choice(_STEPS) * (1 if value < _LARGE else 100)))


def near_passages(rows: Sequence[Row], questions: Vectors, passages: Vectors) -> list[list[int]]:
    """For each row the rows whose passages are near its question and share no sentence with its own.

    `questions` and `passages` are unit vectors, shape (rows, d).
    """
    sentences = [frozenset(row.sentences) for row in rows]
    near: list[list[int]] = []
    for start in range(0, len(rows), _BLOCK):
        scores = questions[start : start + _BLOCK] @ passages.T
        best = np.argpartition(-scores, 20, axis=1)[:, :20]
        for number, (row, columns) in enumerate(zip(scores, best, strict=True), start=start):
            order = columns[np.argsort(-row[columns], kind="stable")].tolist()
            others = [o for o in order if o != number and sentences[o].isdisjoint(sentences[number])]
            near.append(others[_NEIGHBOURS])
    return near
