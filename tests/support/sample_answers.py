"""A calibration worked out by hand, and the extracts of a small index."""

from __future__ import annotations

from pathlib import Path

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.search.query import Query
from index.search.searcher import Searcher
from qa.confidence import Calibration
from qa.extracts import ExtractGrouper
from tests.support.fakes import WordEncoder, article

SAMPLE_CALIBRATION = Calibration(
    model="words",
    fingerprint="f" * 64,
    reranker="",
    reranker_fingerprint="",
    facts=("pooled", "coverage", "complete"),
    weights=(6.0, 2.0, 2.0),
    constant=-4.0,
    steps=(),
    strong_from=0.8,
    fitted_on="nothing",
)


def build_article(data: Path, *paragraphs: str) -> Generation:
    build([article("a", *paragraphs)], WordEncoder(), data)
    return DataFolder(data).open()


def shown_extracts(generation: Generation, question: str, k: int = 5) -> list[tuple[str, str]]:
    """Text shown and text marked of each extract."""
    query = Query(WordEncoder().encode_questions([question])[0], tuple(generation.lexical.terms(question)))
    found = []
    for group in ExtractGrouper(generation).group(Searcher(generation).search(query, 40), k):
        first, last = group.shown
        text, s = generation.articles[0].text, generation.sentences
        found.append((text[s[first].start : s[last].end], text[s[group.first].start : s[group.last].end]))
    return found
