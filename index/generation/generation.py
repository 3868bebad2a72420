"""Opens a generation: an immutable folder with everything needed to answer a question.

Long files are mapped into memory; no object of an article, sentence or passage is made before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.errors import Damaged
from index.generation.articles import Articles, open_articles
from index.generation.files import (
    DENSE_PASSAGES,
    DENSE_SENTENCES,
    LEXICAL,
    MANIFEST,
    PASSAGE_ROWS,
    PASSAGES,
    SENTENCE_ROWS,
    SENTENCES,
    TEXTS,
    VECTORS,
    WINDOW_ROWS,
)
from index.generation.manifest import Fact, Manifest
from index.generation.spans import Passages, Sentences, neighbour_rows, passage_of, read_spans
from index.retrieval.dense_index import AllowedTexts, DenseIndex, RemoteVectors
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.filter import NO_FILTER_IDS, Filter, FilterIds, Granularity
from index.retrieval.lexical_index import LexicalIndex
from index.retrieval.lexicon import LEXICON, Lexicon, read_lexicon
from index.retrieval.sentence_terms import Terms, read_terms
from index.storage.arrays import Int32Rows, Vectors, read_array, read_rows, release_pages
from index.storage.lru import LruCache

RELEASE_ABOVE = 1 << 28  # bytes of vectors; smaller files stay in memory
QUESTIONS_BETWEEN_RELEASES = (
    64  # questions after which the lists of the dense indexes are given back: 300 MB of a million texts
)


CACHED_FILTERS = 4
"""Filters whose result is cached, 20 MB each at a million passages: people ask more than once under one."""


@dataclass(frozen=True, slots=True, eq=False)
class AllowedSpans:
    """Sentences and passages that pass a filter (None: all), and the filter as ids."""

    sentences: AllowedTexts | None = None
    passages: AllowedTexts | None = None
    filter_ids: FilterIds = field(default_factory=lambda: NO_FILTER_IDS)


ALL_SPANS = AllowedSpans()


@dataclass(frozen=True, slots=True)
class MeanLengths:
    """Terms per sentence, window and passage, on average over the corpus."""

    sentence: float
    window: float
    passage: float


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """One published state of the index. A row is the position of a span in `sentences` or `passages`.

    `vectors` has shape (texts, dimension), float32, and stays on disk or a server until used; `digests`,
    shape (texts, 32), holds the SHA-256 of each text. `sentence_rows`, `window_rows` (one per sentence)
    and `passage_rows` index both. `passage_of` and `article_of` map a sentence's row to the row of the
    passage with its first character, and of its article; both ascend.
    """

    folder: Path
    manifest: Manifest
    articles: Articles
    facets: FacetColumns
    sentences: Sentences
    passages: Passages
    passage_of: Int32Rows
    vectors: Vectors | RemoteVectors
    digests: NDArray[np.uint8]
    sentence_rows: Int32Rows
    window_rows: Int32Rows
    passage_rows: Int32Rows
    dense_sentences: DenseIndex
    dense_passages: DenseIndex
    lexical: LexicalIndex
    terms: Terms
    lexicon: Lexicon
    mean_lengths: MeanLengths
    filters: LruCache[Filter, AllowedSpans] = field(default_factory=lambda: LruCache(CACHED_FILTERS))
    questions: Iterator[int] = field(default_factory=count)

    @property
    def id(self) -> str:
        """The generation's name, such as gen-12-5f0c9a7be2d14c33."""
        return self.manifest.generation

    @property
    def article_of(self) -> Int32Rows:
        """The row of each sentence's article."""
        return self.sentences.spans[:, 0]

    def window(self, row: int) -> tuple[int, int]:
        """Half-open span of a sentence with its neighbours; see `index.generation.spans`."""
        first, last = self.window_of(row)
        return int(self.sentences.spans[first, 1]), int(self.sentences.spans[last - 1, 2])

    def window_of(self, row: int) -> tuple[int, int]:
        """The same as a half-open range of sentence rows."""
        first, last = neighbour_rows(self.sentences.spans, np.array([row]))
        return int(first[0]), int(last[0])

    def allowed(self, where: Filter) -> AllowedSpans | None:
        """The spans that pass a filter; None if the filter is empty."""
        return self.filters.get_or_compute(where, self._allowed) if where else None

    def _allowed(self, where: Filter) -> AllowedSpans:
        articles = self.facets.allowed(where)
        if articles is None:
            return ALL_SPANS
        marks = {facet.value: places for facet, places in self.facets.chosen(where).items()}
        return AllowedSpans(
            sentences=self.dense_sentences.allowed_texts(articles[self.article_of], marks),
            passages=self.dense_passages.allowed_texts(articles[self.passages.spans[:, 0]], marks),
            filter_ids=marks,
        )

    def release_pages(self) -> None:
        """Give back memory of mapped files, which is read again when used.

        A question touches some 2,000 vectors, and the system reads 64 KB for each.
        """
        if self.vectors.nbytes < RELEASE_ABOVE:
            return
        arrays = (self.vectors, self.digests, self.terms.ids, self.terms.starts, self.sentences.spans)
        for array in (*arrays, self.passages.spans, self.sentence_rows, self.window_rows, self.passage_rows):
            release_pages(array)
        self.articles.release_pages()
        if next(self.questions) % QUESTIONS_BETWEEN_RELEASES == 0:  # used by every question, and far smaller
            self.dense_sentences.release_pages()
            self.dense_passages.release_pages()


