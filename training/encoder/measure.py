"""Measure an encoder on BEIR folders: python -m training.encoder.measure FOLDER... [--model MODEL]

Prints nDCG@10 and P@1 of sums of standardised scores. Sentences are searched, and a document has the score
of its best one. Without --model the shipped model is measured; MODEL is as for `qa --model`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eval.beir.collection import Collection, read_collection
from eval.beir.document_ranking import as_article
from eval.measures import by_rank, score_rankings
from index.building.build import build
from index.embedding.encoder import Encoder
from index.embedding.load import load_encoder
from index.generation.data_folder import DataFolder
from index.search.fusion import DEFAULT_WEIGHTS, FusionWeights
from index.search.query import Query
from index.search.searcher import Searcher

SUMS = {
    "dense": FusionWeights(lexical=0, late=0),
    "BM25": FusionWeights(dense=0, lexical=1, late=0),
    "MaxSim": FusionWeights(dense=0, lexical=0),
    "dense + MaxSim": FusionWeights(lexical=0),
    "dense + .5 BM25": FusionWeights(lexical=0.5, late=0),
    "MaxSim + .25 BM25": FusionWeights(dense=0, lexical=0.25),
    "all, .25 BM25": FusionWeights(lexical=0.25),
    "all, .5 BM25": FusionWeights(lexical=0.5),
    "shipped": DEFAULT_WEIGHTS,
}
_K = 10


def measure(collection: Collection, encoder: Encoder) -> Iterator[tuple[str, float, float]]:
    """Each sum's name, nDCG@10 and P@1."""
    articles = {document.id: as_article(document) for document in collection.documents}
    names = {article.id: name for name, article in articles.items()}
    rankings: dict[str, dict[str, Any]] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as data:
        build([article for article in articles.values() if article.text], encoder, Path(data))
        generation = DataFolder(Path(data)).open()
        searcher = Searcher(generation, encoder=encoder)
        for query, text in collection.queries.items():
            (question,) = encoder.encode_questions([text])
            scored = searcher.score(Query(question, tuple(generation.lexical.terms(text))))
            for name, weights in SUMS.items():
                best = scored.rows[scored.ranking(scored.fuse(weights))]
                rows = list(dict.fromkeys(generation.article_of[best].tolist()))[:_K]
                rankings[name][query] = by_rank([names[generation.articles[row].id] for row in rows])
    for name, ranked in rankings.items():
        values = score_rankings(collection.judged, ranked, k=_K).values()
        ndcg, precision = (float(np.mean([value[key] for value in values])) for key in (f"nDCG@{_K}", "P@1"))
        yield name, ndcg, precision


def main() -> None:
    """Print a line for each sum of each folder."""
    doc = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m training.encoder.measure", description=doc[0], epilog=doc[2]
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model")
    chosen = parser.parse_args()
    encoder = load_encoder(chosen.model, backend="auto")
    for folder in chosen.folders:
        for name, ndcg, precision in measure(read_collection(folder), encoder):
            print(f"{folder.name:<14} {name:<18} {ndcg:.3f} / {precision:.3f}", flush=True)


if __name__ == "__main__":
    main()
