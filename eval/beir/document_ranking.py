"""Ranks whole documents for the queries of a BEIR collection, by several methods.

dense      one vector per document, title and text cut at the encoder's window, as in published figures
lexical    BM25 of the whole document
fused      both, as z-scores over all documents
reranked   fused, and the best of these rescored by their best sentence
sentences  the product's own search: each document at the rank of its best sentence
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from corpus.cleaning.canonical import finish
from corpus.cleaning.unwrap_lines import unwrap
from corpus.draft import Block, Draft, Metadata
from corpus.sentences import split_sentences
from eval.beir.collection import Collection, Document
from index.building.build import build
from index.embedding.encoder import Encoder
from index.generation.data_folder import DataFolder
from index.retrieval.filter import Granularity
from index.retrieval.lexical_index import LexicalIndex, without_filters
from index.search.fusion import zscore
from index.search.rerank import Reading, Reranking, reading
from qa.assistant import Assistant
from qa.errors import QuestionError

DEPTH = 100
"""Documents per ranking, as in BEIR's R@100."""
_SENTENCE_HITS = 1_000
_RERANKED_DOCUMENTS = 20
_SENTENCES_PER_DOCUMENT = 20  # sentences of a document, from its beginning
# Weight of a rating, as a share of its weight for a sentence: a document is more than its best sentence, and
# the best of many sentences is good by chance. Chosen on two of the three public sets, between 1/3 and 1.
_RERANK_SHARE = 2 / 3
_LEXICAL = 0.5  # weight of BM25 beside one vector per document

Floats = NDArray[np.float32]
Advance = Callable[[int, int], None]


class RankingMethod(StrEnum):
    """Ranking methods."""

    DENSE = "dense"
    LEXICAL = "lexical"
    FUSED = "fused"
    RERANKED = "reranked"
    SENTENCES = "sentences"


@dataclass(frozen=True, slots=True)
class RankedDocuments:
    """The documents of one query, best first, and the seconds it took; encoding counts as dense."""

    documents: tuple[str, ...]
    seconds: float


Rankings = Mapping[str, RankedDocuments]


def rank_documents(
    collection: Collection,
    encoder: Encoder,
    *,
    reranking: Reranking | None = None,
    progress: Advance | None = None,
) -> dict[RankingMethod, Rankings]:
    """Rankings by method (dense, lexical, fused, and reranked if there is a reranking) and query id."""
    texts = [document.whole for document in collection.documents]
    vectors = _encode(texts, encoder, progress)
    names = [document.id for document in collection.documents]
    rankings: dict[RankingMethod, dict[str, RankedDocuments]] = defaultdict(dict)

    def rank(method: RankingMethod, query: str, scores: Floats, took: float, least: float = -np.inf) -> None:
        rankings[method][query] = RankedDocuments(_best(scores, names, least=least), took)

    @cache
    def readings(row: int) -> list[Reading]:
        """The first sentences of the document in this row, its title among them."""
        sentences = split_sentences(as_article(collection.documents[row]))
        return [reading(sentences, number) for number in range(min(len(sentences), _SENTENCES_PER_DOCUMENT))]

    with tempfile.TemporaryDirectory() as folder:
        LexicalIndex.create(Path(folder), [], without_filters(texts))
        lexical = LexicalIndex.open(Path(folder))
        for query, text in collection.queries.items():
            started = time.perf_counter()
            near = vectors @ encoder.encode([text])[0]
            encoded = time.perf_counter()
            words = _bm25(lexical, text, len(texts))
            searched = time.perf_counter()
            fused = _fuse(near, words)
            rank(RankingMethod.DENSE, query, near, encoded - started)
            rank(RankingMethod.LEXICAL, query, words, searched - encoded, least=0.0)
            rank(RankingMethod.FUSED, query, fused, searched - started)
            if reranking:
                fused_at = time.perf_counter()
                reranked = _rerank_documents(fused, text, readings, reranking)
                took = searched - started + time.perf_counter() - fused_at
                rank(RankingMethod.RERANKED, query, reranked, took)
    return dict(rankings)


def _rerank_documents(
    scores: Floats, query: str, readings: Callable[[int], list[Reading]], reranking: Reranking
) -> Floats:
    """Scores with the ratings of the best documents added, and the lowest rating added to all others."""
    best = [row for row in np.argsort(-scores, kind="stable")[:_RERANKED_DOCUMENTS].tolist() if readings(row)]
    if not best:
        return scores
    pieces = [readings(row) for row in best]
    rated = reranking.reranker.rate(query, [pair for piece in pieces for pair in piece])
    ends = np.cumsum([len(piece) for piece in pieces])[:-1]
    most = np.array([part.max() for part in np.split(rated, ends)], dtype=np.float32)
    weight = _RERANK_SHARE * reranking.weight / math.sqrt(len(rated) / len(best))
    added = weight * zscore(most[None])[0]
    reread: Floats = scores + added.min()
    reread[best] = scores[best] + added
    return reread


def rank_by_sentence(
    collection: Collection,
    encoder: Encoder,
    data: Path,
    *,
    reranking: Reranking | None = None,
    progress: Advance | None = None,
) -> Rankings:
    """Rankings of the product's own search; `data` keeps the index, so that a second run encodes nothing.

    Raises BuildFailed: the index cannot be built.
    """
    articles = {document.id: as_article(document) for document in collection.documents}
    names = {article.id: name for name, article in articles.items() if article.text}
    build([article for article in articles.values() if article.text], encoder, data, progress=progress)
    assistant = Assistant(DataFolder(data).open(), encoder, reranking=reranking)
    rankings = {}
    for query, text in collection.queries.items():
        started = time.perf_counter()
        try:
            hits = assistant.search(text, _SENTENCE_HITS)
        except QuestionError:
            hits = []  # an invalid question finds nothing and scores 0
        once = dict.fromkeys(names[hit.sentence.article.id] for hit in hits)
        rankings[query] = RankedDocuments(tuple(once)[:DEPTH], time.perf_counter() - started)
    return rankings


def as_article(document: Document) -> Article:
    """The article of a document, with nothing dropped."""
    blocks = tuple(Block(paragraph) for paragraph in unwrap(document.text.split("\n")))
    return finish(Draft(blocks, facts=Metadata(title=document.title)), document.id)


def _encode(texts: Sequence[str], encoder: Encoder, progress: Advance | None) -> Floats:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, len(texts))

    return encoder.encode(texts, progress=advance)


def _bm25(lexical: LexicalIndex, text: str, count: int) -> Floats:
    """The score of every document; 0 without a shared word."""
    scores = np.zeros(count, dtype=np.float32)
    for row, score in lexical.search(Granularity.PASSAGE, lexical.terms(text), count):
        scores[row] = score
    return scores


def _fuse(near: Floats, words: Floats) -> Floats:
    dense, lexical = zscore(np.stack([near, words]))
    return np.asarray(dense + _LEXICAL * lexical)


def _best(scores: Floats, names: Sequence[str], *, least: float = -np.inf) -> tuple[str, ...]:
    """Names of the best documents; ties keep the order of the collection."""
    order = np.lexsort((np.arange(len(scores)), -scores))[:DEPTH]
    return tuple(names[row] for row in order if scores[row] > least)
