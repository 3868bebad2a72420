"""What each backend costs, and what it does to a ranking: `python -m bench.backends FOLDER [MODELS]`.

FOLDER is in the form of BEIR. Documents are encoded by each backend that can be used here, queries by each
in both its ways: one by one, as questions are, in float32; and all at once, in bfloat16 where it has that.
For each pair nDCG@10 is printed, of documents ranked by cosine alone. Before that come times: short rounds in
which all take their turn, the plain way of sentence-transformers among them, and of each its best round, as
what else the machine does can only slow one down. Conversions are kept in MODELS (models).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.beir.collection import Collection, read_collection
from eval.beir.document_ranking import DEPTH
from eval.measures import by_rank, score_rankings
from index.embedding.encoder import Encoder
from index.embedding.load import Backend, encoding_metadata, load_encoder, unavailable_reason
from index.embedding.shipped_models import default_model_folder
from index.embedding.torch_models import SentenceTransformerEncoder, best_device, load_bi_encoder
from index.storage.arrays import Vectors

ROUNDS = 12
_TIMED = 64  # documents and queries that are timed: about a second's work
_CHARACTERS = 800
_PLAIN = "sentence-transformers"


def main(arguments: Sequence[str]) -> int:
    """Print both tables; returns the exit code."""
    if not 1 <= len(arguments) <= 2:
        print("usage: python -m bench.backends FOLDER [MODELS]", file=sys.stderr)
        return 2
    collection = read_collection(Path(arguments[0]))
    encoders = usable(Path(arguments[1] if len(arguments) == 2 else "models"))
    for line in times(collection, {_PLAIN: plain(), **encoders}):
        print(line, flush=True)
    for line in agreements(collection, encoders):
        print(line, flush=True)
    return 0


def usable(models: Path) -> dict[str, Encoder]:
    """The default model run by each backend that can be used here."""
    backends = [
        backend
        for backend in (Backend.TORCH, Backend.BF16, Backend.OPENVINO)
        if not unavailable_reason(backend)
    ]
    return {str(way): load_encoder(backend=way, models=models) for way in backends}


def plain() -> Encoder:
    """The default model by sentence-transformers' own `encode`."""
    model = load_bi_encoder(default_model_folder(), best_device())
    return SentenceTransformerEncoder(model, name=_PLAIN, fingerprint="")


def times(collection: Collection, encoders: Mapping[str, Encoder]) -> list[str]:
    """A line for each: milliseconds a query by itself (median of its best round), texts a second."""
    texts = [document.whole[:_CHARACTERS] for document in collection.documents[:_TIMED]]
    queries = list(collection.queries.values())[:_TIMED]
    alone: dict[str, list[float]] = {name: [] for name in encoders}
    rates: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            alone[name].append(float(np.median([seconds(encoder, [query]) for query in queries])))
            rates[name].append(len(texts) / seconds(encoder, texts))
    return [
        f"{name:22} {1000 * min(alone[name]):5.1f} ms a query {max(rates[name]):5.0f} texts/s"
        for name in encoders
    ]


def seconds(encoder: Encoder, texts: Sequence[str]) -> float:
    """How long it takes to encode these texts."""
    started = time.perf_counter()
    encoder.encode(texts)
    return time.perf_counter() - started


def agreements(collection: Collection, encoders: Mapping[str, Encoder]) -> list[str]:
    """A line for each backend of the documents: nDCG@10 for each way of encoding the queries."""
    queries = list(collection.queries.values())
    queries_by_encoder: dict[str, Vectors] = {}
    for name, encoder in encoders.items():
        queries_by_encoder[name] = np.vstack([encoder.encode([query]) for query in queries])
        queries_by_encoder[f"{name} at once"] = encoder.encode(queries)
    lines = [
        " ".join(["documents by".ljust(16), *(name.rjust(18) for name in queries_by_encoder), "least cosine"])
    ]
    texts = [document.whole for document in collection.documents]
    for name, encoder in encoders.items():
        vectors = encoder.encode(texts)
        scores = [f"{ndcg(collection, q @ vectors.T):.4f}".rjust(18) for q in queries_by_encoder.values()]
        lines.append(" ".join([name.ljust(16), *scores, str(encoding_metadata(encoder)["least_cosine"])]))
    return lines


def ndcg(collection: Collection, scores: Vectors) -> float:
    """Mean nDCG@10 of documents ranked by these scores, shape (queries, documents)."""
    names = [document.id for document in collection.documents]
    ranked = {
        query: by_rank([names[row_number] for row_number in np.argsort(-row, kind="stable")[:DEPTH]])
        for query, row in zip(collection.queries, scores, strict=True)
    }
    measured = score_rankings(collection.judged, ranked, k=10)
    return float(np.mean([measures["nDCG@10"] for measures in measured.values()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
