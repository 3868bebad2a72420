"""What the machine cannot do faster, reading memory and the model's forward pass, and how near to it we are.

A flat search reads every vector once, so its floor is the bytes of the vectors over the bandwidth of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from bench.forward import BareModel
from bench.generate import Floats, normalised
from bench.scale import Scale
from bench.speak import MS, timed
from index.encoder import load_encoder
from index.model import default_model_folder

_DIMENSION = 384
_GB = 1e9
_SEARCHES = 5  # a round's value is the median of so many

Rounds = dict[str, list[float]]


def floors(scale: Scale, texts: Sequence[str], questions: Sequence[str]) -> Rounds:
    """Measure -> its value in each round.

    copy_gb_s, sum_gb_s         bytes read (a copy writes as many) a second, one thread
    product_gb_s, flat_gb_s     the same for a matrix by a vector, and for an exact search by FAISS
    flat_ms                     that search
    forward_question_ms, encode_question_ms    a question: the model alone, and the product's encoder
    forward_tokens_s, encode_tokens_s          passages: word pieces a second, likewise
    """
    vectors = normalised(np.random.default_rng(0).standard_normal((scale.flat, _DIMENSION), dtype=np.float32))
    memory, model = _memory_ways(vectors), _model_ways(texts[: scale.forward], questions)
    rounds: Rounds = {name: [] for name in [*memory, *model]}
    for number in range(scale.rounds):
        for name, way in (*memory.items(), *model.items()):
            rounds[name].append(way(number))
    rounds["flat_ms"] = [MS * vectors.nbytes / _GB / speed for speed in rounds["flat_gb_s"]]
    return rounds


Way = Callable[[int], float]


def _memory_ways(vectors: Floats) -> dict[str, Way]:
    import faiss

    query, copied = vectors[0].copy(), np.empty_like(vectors)
    index = faiss.IndexFlatIP(_DIMENSION)
    index.add(vectors)

    def speed(call: Callable[[], object]) -> float:
        seconds = median(timed(call)[0] for _ in range(_SEARCHES))
        return vectors.nbytes / seconds / _GB

    return {
        "copy_gb_s": lambda _: speed(lambda: np.copyto(copied, vectors)),
        "sum_gb_s": lambda _: speed(vectors.sum),
        "product_gb_s": lambda _: speed(lambda: vectors @ query),
        "flat_gb_s": lambda _: speed(lambda: index.search(query[None], 10)),
    }


def _model_ways(texts: Sequence[str], questions: Sequence[str]) -> dict[str, Way]:
    """A round takes questions of its own."""
    bare, encoder = BareModel(default_model_folder()), load_encoder()
    batches = bare.batches(texts)
    tokens = bare.tokens(batches)
    encoder.encode(texts[:1])

    def some(number: int) -> Sequence[str]:
        return questions[number * _SEARCHES : (number + 1) * _SEARCHES]

    def bare_pass(question: str) -> float:
        return bare.seconds(bare.batches([question]))

    def encoding(question: str) -> float:
        return timed(encoder.encode, [question])[0]

    return {
        "forward_question_ms": lambda number: MS * median(bare_pass(one) for one in some(number)),
        "encode_question_ms": lambda number: MS * median(encoding(one) for one in some(number)),
        "forward_tokens_s": lambda _: tokens / bare.seconds(batches),
        "encode_tokens_s": lambda _: tokens / timed(encoder.encode, texts)[0],
    }
