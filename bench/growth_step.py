"""Runs one step of one corpus size in a process of its own: python -m bench.growth_step STEP < CASE

prepare   reads the public sets and encodes the sentences that corpora are recombined from
build     makes the corpus and publishes it, with precomputed vectors
ask       opens it and asks real questions, encoded by the real model: times, and resident memory afterwards
recall    compares its nearest passages with the exact ones

CASE is a `Case` as JSON. Measures are printed as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np

from bench.articles import articles
from bench.corpora import read_source
from bench.exact_neighbours import exact_nearest
from bench.exact_neighbours import recall as share_found
from bench.memory import folder_bytes, memory
from bench.peer_protocol import MS, timed
from bench.precomputed_vectors import PrecomputedEncoder, QuestionEncoder
from bench.synthetic_corpora import PrecomputedVectors, recombined
from index.building.build import build as build_index
from index.embedding.load import load_encoder
from index.embedding.shipped_models import default_model_folder
from index.generation.data_folder import DataFolder
from index.storage.arrays import Vectors
from qa.loading import open_assistant
from web.service_settings import ServiceSettings

QUESTIONS = 100
"""Asked in all, in equal parts in each round."""
_WARM_UP = 5
_BLOCK = 10_000  # vectors compared at once

Measures = Mapping[str, float | list[float]]


@dataclass(frozen=True, slots=True)
class Case:
    """Folders as text; `passages` is the size, `sources` how many sentences it is recombined from."""

    sets: str
    work: str
    passages: int
    paragraphs: int
    sources: int
    rounds: int
    k: int

    @property
    def source(self) -> Path:
        """Sentences and questions."""
        return Path(self.work) / f"source-{self.sources}.json"

    @property
    def vectors(self) -> Path:
        """The vectors of the sentences."""
        return self.source.with_suffix(".npy")

    @property
    def index(self) -> Path:
        """The data folder."""
        return Path(self.work) / f"size-{self.passages}"

    def texts(self) -> Iterator[str]:
        """The passages."""
        return recombined(self.read()["sentences"], self.passages)

    def read(self) -> dict[str, list[str]]:
        """What `prepare` wrote."""
        content: dict[str, list[str]] = json.loads(self.source.read_text(encoding="utf-8"))
        return content

    def encoder(self) -> PrecomputedEncoder:
        """The encoder that knows the vectors."""
        vectors = PrecomputedVectors(self.read()["sentences"], np.load(self.vectors))
        return PrecomputedEncoder(vectors, default_model_folder())


def prepare(case: Case) -> Measures:
    """Nothing is done again that is there."""
    if not case.vectors.exists():
        source = read_source(Path(case.sets))
        sentences = source.sentences[: case.sources]
        case.source.parent.mkdir(parents=True, exist_ok=True)
        content = {"sentences": sentences, "questions": source.questions[: _WARM_UP + QUESTIONS]}
        case.source.write_text(json.dumps(content), encoding="utf-8")
        np.save(case.vectors, load_encoder().encode(sentences))
    return {}


def build(case: Case) -> Measures:
    """Seconds of the build alone, its peak of memory, the bytes it wrote."""
    encoder, made = case.encoder(), list(articles(case.texts(), paragraphs=case.paragraphs))
    before = memory()["rss_mb"]
    seconds, _ = timed(build_index, made, encoder, case.index)
    written = folder_bytes(DataFolder(case.index).open().folder)
    bytes_each = written / case.passages
    peak = memory()["peak_mb"]
    return {"build_s": seconds, "build_peak_mb": peak, "before_mb": before, "bytes_per_passage": bytes_each}


def ask(case: Case) -> Measures:
    """Medians of each round: a question, and the same without encoding it."""
    encoder = QuestionEncoder(load_encoder())
    opening, assistant = timed(open_assistant, ServiceSettings(data=case.index), encoder)
    questions = case.read()["questions"]
    for question in questions[:_WARM_UP]:
        assistant.ask(question, case.k)
    whole: list[list[float]] = []
    alone: list[list[float]] = []
    for batch in _rounds(questions[_WARM_UP:], case.rounds):
        took = [_time_question(assistant.ask, question, case.k, encoder) for question in batch]
        whole.append([seconds for seconds, _ in took])
        alone.append([seconds - encoding for seconds, encoding in took])
    return {
        "open_s": opening,
        "ask_ms": [MS * median(seconds) for seconds in whole],
        "search_ms": [MS * median(seconds) for seconds in alone],
        **memory(),
    }


def recall(case: Case) -> Measures:
    """Share of the exact nearest sentences found, and medians of the search among the vectors alone."""
    generation, encoder = DataFolder(case.index).open(), case.encoder()
    vectors = load_encoder().encode(case.read()["questions"][_WARM_UP:])
    results: list[list[str]] = []
    ms: list[list[float]] = []
    for part in np.array_split(vectors, case.rounds):
        took = [timed(generation.dense.search, vector, case.k) for vector in part]
        ms.append([MS * seconds for seconds, _ in took])
        results += [[generation.sentences[row].text for row, _ in hits] for _, hits in took]
    texts = [sentence.text for sentence in generation.sentences]
    rows = exact_nearest(vectors, _blocks(texts, encoder), case.k)
    expected = [[texts[row] for row in best] for best in rows.tolist()]
    return {"recall": share_found(results, expected), "dense_ms": [median(times) for times in ms]}


STEPS: Mapping[str, Callable[[Case], Measures]] = {
    "prepare": prepare,
    "build": build,
    "ask": ask,
    "recall": recall,
}


def _blocks(texts: Sequence[str], encoder: PrecomputedEncoder) -> Iterator[Vectors]:
    left = iter(texts)
    while block := list(islice(left, _BLOCK)):
        yield encoder.encode(block)


def _rounds(questions: Sequence[str], rounds: int) -> list[Sequence[str]]:
    each = max(1, len(questions) // rounds)
    return [questions[start : start + each] for start in range(0, rounds * each, each)]


def _time_question(
    ask_one: Callable[[str, int], object], question: str, k: int, encoder: QuestionEncoder
) -> tuple[float, float]:
    """Seconds of the question, and how many of them went into encoding."""
    before = encoder.seconds
    seconds, _ = timed(ask_one, question, k)
    return seconds, encoder.seconds - before


if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](Case(**json.load(sys.stdin)))))
