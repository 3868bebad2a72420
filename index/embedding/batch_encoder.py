"""The encoder: texts cut into pieces, packed into batches, and passed through a network, whatever runs it.

Pieces of the next texts are made in a thread while the network reads these: both leave Python's lock alone.
A question by itself takes no detour: it is cut, read, and done.

A few texts are read in float32 whatever the backend. In bfloat16 a question's cosines move by up to .0016
with those that happen to be encoded beside it, and one question by itself is hardly faster; for many texts,
that are encoded once and kept, it is two to three times as fast.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from index.embedding.parity import AGREES, PROBES, least_cosine
from index.embedding.tokenizer import IDS, Inputs, TokenIds, Tokenizer
from index.errors import ModelRefused
from index.storage.arrays import Vectors

SLAB = 512
"""Texts cut at once: a tenth of a second's work, sorted by characters before and by pieces after."""

FP32_BELOW = 32
"""Texts that are encoded as questions are."""


class Network(Protocol):
    """What reads pieces; need not be safe to share between threads."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def budget(self) -> int:
        """Pieces in a batch at which it is quickest."""

    @property
    def step(self) -> int:
        """Widths that are a multiple of this suit it."""

    def __call__(self, inputs: Inputs) -> Vectors:
        """A vector of L2 norm 1 for each text, shape (texts, dimension)."""


@dataclass(slots=True, eq=False)
class BackendModels:
    """The networks of a backend.

    `exact` reads in float32. `quick`, for many texts, is made by `make_fast` when first wanted and held
    against `reference`, the float32 vectors of the probes; one that does not agree is refused if `strict`,
    else `exact` stands in for it. `agreement` is the least cosine of those in use, 1 for float32 by torch.
    """

    backend: str
    fp32: Network
    reference: Vectors | None = None
    make_fast: Callable[[], Network] | None = None
    strict: bool = False
    agreement: float = 1.0
    fast: Network | None = None


@dataclass(slots=True)
class Spent:
    """Pieces of texts that went through the network, and pieces that only filled batches up."""

    texts: int = 0
    filling: int = 0


class BatchEncoder:
    """An `index.embedding.load.Encoder` over networks; safe to share between threads."""

    def __init__(self, networks: BackendModels, pieces: Tokenizer, *, name: str, fingerprint: str) -> None:
        """Raises ModelRefused when the exact network does not agree with the reference."""
        self.name = name
        self.fingerprint = fingerprint
        self.networks = networks
        self.dimension = networks.fp32.dimension
        self.max_tokens = pieces.max_tokens
        self.spent = Spent()
        self._pieces = pieces
        self._turn = threading.Lock()  # two passes at once would each wait for the other's processors
        self._choosing = threading.Lock()
        self._check(networks.fp32, strict=True)

    def count_tokens(self, text: str) -> int:
        """See `index.embedding.load.Encoder.count_tokens`."""
        return self._pieces.count(text)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `index.embedding.load.Encoder.encode`.

        Raises:
            ModelRefused: many texts, and a network for them that had to be used and does not agree.
        """
        network = self.networks.fp32 if len(texts) <= FP32_BELOW else self._quick()
        return self._encode(texts, network, progress=progress)

    def _quick(self) -> Network:
        ways = self.networks
        with self._choosing:
            if ways.fast is None:
                made = ways.make_fast() if ways.make_fast else ways.fp32
                agrees = made is ways.fp32 or self._check(made, strict=ways.strict)
                ways.fast = made if agrees else ways.fp32
            return ways.fast

    def _check(self, network: Network, *, strict: bool) -> bool:
        ways = self.networks
        if ways.reference is None:
            return True
        least = least_cosine(self._encode(PROBES, network), ways.reference)
        if least >= AGREES:
            ways.agreement = min(ways.agreement, least)
            return True
        if strict:
            raise ModelRefused(
                f"{ways.backend} does not agree with float32 on {self.name} here: the least cosine is "
                f"{least:.4f}, and {AGREES} is asked for; use --backend torch"
            )
        return False

    def _encode(
        self, texts: Sequence[str], network: Network, *, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for rows, cut in self._cut(texts):
            for batch in pack([len(one) for one in cut], network.budget):
                vectors[[rows[place] for place in batch]] = self._pass(network, [cut[one] for one in batch])
                if progress:
                    progress(len(batch))
        return vectors

    def _cut(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[TokenIds]]]:
        """Rows of the texts and their pieces, some hundred of like length at a time."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        slabs = [order[start : start + SLAB] for start in range(0, len(order), SLAB)]

        def cut(rows: list[int]) -> tuple[list[int], list[TokenIds]]:
            return rows, self._pieces.tokenize([texts[row] for row in rows])

        yield from one_ahead(cut, slabs) if len(slabs) > 1 else map(cut, slabs)

    def _pass(self, network: Network, cut: Sequence[TokenIds]) -> Vectors:
        inputs = self._pieces.pad(cut, step=network.step)
        count = sum(map(len, cut))
        with self._turn:
            self.spent.texts += count
            self.spent.filling += inputs[IDS].size - count
            return network(inputs)


Thing = TypeVar("Thing")
Made = TypeVar("Made")


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Places in `lengths`, shortest first, in batches within the budget; one too long for it goes alone."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        if batches and (len(batches[-1]) + 1) * lengths[place] <= budget:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def one_ahead(make: Callable[[Thing], Made], things: Iterable[Thing]) -> Iterator[Made]:
    """What is made of each thing, in order; the next is made in a thread while the caller uses this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming: Future[Made] | None = None
        for thing in things:
            following = thread.submit(make, thing)
            if coming:
                yield coming.result()
            coming = following
        if coming:
            yield coming.result()
