"""Plans a generation: splits articles and finds the distinct texts of sentences, windows and passages.

Each distinct text is encoded once; three arrays of rows map spans to texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article, Passage, Sentence
from corpus.passages import split_passages
from corpus.sentences import split_sentences
from index.embedding.encoder import Encoder
from index.errors import BuildFailed
from index.generation.articles import article_files
from index.generation.files import PASSAGE_ROWS, PASSAGES, SENTENCE_ROWS, SENTENCES, TEXTS, WINDOW_ROWS
from index.generation.manifest import Setting
from index.generation.spans import flags, window
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.index_type import AUTO, Plan
from index.retrieval.lexical_index import ANALYZER, Analyzer
from index.retrieval.lexicon import LEXICON, lexicon_bytes
from index.retrieval.sentence_terms import terms_files
from index.storage.arrays import array_bytes, text_digest

_Span = tuple[Article, int, int]


class DistinctTexts:
    """Distinct texts in the order first seen, stored as spans and cut out of their article when used.

    As strings they would be several times the corpus: a word is in a sentence, three windows and a passage.
    """

    def __init__(self) -> None:
        self._row: dict[bytes, int] = {}
        self._spans: list[_Span] = []

    def rows(self, spans: Iterable[_Span]) -> NDArray[np.int32]:
        """The row of each span's text, a new one for a text not seen before."""
        return np.fromiter(map(self._enter, spans), dtype=np.int32)

    def digests(self) -> NDArray[np.uint8]:
        """The SHA-256 of each text, shape (texts, 32)."""
        return np.frombuffer(b"".join(self._row), dtype=np.uint8).reshape(-1, 32)

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, row: int) -> str:
        article, start, end = self._spans[row]
        return article.text[start:end]

    def _enter(self, span: _Span) -> int:
        article, start, end = span
        row = self._row.setdefault(text_digest(article.text[start:end]), len(self._spans))
        if row == len(self._spans):
            self._spans.append(span)
        return row


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """Facet columns of the articles in order of id, their spans, and the distinct texts to be encoded.

    `digests` holds the SHA-256 of each text, shape (texts, 32), and the arrays of rows index it.
    `files` maps relative names to contents.
    """

    facets: FacetColumns
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]
    texts: DistinctTexts
    digests: NDArray[np.uint8]
    sentence_rows: NDArray[np.int32]
    passage_rows: NDArray[np.int32]
    files: Mapping[str, bytes]
    settings: Mapping[str, Setting]
    plan: Plan


def plan_generation(articles: Sequence[Article], encoder: Encoder, *, plan: Plan = AUTO) -> GenerationPlan:
    """Split articles and find their distinct texts; nothing is encoded.

    `plan` is how the vectors will be searched, and part of the settings.

    Raises BuildFailed: no article, no sentence, two articles with one id, or a text unlike its hash.
    """
    ordered = tuple(sorted(articles, key=lambda article: article.id))
    _check(ordered)
    split = [split_sentences(article) for article in ordered]
    joined = [
        split_passages(part, limit=encoder.max_tokens, count_tokens=encoder.count_tokens) for part in split
    ]
    sentences = tuple(sentence for part in split for sentence in part)
    passages = tuple(passage for part in joined for passage in part)
    if not sentences:
        raise BuildFailed("the articles hold no sentence; give a folder with text in it")
    texts = DistinctTexts()
    sentence_rows = texts.rows((s.article, s.start, s.end) for s in sentences)
    window_rows = texts.rows((s.article, *window(sentences, row)) for row, s in enumerate(sentences))
    passage_rows = texts.rows((p.article, p.start, p.end) for p in passages)
    # See `index.generation.spans`.
    sentence_spans = [(row, s.start, s.end, flags(s)) for row, part in enumerate(split) for s in part]
    passage_spans = [(row, p.start, p.end) for row, part in enumerate(joined) for p in part]
    digests = texts.digests()
    facets = FacetColumns.of(ordered)
    analyzer = Analyzer()
    files = {
        **article_files(ordered),
        **facets.files(),
        SENTENCES: array_bytes(np.array(sentence_spans, dtype=np.int32)),
        PASSAGES: array_bytes(np.array(passage_spans, dtype=np.int32)),
        SENTENCE_ROWS: array_bytes(sentence_rows),
        WINDOW_ROWS: array_bytes(window_rows),
        PASSAGE_ROWS: array_bytes(passage_rows),
        TEXTS: array_bytes(digests),
        LEXICON: lexicon_bytes(ordered),
        **terms_files(analyzer.terms(sentence.text) for sentence in sentences),
    }
    settings: dict[str, Setting] = {
        "analyzer": ANALYZER,
        "passage_tokens": encoder.max_tokens,
        "index": plan.kind.value,
        "nprobe": plan.nprobe,
    }
    return GenerationPlan(
        facets=facets,
        sentences=sentences,
        passages=passages,
        texts=texts,
        digests=digests,
        sentence_rows=sentence_rows,
        passage_rows=passage_rows,
        files=files,
        settings=settings,
        plan=plan,
    )


def _check(articles: Sequence[Article]) -> None:
    if not articles:
        raise BuildFailed("there is no article to index; give a folder that holds readable articles")
    for before, article in pairwise(articles):
        if before.id == article.id:
            raise BuildFailed(f"two articles have the id {article.id}: {before.source} and {article.source}")
    for article in articles:
        if text_digest(article.text).hex() != article.sha256:
            raise BuildFailed(f"the text of {article.source} does not match its SHA-256")
