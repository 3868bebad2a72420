"""What the machine cannot do faster, reading memory and the model's forward pass, and how near to it we are.

A flat search reads every vector once, so its floor is the bytes of the vectors over the bandwidth of memory.
A share of 1 is the limit itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

from bench.articles import articles
from bench.bare_forward import BareModel
from bench.peer_protocol import MS, timed
from bench.sizes import Scale
from bench.synthetic_corpora import normalised
from index.building.build import build
from index.embedding.load import load_encoder
from index.embedding.shipped_models import default_model_folder
from index.generation.data_folder import DataFolder
from index.storage.arrays import Vectors
from qa.assistant import Assistant

_DIMENSION = 384
_GB = 1e9
_ASKED = 1_000  # passages that answer
_EACH = 5  # a round's value is the median of so many
_BANDWIDTHS = ("copy_gb_s", "sum_gb_s", "sums_gb_s", "product_gb_s")

Rounds = dict[str, list[float]]
Measure = Callable[[int], float]


def floors(scale: Scale, texts: Sequence[str], questions: Sequence[str]) -> Rounds:
    """Measure -> its value in each round; no round reads texts or questions of another.

    copy_gb_s, sum_gb_s, sums_gb_s      bytes read a second: a copy, a sum, a sum in a thread for each core
    product_gb_s, flat_gb_s, flat_ms    a matrix by a vector; an exact search by FAISS for one question
    forward_question_ms, encode_question_ms    a question: the model alone, and the product's encoder
    ask_question_ms                            the same with an answer from these texts
    forward_tokens_s, encode_tokens_s          passages: word pieces a second, likewise
    build_tokens_s                             the same with the index that is made of them
    flat_share, question_share, passages_share    of the best bandwidth, and of the forward pass
    ask_share, build_share                     of encoding a question alone, and of the forward pass
    """
    vectors = normalised(np.random.default_rng(0).standard_normal((scale.flat, _DIMENSION), dtype=np.float32))
    measures = {**_memory_measures(vectors), **_model_measures(texts, questions, scale.forward)}
    rounds: Rounds = {name: [] for name in measures}
    for number in range(scale.rounds):
        for name, measure in measures.items():
            rounds[name].append(measure(number))
    rounds["flat_ms"] = [MS * vectors.nbytes / _GB / speed for speed in rounds["flat_gb_s"]]
    return rounds | _shares(rounds)


def _shares(rounds: Rounds) -> Rounds:
    best = [max(speeds) for speeds in zip(*(rounds[name] for name in _BANDWIDTHS), strict=True)]
    return {
        "flat_share": _ratios(rounds["flat_gb_s"], best),
        "question_share": _ratios(rounds["forward_question_ms"], rounds["encode_question_ms"]),
        "passages_share": _ratios(rounds["encode_tokens_s"], rounds["forward_tokens_s"]),
        "ask_share": _ratios(rounds["encode_question_ms"], rounds["ask_question_ms"]),
        "build_share": _ratios(rounds["build_tokens_s"], rounds["forward_tokens_s"]),
    }


def _ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    return [numerator / denominator for numerator, denominator in zip(numerators, denominators, strict=True)]


def _memory_measures(vectors: Vectors) -> dict[str, Measure]:
    import faiss

    query, copied = vectors[0].copy(), np.empty_like(vectors)
    index = faiss.IndexFlatIP(_DIMENSION)
    index.add(vectors)

    def speed(call: Callable[[], object]) -> float:
        return vectors.nbytes / median(timed(call)[0] for _ in range(_EACH)) / _GB

    return {
        "copy_gb_s": lambda _: speed(lambda: np.copyto(copied, vectors)),
        "sum_gb_s": lambda _: speed(vectors.sum),
        "sums_gb_s": lambda _: speed(lambda: _sums(vectors)),
        "product_gb_s": lambda _: speed(lambda: vectors @ query),
        "flat_gb_s": lambda _: speed(lambda: index.search(query[None], 10)),
    }


def _sums(vectors: Vectors) -> float:
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        return float(sum(threads.map(np.sum, np.array_split(vectors, cores))))


def _model_measures(texts: Sequence[str], questions: Sequence[str], count: int) -> dict[str, Measure]:
    from threadpoolctl import threadpool_limits

    bare, encoder = BareModel(default_model_folder()), load_encoder()
    with tempfile.TemporaryDirectory() as folder:
        build(list(articles(texts[:_ASKED])), encoder, Path(folder))
        assistant = Assistant(DataFolder(Path(folder)).open(), encoder)
    assistant.ask("what loads when it is first used")

    def batch(number: int) -> Sequence[str]:
        return questions[number * _EACH : (number + 1) * _EACH]

    def bare_question(number: int) -> float:
        return MS * median(bare.seconds(bare.batches([text])) for text in batch(number))

    def question(number: int) -> float:
        return MS * median(timed(encoder.encode, [text])[0] for text in batch(number))

    def answer(number: int) -> float:
        with threadpool_limits(1, user_api="blas"):  # as in the service, see `qa.loading`
            return MS * median(timed(assistant.ask, text)[0] for text in batch(number))

    def passages(number: int) -> Sequence[str]:
        first = number * count % max(1, len(texts) - count + 1)
        return texts[first : first + count]

    def bare_passages(number: int) -> float:
        batches = bare.batches(passages(number))
        return bare.tokens(batches) / bare.seconds(batches)

    def encoded(number: int) -> float:
        tokens = bare.tokens(bare.batches(passages(number)))
        return tokens / timed(encoder.encode, passages(number))[0]

    def built(number: int) -> float:
        tokens = bare.tokens(bare.batches(passages(number)))
        with tempfile.TemporaryDirectory() as folder:
            return tokens / timed(build, list(articles(passages(number))), encoder, Path(folder))[0]

    return {
        "forward_question_ms": bare_question,
        "encode_question_ms": question,
        "forward_tokens_s": bare_passages,
        "encode_tokens_s": encoded,
        "ask_question_ms": answer,
        "build_tokens_s": built,
    }
