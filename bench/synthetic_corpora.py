"""Corpora of any size made from a small one: texts recombined from its sentences, vectors from theirs.

A sentence is the first half of one sentence of the source and the second half of another, so that ten
thousand sentences make a hundred million, with the words of a real corpus in their real frequencies. A
passage is some of these. The first n passages of a corpus are the same at every size, and on every machine.

    "It rose by a third."  "They cost too much."  ->  "It rose too much."
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from bench.corpora import SEED
from index.storage.arrays import Vectors

SENTENCES = 2
"""Of a passage: short ones, because their number is what is measured."""
_BLOCK = 1_000  # passages drawn at once, from a seed of their own
_KEY = 3  # words at either end of a text that tell whose half it is
_NOISES = 4_096
# Beside vectors of length 1: two texts of the same halves have a cosine of about 0.8.
_NOISE = 0.35


def recombined(sentences: Sequence[str], count: int, *, seed: int = SEED) -> Iterator[str]:
    """The first `count` passages recombined from these sentences."""
    halves = [_halves(sentence) for sentence in sentences]
    blocks = (_block(halves, number, seed=seed) for number in range(-(-count // _BLOCK)))
    return islice(chain.from_iterable(blocks), count)


def filled(passages: Sequence[str], sentences: Sequence[str], count: int) -> list[str]:
    """Exactly `count` passages: real ones as far as they go, recombined ones after them."""
    real = list(passages[:count])
    return real + list(recombined(sentences, count - len(real)))


def _block(halves: Sequence[tuple[str, str]], number: int, *, seed: int) -> Iterator[str]:
    drawn = np.random.default_rng([seed, number]).integers(len(halves), size=(_BLOCK, SENTENCES, 2))
    for sentences in drawn.tolist():
        yield " ".join(f"{halves[front][0]} {halves[back][1]}" for front, back in sentences)


def _halves(sentence: str) -> tuple[str, str]:
    words = sentence.split()
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


class PrecomputedVectors:
    """A vector for every text that `recombined` can make, always the same one for a text.

    Those of the sentence it begins with and of the one it ends with are added, and a little noise of its own.
    """

    def __init__(self, sentences: Sequence[str], vectors: Vectors, *, seed: int = SEED) -> None:
        """`vectors` are those of the sentences, shape (sentences, dimension), each of length 1."""
        self._vectors = vectors
        self._begins = {_first(sentence): row for row, sentence in enumerate(sentences)}
        self._ends = {_last(sentence): row for row, sentence in enumerate(sentences)}
        rng = np.random.default_rng(seed)
        self._noise = normalised(rng.standard_normal((_NOISES, vectors.shape[1]), dtype=np.float32))

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._vectors.shape[1])

    def of(self, texts: Sequence[str]) -> Vectors:
        """Their vectors, shape (texts, dimension)."""
        hashes = np.array([zlib.crc32(text.encode()) for text in texts], dtype=np.int64)
        begins = self._rows(self._begins, texts, _first, hashes)
        ends = self._rows(self._ends, texts, _last, hashes)
        noise = self._noise[hashes % _NOISES] - self._noise[hashes // _NOISES % _NOISES]
        return normalised(self._vectors[begins] + self._vectors[ends] + np.float32(_NOISE) * noise)

    def _rows(
        self,
        rows: dict[str, int],
        texts: Sequence[str],
        key: Callable[[str], str],
        hashes: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """The rows whose half a text has; one by its hash where a cut has left it none."""
        anywhere = (hashes % len(self._vectors)).tolist()
        return np.array([rows.get(key(text), row) for text, row in zip(texts, anywhere, strict=True)])


def normalised(vectors: Vectors) -> Vectors:
    """Each row made 1 long."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _first(text: str) -> str:
    return " ".join(text.split(maxsplit=_KEY)[:_KEY])


def _last(text: str) -> str:
    return " ".join(text.rsplit(maxsplit=_KEY)[-_KEY:])
