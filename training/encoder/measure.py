"""Measure the encoder on BEIR folders: python -m training.encoder.measure FOLDER... [--state FILE]

Prints nDCG@10 and P@1 of sums of standardised scores. Sentences of a passage are pooled late, and a document
has the score of its best sentence. Without --state the base model is measured, with all numbers of a token.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer

from eval.beir.collection import Collection, read_collection
from eval.beir.document_ranking import as_article
from eval.measures import by_rank, score_rankings
from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.generation.spans import ANSWERS, neighbour_rows
from index.search.bm25 import BM25Scorer, sentence_ranges
from index.search.fusion import zscore
from index.search.query import Query
from index.storage.arrays import Vectors
from training.encoder.base_model import base_model_folder
from training.encoder.batches import Packer, padded
from training.encoder.network import Network
from training.encoder.train import read_weights

SCORES = (
    "dense",
    "dense window",
    "dense passage",
    "BM25",
    "BM25 window",
    "BM25 passage",
    "MaxSim",
    "MaxSim window",
)
SUMS = {
    "dense": (1, 0.4, 0.3, 0, 0, 0, 0, 0),
    "BM25": (0, 0, 0, 1, 0.4, 0.3, 0, 0),
    "MaxSim": (0, 0, 0, 0, 0, 0, 1, 0.4),
    "dense + MaxSim": (1, 0.4, 0.3, 0, 0, 0, 1, 0.4),
    "dense + .5 BM25": (1, 0.4, 0.3, 0.5, 0.2, 0.15, 0, 0),
    "MaxSim + .25 BM25": (0, 0, 0, 0.25, 0.1, 0.075, 1, 0.4),
    "all, .25 BM25": (1, 0.4, 0.3, 0.25, 0.1, 0.075, 1, 0.4),
    "all, .5 BM25": (1, 0.4, 0.3, 0.5, 0.2, 0.15, 1, 0.4),
}
"""Weights of `SCORES`."""
_K = 10
_SIZE = 384
_BATCH = 32
_QUESTION_TOKENS, _PASSAGE_TOKENS = 64, 256


class Unencoded:
    """An encoder that only counts tokens: what is measured here makes its vectors itself."""

    name, fingerprint, dimension, max_tokens = "none", "0" * 64, 1, _PASSAGE_TOKENS

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def count_tokens(self, text: str) -> int:
        """See `index.embedding.encoder.Encoder`."""
        return len(self._tokenizer(text)["input_ids"])

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors without meaning."""
        return np.ones((len(texts), 1), dtype=np.float32)


