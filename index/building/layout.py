"""Plans a generation: splits articles into sentences and passages, which are what an encoder reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article, Passage, Sentence
from corpus.passages import split_passages
from corpus.sentences import split_sentences
from index.embedding.encoder import Encoder, PassageText
from index.errors import BuildFailed
from index.generation.articles import article_files
from index.generation.files import DIGESTS, PASSAGES, SENTENCES
from index.generation.manifest import Setting
from index.generation.spans import flags
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.index_type import AUTO, Plan
from index.retrieval.lexical_index import ANALYZER, Analyzer
from index.retrieval.lexicon import LEXICON, lexicon_bytes
from index.retrieval.sentence_terms import terms_files
from index.storage.arrays import Int32Rows, array_bytes, text_digest

TOKEN_VECTORS = "token_vectors"
"""The manifest's setting that says whether they are stored: on or off."""


@dataclass(frozen=True, slots=True)
class SplitArticle:
    """An article's sentences and passages in order; a sentence belongs to the passage with its start."""

    sentences: Sequence[Sentence]
    passages: Sequence[Passage]

    def passage_texts(self) -> Iterator[PassageText]:
        """What an encoder reads of each passage; of a sentence that is cut, the part in its passage."""
        row = 0
        for passage in self.passages:
            first = row
            while row < len(self.sentences) and self.sentences[row].start < passage.end:
                row += 1
            spans = [
                (sentence.start - passage.start, min(sentence.end, passage.end) - passage.start)
                for sentence in self.sentences[first:row]
            ]
            yield PassageText(passage.text, tuple(spans))


def split_article(article: Article, encoder: Encoder) -> SplitArticle:
    """The sentences of an article, and the passages that fit the encoder's window."""
    sentences = split_sentences(article)
    passages = split_passages(sentences, limit=encoder.max_tokens, count_tokens=encoder.count_tokens)
    return SplitArticle(sentences, passages)


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """Facet columns of the articles in order of id, their spans, and what is to be encoded of each passage.

    `digests` holds the SHA-256 of that, shape (passages, 32), and the spans are as in
    `index.generation.spans`. `files` maps relative names to contents.
    """

    facets: FacetColumns
    articles: Sequence[SplitArticle]
    sentence_spans: Int32Rows
    passage_spans: Int32Rows
    digests: NDArray[np.uint8]
    files: Mapping[str, bytes]
    settings: Mapping[str, Setting]
    plan: Plan

    @property
    def sentences(self) -> Iterator[Sentence]:
        """All sentences in order of row."""
        return (sentence for article in self.articles for sentence in article.sentences)

    @property
    def passages(self) -> Iterator[Passage]:
        """All passages in order of row."""
        return (passage for article in self.articles for passage in article.passages)

    def passage_texts(self) -> Iterator[PassageText]:
        """What is to be encoded, in order of row; made anew each time: all of it is as long as the corpus."""
        return (text for article in self.articles for text in article.passage_texts())


def plan_generation(articles: Sequence[Article], encoder: Encoder, *, plan: Plan = AUTO) -> GenerationPlan:
    """Split articles; nothing is encoded.

    `plan` is how the vectors will be searched, and part of the settings.

    Raises BuildFailed: no article, no sentence, two articles with one id, or a text unlike its hash.
    """
    ordered = tuple(sorted(articles, key=lambda article: article.id))
    _check(ordered)
    split = [split_article(article, encoder) for article in ordered]
    if not any(part.sentences for part in split):
        raise BuildFailed("the articles hold no sentence; give a folder with text in it")
    sentence_spans = np.array(
        [
            (row, s.start, s.end, flag)
            for row, part in enumerate(split)
            for s, flag in zip(part.sentences, flags(part.sentences), strict=True)
        ],
        dtype=np.int32,
    )
    passage_spans = np.array(
        [(row, p.start, p.end) for row, part in enumerate(split) for p in part.passages], dtype=np.int32
    )
    digests = np.frombuffer(
        b"".join(text.digest() for part in split for text in part.passage_texts()), dtype=np.uint8
    ).reshape(-1, 32)
    facets = FacetColumns.of(ordered)
    analyzer = Analyzer()
    files = {
        **article_files(ordered),
        **facets.files(),
        SENTENCES: array_bytes(sentence_spans),
        PASSAGES: array_bytes(passage_spans),
        DIGESTS: array_bytes(digests),
        LEXICON: lexicon_bytes(ordered),
        **terms_files(analyzer.terms(sentence.text) for part in split for sentence in part.sentences),
    }
    settings: dict[str, Setting] = {
        "analyzer": ANALYZER,
        "passage_tokens": encoder.max_tokens,
        "index": plan.kind.value,
        "nprobe": plan.nprobe,
        TOKEN_VECTORS: "on" if plan.token_vectors else "off",
    }
    return GenerationPlan(
        facets=facets,
        articles=split,
        sentence_spans=sentence_spans,
        passage_spans=passage_spans,
        digests=digests,
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
