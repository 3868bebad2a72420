"""Encodes texts in length-sorted batches; tokenisation of the next slab overlaps inference.

Few texts are encoded in float32: in bfloat16 the cosines of a question move by up to .0016 with the texts in
its batch, and one question is hardly faster. Many texts are two to three times as fast in bfloat16.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from index.embedding.parity import MIN_COSINE, PROBES, least_cosine
from index.embedding.tokenizer import Inputs, TokenIds, Tokenizer
from index.errors import ModelRefused
from index.storage.arrays import Vectors

SLAB = 512
"""Texts tokenised at once: a tenth of a second, sorted by characters before and by tokens after."""

FP32_BELOW = 32
"""Texts up to which float32 is used, as for questions."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Network(Protocol):
    """Maps token ids to vectors; need not be thread-safe."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def budget(self) -> int:
        """The fastest number of tokens in a batch."""

    @property
    def step(self) -> int:
        """Batches are padded to a multiple of this width."""

    def __call__(self, inputs: Inputs) -> Vectors:
        """A vector of L2 norm 1 for each text, shape (texts, dimension)."""


@dataclass(slots=True, eq=False)
class BackendModels:
    """The networks of a backend: `fp32`, and `fast` for many texts, made by `make_fast` on first use.

    Both must agree with `reference`, the float32 vectors of the probes; if `fast` does not, it is refused if
    `strict`, else replaced by `fp32`. `agreement` is the least cosine of the networks in use.
    """

    backend: str
    fp32: Network
    reference: Vectors | None = None
    make_fast: Callable[[], Network] | None = None
    strict: bool = False
    agreement: float = 1.0
    fast: Network | None = None


class BatchEncoder:
    """An `index.embedding.encoder.Encoder` over networks; safe to share between threads."""

    def __init__(self, models: BackendModels, tokenizer: Tokenizer, *, name: str, fingerprint: str) -> None:
        """Raises ModelRefused if the float32 network does not agree with the reference."""
        self.name = name
        self.fingerprint = fingerprint
        self.models = models
        self.dimension = models.fp32.dimension
        self.max_tokens = tokenizer.max_tokens
        self._tokenizer = tokenizer
        self._inference_lock = threading.Lock()  # parallel passes would compete for the same cores
        self._fast_lock = threading.Lock()
        self._check(models.fp32, strict=True)

    def count_tokens(self, text: str) -> int:
        """See `Encoder.count_tokens`."""
        return self._tokenizer.count(text)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode`. Raises ModelRefused if a strict backend's fast network does not agree."""
        network = self.models.fp32 if len(texts) <= FP32_BELOW else self._fast()
        return self._encode(texts, network, progress=progress)

    def _fast(self) -> Network:
        models = self.models
        with self._fast_lock:
            if models.fast is None:
                network = models.make_fast() if models.make_fast else models.fp32
                agrees = network is models.fp32 or self._check(network, strict=models.strict)
                models.fast = network if agrees else models.fp32
            return models.fast

    def _check(self, network: Network, *, strict: bool) -> bool:
        models = self.models
        if models.reference is None:
            return True
        least = least_cosine(self._encode(PROBES, network), models.reference)
        if least >= MIN_COSINE:
            models.agreement = min(models.agreement, least)
            return True
        if strict:
            raise ModelRefused(
                f"{models.backend} does not agree with float32 on {self.name} here: the least cosine is "
                f"{least:.4f}, below the minimum of {MIN_COSINE}; use --backend torch"
            )
        return False

    def _encode(
        self, texts: Sequence[str], network: Network, *, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for rows, tokens in self._tokenized(texts):
            for batch in pack([len(ids) for ids in tokens], network.budget):
                inputs = self._tokenizer.pad([tokens[position] for position in batch], step=network.step)
                with self._inference_lock:
                    vectors[[rows[position] for position in batch]] = network(inputs)
                if progress:
                    progress(len(batch))
        return vectors

    def _tokenized(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[TokenIds]]]:
        """Rows and token ids of the texts in slabs of similar length."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        slabs = [order[start : start + SLAB] for start in range(0, len(order), SLAB)]

        def tokenize(rows: list[int]) -> tuple[list[int], list[TokenIds]]:
            return rows, self._tokenizer.tokenize([texts[row] for row in rows])

        yield from one_ahead(tokenize, slabs) if len(slabs) > 1 else map(tokenize, slabs)


def pack(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions in `lengths`, shortest first, in batches within the budget; a longer text gets its own.

    Lengths 3, 9, 2, 4 and budget 12 -> [2, 0, 3], [1].
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda position: lengths[position]):
        if batches and (len(batches[-1]) + 1) * lengths[position] <= budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def one_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The function's results in order; a thread computes the next while the caller uses this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as executor:
        pending: Future[Result] | None = None
        for item in items:
            following = executor.submit(function, item)
            if pending:
                yield pending.result()
            pending = following
        if pending:
            yield pending.result()
