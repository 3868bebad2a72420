"""Opens a generation: an immutable folder with everything needed to answer a question.

Long files are mapped into memory; no object of an article, sentence or passage is made before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedding.encoder import EncodedPassages, PassageText, TokenVectors
from index.errors import Damaged
from index.generation.articles import Articles, open_articles
from index.generation.files import (
    DENSE,
    DIGESTS,
    LEXICAL,
    MANIFEST,
    PASSAGES,
    SENTENCES,
    SUMS,
    TOKEN_STARTS,
    TOKENS,
    VECTORS,
)
from index.generation.manifest import Manifest
from index.generation.spans import (
    Passages,
    Sentences,
    neighbour_rows,
    passage_of,
    read_spans,
    sentence_ranges,
)
from index.retrieval.dense_index import AllowedSentences, DenseIndex, RemoteVectors
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.filter import Filter
from index.retrieval.lexical_index import LexicalIndex
from index.retrieval.lexicon import LEXICON, Lexicon, read_lexicon
from index.retrieval.sentence_terms import Terms, read_terms
from index.storage.arrays import (
    STORED,
    Int32Rows,
    RowIds,
    StoredVectors,
    Vectors,
    concatenate_ranges,
    read_array,
    read_starts,
    release_pages,
)
from index.storage.lru import LruCache

RELEASE_ABOVE = 1 << 28  # bytes of vectors; smaller files stay in memory
QUESTIONS_BETWEEN_RELEASES = (
    64  # questions after which the lists of the dense index are given back: 300 MB of a million sentences
)


CACHED_FILTERS = 4
"""Filters whose result is cached, 20 MB each at a million passages: people ask more than once under one."""


@dataclass(frozen=True, slots=True)
class MeanLengths:
    """Terms per sentence, window and passage, on average over the corpus."""

    sentence: float
    window: float
    passage: float


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """One published state of the index. A row is the position of a span in `sentences` or `passages`.

    `vectors`, shape (sentences, dimension), float16, have norm 1 and stay on disk or a server until used;
    `sums`, shape (sentences, 3), are the norms of the sums that a sentence, its window and its passage are.
    `tokens`, shape (tokens, token_dimension), int8, are in order of sentence, those of a sentence from its
    place in `token_starts`, shape (sentences + 1,). `digests`, shape (passages, 32), hold the SHA-256 of what
    was encoded. `passage_of` and `article_of` map a sentence's row to the row of the passage with its first
    character, and of its article; both ascend.
    """

    folder: Path
    manifest: Manifest
    articles: Articles
    facets: FacetColumns
    sentences: Sentences
    passages: Passages
    passage_of: Int32Rows
    vectors: StoredVectors | RemoteVectors
    sums: Vectors
    tokens: TokenVectors
    token_starts: RowIds
    digests: NDArray[np.uint8]
    dense: DenseIndex
    lexical: LexicalIndex
    terms: Terms
    lexicon: Lexicon
    mean_lengths: MeanLengths
    filters: LruCache[Filter, AllowedSentences] = field(default_factory=lambda: LruCache(CACHED_FILTERS))
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

    def encoded(self, passages: RowIds) -> EncodedPassages:
        """What the encoder made of some passages, in this order."""
        first, last = sentence_ranges(self.passage_of, passages.astype(np.int32))
        sentences = concatenate_ranges(first, last)
        starts, ends = self.token_starts[sentences], self.token_starts[sentences + 1]
        return EncodedPassages(
            counts=last - first,
            vectors=np.asarray(self.vectors[sentences], dtype=np.float32),
            lengths=self.sums[sentences, 0],
            token_counts=ends - starts,
            tokens=self.tokens[concatenate_ranges(starts, ends)],
        )

    def passage_text(self, row: int) -> PassageText:
        """What was encoded of a passage; of a sentence that is cut, the part in its passage."""
        passage = self.passages[row]
        first, last = sentence_ranges(self.passage_of, np.array([row], dtype=np.int32))
        starts, ends = (self.sentences.spans[first[0] : last[0], 1:3] - passage.start).T
        ends = np.minimum(ends, passage.end - passage.start)
        return PassageText(passage.text, tuple(zip(starts.tolist(), ends.tolist(), strict=True)))

    def allowed(self, where: Filter) -> AllowedSentences | None:
        """The sentences that pass a filter; None if the filter is empty."""
        return self.filters.get_or_compute(where, self._allowed) if where else None

    def _allowed(self, where: Filter) -> AllowedSentences:
        articles = self.facets.allowed(where)
        assert articles is not None, "a filter with a value allows some articles, or none"
        rows = articles[self.article_of]
        filter_ids = {facet.value: places for facet, places in self.facets.chosen(where).items()}
        return AllowedSentences(rows, int(np.count_nonzero(rows)), filter_ids)

    def release_pages(self) -> None:
        """Give back memory of mapped files, which is read again when used.

        A question touches some 2,000 vectors, and the system reads 64 KB for each.
        """
        if self.vectors.nbytes < RELEASE_ABOVE:
            return
        arrays = (self.vectors, self.sums, self.tokens, self.token_starts, self.digests)
        for array in (*arrays, self.terms.ids, self.terms.starts, self.sentences.spans, self.passages.spans):
            release_pages(array)
        self.articles.release_pages()
        if next(self.questions) % QUESTIONS_BETWEEN_RELEASES == 0:  # used by every question, and far smaller
            self.dense.release_pages()


def open_generation(folder: Path, manifest: Manifest, remote: RemoteVectors | None = None) -> Generation:
    """Open a folder whose files are verified; with `remote` it needs no `VECTOR_FILES`.

    Raises Damaged: a file that does not fit the others: a span outside its text, a row out of range.
    """
    sizes = manifest.counts
    rows, tokens = sizes["sentences"], sizes["tokens"]
    articles = open_articles(folder, sizes["articles"])
    sentences = Sentences(articles, read_spans(folder / SENTENCES, (rows, 4), articles.lengths))
    passages = Passages(articles, read_spans(folder / PASSAGES, (sizes["passages"], 3), articles.lengths))
    terms = read_terms(folder, sentences=rows)
    vectors: StoredVectors | RemoteVectors = remote or read_array(
        folder / VECTORS, dtype=STORED, shape=(rows, manifest.dimension), mapped=True
    )
    opened = Generation(
        folder=folder,
        manifest=manifest,
        articles=articles,
        facets=FacetColumns.read(folder, articles, articles.display_titles),
        sentences=sentences,
        passages=passages,
        passage_of=passage_of(sentences.spans, passages.spans, folder / PASSAGES),
        vectors=vectors,
        sums=read_array(folder / SUMS, dtype=np.float32, shape=(rows, 3), mapped=True),
        tokens=read_array(
            folder / TOKENS, dtype=np.int8, shape=(tokens, manifest.token_dimension), mapped=True
        ),
        token_starts=read_starts(folder / TOKEN_STARTS, rows),
        digests=read_array(folder / DIGESTS, dtype=np.uint8, shape=(len(passages), 32), mapped=True),
        dense=_open_dense(folder, vectors, manifest, remote),
        lexical=_open_lexical(folder, manifest),
        terms=terms,
        lexicon=read_lexicon(folder / LEXICON),
        mean_lengths=_mean_lengths(sentences.spans, terms, len(passages)),
    )
    if opened.token_starts[-1] != tokens:
        raise Damaged(folder / TOKEN_STARTS, f"ends at {opened.token_starts[-1]} of {tokens} tokens")
    opened.release_pages()
    return opened


def _open_dense(
    folder: Path, vectors: StoredVectors | RemoteVectors, manifest: Manifest, remote: RemoteVectors | None
) -> DenseIndex:
    if remote:
        return DenseIndex(remote, remote.search_index(), brute_force_below=0)
    return DenseIndex.open(folder / DENSE, np.asarray(vectors), manifest.index)


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