class LatePooling:
    """All scores of the sentences of a generation for a question."""

    def __init__(
        self, network: Network, tokenizer: Any, generation: Generation, *, dimension: int | None = None
    ) -> None:
        self._dimension = dimension
        self._network, self._tokenizer, self._packer = network, tokenizer, Packer(tokenizer)
        self._generation, self._bm25 = generation, BM25Scorer(generation)
        spans, passages = generation.sentences.spans, np.arange(len(generation.passages), dtype=np.int32)
        self.rows = np.flatnonzero(spans[:, 3] & ANSWERS)
        self._window = neighbour_rows(spans, np.arange(len(spans)))
        sums, self._tokens, owner = self._encoded()
        total = np.vstack([np.zeros_like(sums[:1]), np.cumsum(sums, axis=0)])
        first, last = sentence_ranges(generation.passage_of, passages)
        whole = (total[last] - total[first])[generation.passage_of]
        levels = (sums, total[self._window[1]] - total[self._window[0]], whole)
        self._dense = [_unit(level[self.rows]) for level in levels]
        self._with_tokens, self._first_tokens = np.unique(owner, return_index=True)

    def scores(self, question: str) -> Vectors:
        """Shape (8, rows), in the order of `SCORES`."""
        ids = self._ids(question, _QUESTION_TOKENS)
        states = self._states([ids])[0]
        counted = self._packer.counted(torch.tensor([ids]))
        weights = self._network.token_weights(states[None], counted)[0].numpy()
        vector = _unit(states.sum(dim=0).numpy())
        similar = self._network.token_vectors(states, self._dimension).numpy() @ self._tokens.T
        best = np.full((len(ids), len(self._generation.sentences)), -1.0, dtype=np.float32)
        best[:, self._with_tokens] = np.maximum.reduceat(similar, self._first_tokens, axis=1)
        late = [weights @ best, weights @ self._window_best(best)]
        terms = self._generation.lexical.terms(question)
        weighed = self._bm25.term_weights(query := Query(vector, tuple(terms)))
        frequencies = self._bm25.frequencies(query, list(weighed), self.rows)
        lexical = self._bm25.scores(list(weighed.values()), frequencies)
        dense = [level @ vector for level in self._dense]
        return np.vstack([*dense, lexical, *(each[self.rows] for each in late)])

    def _window_best(self, best: Vectors) -> Vectors:
        first, last = self._window
        number = np.arange(best.shape[1])
        before, after = np.maximum(number - 1, first), np.minimum(number + 1, last - 1)
        return np.maximum(best, np.maximum(best[:, before], best[:, after]))

    def _encoded(self) -> tuple[NDArray[np.float64], Vectors, NDArray[np.intp]]:
        """Sums of token states by sentence, token vectors in the order of the text, and their sentences."""
        encoded = [self._passage(number) for number in range(len(self._generation.passages))]
        sums = np.zeros((len(self._generation.sentences), _SIZE))
        tokens: dict[int, Vectors] = {}
        order = sorted(range(len(encoded)), key=lambda number: len(encoded[number][0]))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            states = self._states([encoded[number][0] for number in batch])
            vectors = self._network.token_vectors(states, self._dimension).numpy()
            for position, number in enumerate(batch):
                owner = encoded[number][1]
                inside = np.flatnonzero(owner >= 0)
                np.add.at(sums, owner[inside], states[position].numpy()[inside])
                tokens[number] = vectors[position][inside]
        owners = np.concatenate([owner[owner >= 0] for _, owner in encoded])
        return sums, np.concatenate([tokens[number] for number in range(len(encoded))]), owners

    def _passage(self, number: int) -> tuple[list[int], NDArray[np.intp]]:
        """Token ids, and the row of each token's sentence, -1 for none."""
        passage = self._generation.passages[number]
        read = self._tokenizer(
            passage.text, return_offsets_mapping=True, truncation=True, max_length=_PASSAGE_TOKENS
        )
        start, end = np.array(read["offset_mapping"]).T + passage.start
        first, last = sentence_ranges(self._generation.passage_of, np.array([number], dtype=np.int32))
        spans = self._generation.sentences.spans[int(first[0]) : int(last[0])]
        if not len(spans):  # a passage that only continues a sentence too long for one
            return read["input_ids"], np.full(len(start), -1)
        owner = np.searchsorted(spans[:, 1], start, side="right") - 1
        inside = (owner >= 0) & (end <= spans[owner, 2]) & (end > start)
        return read["input_ids"], np.where(inside, owner + int(first[0]), -1)

    def _ids(self, text: str, most: int) -> list[int]:
        ids: list[int] = self._tokenizer(text, truncation=True, max_length=most)["input_ids"]
        return ids

    def _states(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self._network.states(padded(rows, self._packer.pad))


def open_network(base: Path, state: Path | None) -> Network:
    """The network of a state, or the base's own with whole tokens."""
    network = Network(base) if state else Network(base, dimension=_SIZE)
    if state:
        network.load_state_dict(read_weights(state))
    else:
        network.token.weight.data = torch.eye(_SIZE)
    return network.eval().requires_grad_(False)


def measure(
    collection: Collection, network: Network, tokenizer: Any, *, dimension: int | None = None
) -> Iterator[tuple[str, float, float]]:
    """Each sum's name, nDCG@10 and P@1."""
    articles = {document.id: as_article(document) for document in collection.documents}
    names = {article.id: name for name, article in articles.items()}
    with tempfile.TemporaryDirectory() as data:
        build([article for article in articles.values() if article.text], Unencoded(tokenizer), Path(data))
        generation = DataFolder(Path(data)).open()
        pooling = LatePooling(network, tokenizer, generation, dimension=dimension)
        of_row = [names[generation.articles[row].id] for row in generation.article_of[pooling.rows].tolist()]
        scores = {query: zscore(pooling.scores(text)) for query, text in collection.queries.items()}
        for name, weights in SUMS.items():
            rankings = {}
            for query, each in scores.items():
                best = np.argsort(-(np.array(weights) @ each), kind="stable").tolist()
                rankings[query] = by_rank(list(dict.fromkeys(of_row[row] for row in best))[:_K])
            values = score_rankings(collection.judged, rankings, k=_K).values()
            ndcg, precision = (
                float(np.mean([value[key] for value in values])) for key in (f"nDCG@{_K}", "P@1")
            )
            yield name, ndcg, precision


def _unit(vectors: NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def main() -> None:
    """Print a line for each sum of each folder."""
    parser = argparse.ArgumentParser(prog="python -m training.encoder.measure", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--dimension", type=int, help="of token vectors, all by default")
    chosen = parser.parse_args()
    base = base_model_folder()
    tokenizer = AutoTokenizer.from_pretrained(str(base), local_files_only=True)
    network = open_network(base, chosen.state)
    for folder in chosen.folders:
        with torch.inference_mode():
            for name, ndcg, precision in measure(
                read_collection(folder), network, tokenizer, dimension=chosen.dimension
            ):
                print(f"{folder.name:<14} {name:<18} {ndcg:.3f} / {precision:.3f}", flush=True)


if __name__ == "__main__":
    main()