def open_generation(folder: Path, manifest: Manifest, remote: RemoteVectors | None = None) -> Generation:
    """Open a folder whose files are verified; with `remote` it needs no `VECTOR_FILES`.

    Raises Damaged: a file that does not fit the others: a span outside its text, a row out of range.
    """
    sizes = manifest.counts
    rows, texts, dimension = sizes["sentences"], sizes["vectors"], manifest.dimension
    articles = open_articles(folder, sizes["articles"])
    sentences = Sentences(articles, read_spans(folder / SENTENCES, (rows, 4), articles.lengths))
    passages = Passages(articles, read_spans(folder / PASSAGES, (sizes["passages"], 3), articles.lengths))
    terms = read_terms(folder, sentences=rows)
    vectors: Vectors | RemoteVectors = remote or read_array(
        folder / VECTORS, dtype=np.float32, shape=(texts, dimension), mapped=True
    )
    sentence_rows = read_rows(folder / SENTENCE_ROWS, rows, below=texts)
    passage_rows = read_rows(folder / PASSAGE_ROWS, len(passages), below=texts)
    dense = {
        Granularity.SENTENCE: (folder / DENSE_SENTENCES, sentence_rows),
        Granularity.PASSAGE: (folder / DENSE_PASSAGES, passage_rows),
    }
    opened_dense = {
        unit: DenseIndex(remote, rows_of, remote.search_index(unit), brute_force_below=0)
        if remote
        else _open_dense(file, np.asarray(vectors), rows_of, manifest.indexes)
        for unit, (file, rows_of) in dense.items()
    }
    opened = Generation(
        folder=folder,
        manifest=manifest,
        articles=articles,
        facets=FacetColumns.read(folder, articles, articles.display_titles),
        sentences=sentences,
        passages=passages,
        passage_of=passage_of(sentences.spans, passages.spans, folder / PASSAGES),
        vectors=vectors,
        digests=read_array(folder / TEXTS, dtype=np.uint8, shape=(texts, 32), mapped=True),
        sentence_rows=sentence_rows,
        window_rows=read_rows(folder / WINDOW_ROWS, rows, below=texts),
        passage_rows=passage_rows,
        dense_sentences=opened_dense[Granularity.SENTENCE],
        dense_passages=opened_dense[Granularity.PASSAGE],
        lexical=_open_lexical(folder, manifest),
        terms=terms,
        lexicon=read_lexicon(folder / LEXICON),
        mean_lengths=_mean_lengths(sentences.spans, terms, len(passages)),
    )
    opened.release_pages()
    return opened


def _open_dense(
    file: Path, vectors: NDArray[np.float32], rows: Int32Rows, indexes: Mapping[str, Mapping[str, Fact]]
) -> DenseIndex:
    if file.name not in indexes:
        raise Damaged(file.with_name(MANIFEST), f"tells nothing of {file.name}")
    return DenseIndex.open(file, vectors, rows, indexes[file.name])


def _mean_lengths(spans: Int32Rows, terms: Terms, passages: int) -> MeanLengths:
    first, last = neighbour_rows(spans, np.arange(len(spans)))
    lengths = terms.starts[last] - terms.starts[first]
    return MeanLengths(len(terms.ids) / len(spans), float(lengths.mean()), len(terms.ids) / passages)


def _open_lexical(folder: Path, manifest: Manifest) -> LexicalIndex:
    lexical = LexicalIndex.open(folder / LEXICAL)
    counts = lexical.count("sentence"), lexical.count("passage")
    if counts != (manifest.counts["sentences"], manifest.counts["passages"]):
        raise Damaged(folder / LEXICAL, f"holds other counts than {MANIFEST}: {counts}")
    return lexical
