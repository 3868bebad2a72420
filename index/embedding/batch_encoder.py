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
from numpy.typing import NDArray

from index.embedding.encoder import (
    TOKEN_SCALE,
    EncodedPassages,
    EncodedQuestion,
    PassageText,
    SentenceEncoder,
)
from index.embedding.parity import MIN_COSINE, PROBES, least_cosine
from index.embedding.tokenizer import MASK, NO_SENTENCE, Inputs, TokenIds, Tokenizer
from index.errors import ModelRefused
from index.storage.arrays import Mask, Vectors

SLAB = 512
"""Texts tokenised at once: a tenth of a second, sorted by characters before and by tokens after."""

_TINY = np.float32(1e-30)

FP32_BELOW = 32
"""Texts up to which float32 is used, as for questions."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Network(Protocol):
    """Maps token ids to numbers; need not be thread-safe."""

    @property
    def dimension(self) -> int:
        """Numbers per vector."""

    @property
    def token_dimension(self) -> int:
        """Numbers per token vector; 0 if there are none."""

    @property
    def pools_late(self) -> bool:
        """Whether the states of the tokens are returned, for late pooling."""

    @property
    def budget(self) -> int:
        """The fastest number of tokens in a batch."""

    @property
    def step(self) -> int:
        """Batches are padded to a multiple of this width."""

    def __call__(self, inputs: Inputs) -> Vectors:
        """A vector of L2 norm 1 for each text, shape (texts, dimension).

        With late pooling, shape (texts, tokens, numbers): for each token its state and, if there are token
        vectors, that of L2 norm 1 and the logarithm of its weight in a question.
        """


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


class BatchEncoder(SentenceEncoder):
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
        return self._encode(texts, self._network(len(texts)), progress=progress)

    def _network(self, texts: int) -> Network:
        return self.models.fp32 if texts <= FP32_BELOW else self._fast()

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
        for rows, tokens in in_slabs(texts, len, self._tokenizer.tokenize):
            for batch in pack(list(map(len, tokens)), network.budget):
                outputs, mask = self._run([tokens[position] for position in batch], network)
                vectors[[rows[position] for position in batch]] = self._vectors(outputs, mask)
                if progress:
                    progress(len(batch))
        return vectors

    def _run(self, tokens: Sequence[TokenIds], network: Network) -> tuple[Vectors, Mask]:
        """The network's outputs, and which of them belong to a token."""
        inputs = self._tokenizer.pad(tokens, step=network.step)
        with self._inference_lock:
            return network(inputs), inputs[MASK] > 0

    def _vectors(self, outputs: Vectors, mask: Mask) -> Vectors:
        """The vector of each text, shape (texts, dimension)."""
        return outputs


class LatePoolingEncoder(BatchEncoder):
    """A `BatchEncoder` over networks that return the states of the tokens: a passage is read once."""

    pools_late = True

    def __init__(self, models: BackendModels, tokenizer: Tokenizer, *, name: str, fingerprint: str) -> None:
        self.token_dimension = models.fp32.token_dimension
        super().__init__(models, tokenizer, name=name, fingerprint=fingerprint)

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        """See `Encoder.encode_questions`."""
        network, tokens = self._network(len(texts)), self._tokenizer.tokenize(texts)
        questions: dict[int, EncodedQuestion] = {}
        for batch in pack(list(map(len, tokens)), network.budget):
            ids = [tokens[position] for position in batch]
            outputs, mask = self._run(ids, network)
            vectors = self._vectors(outputs, mask)
            for row, position in enumerate(batch):
                # The first and the last token are the special ones.
                inside = outputs[row, 1 : len(ids[row]) - 1, self.dimension :]
                questions[position] = EncodedQuestion(vectors[row], self._weighted(inside))
        return [questions[position] for position in range(len(texts))]

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        """See `Encoder.encode_passages`. Raises ModelRefused as `encode` does.

        A sentence without a token of its own has the vector of its passage, and counts nothing in sums.
        """
        network = self._network(len(passages))
        parts: dict[int, EncodedPassages] = {}
        for rows, tokenized in in_slabs(passages, _characters, self._tokenizer.tokenize_passages):
            for batch in pack([len(tokens.ids) for tokens in tokenized], network.budget):
                outputs, mask = self._run([tokenized[position].ids for position in batch], network)
                means = self._vectors(outputs, mask)
                for row, position in enumerate(batch):
                    number, tokens = rows[position], tokenized[position]
                    states = outputs[row, : len(tokens.ids)]
                    count = len(passages[number].sentences)
                    parts[number] = self._pool(states, tokens.sentences, count, means[row])
                if progress:
                    progress(len(batch))
        if not parts:
            return EncodedPassages.none(self.dimension, self.token_dimension)
        return EncodedPassages.join([parts[number] for number in range(len(passages))])

    def _vectors(self, outputs: Vectors, mask: Mask) -> Vectors:
        """Means of all tokens, special ones included, as the model was trained."""
        sums = np.einsum("twd,tw->td", outputs[:, :, : self.dimension], mask.astype(np.float32))
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))

    def _weighted(self, outputs: Vectors) -> Vectors:
        """The token vectors of a question, each as long as its weight: the softmax of the last numbers."""
        if not self.token_dimension or not len(outputs):
            return np.zeros((0, self.token_dimension), dtype=np.float32)
        weights = np.exp(outputs[:, -1:] - outputs[:, -1].max())
        return np.asarray(outputs[:, :-1] * (weights / weights.sum()))

    def _pool(
        self, states: Vectors, sentences: NDArray[np.int64], count: int, mean: Vectors
    ) -> EncodedPassages:
        inside = sentences != NO_SENTENCE
        states, sentences = states[inside], sentences[inside]
        starts = np.flatnonzero(np.diff(sentences, prepend=NO_SENTENCE))
        sums = np.zeros((count, self.dimension), dtype=np.float32)
        if len(starts):
            sums[sentences[starts]] = np.add.reduceat(states[:, : self.dimension], starts, axis=0)
        lengths = np.linalg.norm(sums, axis=1).astype(np.float32)
        vectors = np.where(lengths[:, None] > 0, sums / np.maximum(lengths, _TINY)[:, None], mean)
        tokens = states[:, self.dimension : self.dimension + self.token_dimension]
        return EncodedPassages(
            counts=np.array([count]),
            vectors=vectors,
            lengths=lengths,
            token_counts=np.bincount(sentences, minlength=count) * (self.token_dimension > 0),
            tokens=np.rint(tokens * TOKEN_SCALE).astype(np.int8)[: len(tokens) * (self.token_dimension > 0)],
        )


def in_slabs(
    items: Sequence[Item],
    length: Callable[[Item], int],
    tokenize: Callable[[list[Item]], list[Result]],
) -> Iterator[tuple[list[int], list[Result]]]:
    """Positions and tokens of the items in slabs of similar length."""
    order = sorted(range(len(items)), key=lambda position: length(items[position]))
    slabs = [order[start : start + SLAB] for start in range(0, len(order), SLAB)]

    def tokenized(positions: list[int]) -> tuple[list[int], list[Result]]:
        return positions, tokenize([items[position] for position in positions])

    yield from one_ahead(tokenized, slabs) if len(slabs) > 1 else map(tokenized, slabs)


def _characters(passage: PassageText) -> int:
    return len(passage.text)


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
