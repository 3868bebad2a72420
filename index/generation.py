"""A generation: an immutable folder with everything that answers a question, opened for reading.

Its files, and what is in them:
    articles.jsonl                    articles, every field of each
    sentences.npy, passages.npy       article row, start, end (and kind) of each span
    texts.npy                         SHA-256 of each different text
    vectors.npy                       its vector
    sentence_rows.npy, window_rows.npy, passage_rows.npy    which text a span has
    sentences.faiss, passages.faiss   the vectors by sentence and by passage, to be searched
    lexical/sentence, lexical/passage the words, to be searched
    vocabulary.txt, terms.npy, term_starts.npy    the words of each sentence, to be counted
    lexicon.json                      words as they are written, and short forms
    manifest.json                     the SHA-256 of all of these
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article, Passage, Sentence
from index.contents import ARTICLES, PASSAGE_ROWS, PASSAGES, SENTENCE_ROWS, SENTENCES, TEXTS, WINDOW_ROWS
from index.dense import DenseIndex
from index.errors import Damaged
from index.kind import Kind
from index.lexical import LexicalIndex
from index.lexicon import LEXICON, Lexicon, read_lexicon
from index.manifest import MANIFEST, Manifest
from index.records import read_array, read_articles
from index.terms import Terms, read_terms
from index.window import neighbour_rows, neighbours, window

VECTORS = "vectors.npy"
DENSE_SENTENCES = "sentences.faiss"
DENSE_PASSAGES = "passages.faiss"
LEXICAL = "lexical"

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class MeanLengths:
    """Terms per sentence, window and passage, on average over the corpus."""

    sentence: float
    window: float
    passage: float


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """One published state of the index. A row is the place of a span in `sentences` or `passages`.

    `vectors` has shape (texts, dimension), float32, and stays on disk until used; `digests`, shape
    (texts, 32), holds the SHA-256 of each text. `sentence_rows`, `window_rows` (one per sentence)
    and `passage_rows` point into both. `passage_of` and `article_of` lead from a sentence's row to
    the row of the passage that holds its first character, and of its article; both ascend. `headings`
    and `asides` say of which kind a sentence is, see `index.kind`.
    """

    folder: Path
    manifest: Manifest
    articles: tuple[Article, ...]
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]
    passage_of: Rows
    article_of: Rows
    headings: NDArray[np.bool_]
    asides: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    digests: NDArray[np.uint8]
    sentence_rows: Rows
    window_rows: Rows
    passage_rows: Rows
    dense_sentences: DenseIndex
    dense_passages: DenseIndex
    lexical: LexicalIndex
    terms: Terms
    lexicon: Lexicon
    mean_lengths: MeanLengths

    @property
    def id(self) -> str:
        """The generation's name, such as gen-12-5f0c9a7be2d14c33."""
        return self.manifest.generation

    def window(self, row: int) -> tuple[int, int]:
        """Half-open span of a sentence with its neighbours; see `index.window`."""
        return window(self.sentences, row)

    def window_of(self, row: int) -> tuple[int, int]:
        """The same as a half-open range of sentence rows."""
        return neighbours(self.sentences, row)


def open_generation(folder: Path, manifest: Manifest) -> Generation:
    """Open a folder whose files `index.manifest.verify_files` has accepted.

    Raises:
        Damaged: a file that does not fit the others: a span outside its text, a row out of range.
    """
    sizes = manifest.counts
    count, texts, dimension = sizes["sentences"], sizes["vectors"], manifest.dimension
    articles = read_articles(folder / ARTICLES)
    if len(articles) != sizes["articles"]:
        raise Damaged(folder / ARTICLES, f"expected {sizes['articles']} articles, found {len(articles)}")
    spans = _read_spans(folder / SENTENCES, (count, 4), articles)
    wholes = _read_spans(folder / PASSAGES, (sizes["passages"], 3), articles)
    sentences = tuple(
        Sentence(articles[a], s, e, bool(kind & Kind.HEADING)) for a, s, e, kind in spans.tolist()
    )
    terms = read_terms(folder, sentences=count)
    return Generation(
        folder=folder,
        manifest=manifest,
        articles=articles,
        sentences=sentences,
        passages=tuple(Passage(articles[a], s, e) for a, s, e in wholes.tolist()),
        passage_of=_passage_of(spans, wholes, folder / PASSAGES),
        article_of=spans[:, 0],
        headings=_of_kind(spans, Kind.HEADING),
        asides=_of_kind(spans, Kind.ASIDE),
        vectors=read_array(folder / VECTORS, dtype=np.float32, shape=(texts, dimension), mapped=True),
        digests=read_array(folder / TEXTS, dtype=np.uint8, shape=(texts, 32)),
        sentence_rows=_read_rows(folder / SENTENCE_ROWS, count, texts=texts),
        window_rows=_read_rows(folder / WINDOW_ROWS, count, texts=texts),
        passage_rows=_read_rows(folder / PASSAGE_ROWS, len(wholes), texts=texts),
        dense_sentences=DenseIndex.load(folder / DENSE_SENTENCES, count=count, dimension=dimension),
        dense_passages=DenseIndex.load(folder / DENSE_PASSAGES, count=len(wholes), dimension=dimension),
        lexical=_open_lexical(folder, manifest),
        terms=terms,
        lexicon=read_lexicon(folder / LEXICON),
        mean_lengths=_mean_lengths(spans, terms, len(wholes)),
    )


def _read_spans(path: Path, shape: tuple[int, int], articles: tuple[Article, ...]) -> Rows:
    spans: Rows = read_array(path, dtype=np.int32, shape=shape)
    article, start, end = spans[:, 0], spans[:, 1], spans[:, 2]
    if spans.size and not (article.min() >= 0 and article.max() < len(articles)):
        raise Damaged(path, "a span of an article that is not there")
    lengths = np.array([len(one.text) for one in articles], dtype=np.int64)[article]
    if not ((start >= 0) & (start < end) & (end <= lengths)).all():
        raise Damaged(path, "a span outside its article's text")
    after = _places(spans)[1:]
    if not ((np.diff(_places(spans)) > 0) & (_ends(spans)[:-1] <= after)).all():
        raise Damaged(path, "spans out of order, or one over another")
    return spans


def _of_kind(spans: Rows, kind: Kind) -> NDArray[np.bool_]:
    return np.asarray(spans[:, 3] & kind, dtype=bool)


def _read_rows(path: Path, count: int, *, texts: int) -> Rows:
    rows: Rows = read_array(path, dtype=np.int32, shape=(count,))
    if rows.size and not (rows.min() >= 0 and rows.max() < texts):
        raise Damaged(path, f"a row outside 0..{texts - 1}")
    return rows


def _passage_of(spans: Rows, wholes: Rows, path: Path) -> Rows:
    """The passage at or before each sentence's start, which must reach over it."""
    rows = np.searchsorted(_places(wholes), _places(spans), side="right").astype(np.int32) - np.int32(1)
    held = wholes[rows]
    if not ((rows >= 0) & (held[:, 0] == spans[:, 0]) & (held[:, 2] > spans[:, 1])).all():
        raise Damaged(path, "a sentence that lies in no passage")
    rows.flags.writeable = False
    return rows


def _places(spans: Rows) -> NDArray[np.int64]:
    """Article and start as one number that ascends through the corpus."""
    return (spans[:, 0].astype(np.int64) << 32) + spans[:, 1]


def _ends(spans: Rows) -> NDArray[np.int64]:
    return (spans[:, 0].astype(np.int64) << 32) + spans[:, 2]


def _mean_lengths(spans: Rows, terms: Terms, passages: int) -> MeanLengths:
    first, last = neighbour_rows(spans[:, 0], _of_kind(spans, Kind.HEADING), np.arange(len(spans)))
    lengths = terms.starts[last] - terms.starts[first]
    return MeanLengths(len(terms.ids) / len(spans), float(lengths.mean()), len(terms.ids) / passages)


def _open_lexical(folder: Path, manifest: Manifest) -> LexicalIndex:
    lexical = LexicalIndex.open(folder / LEXICAL)
    found = lexical.count("sentence"), lexical.count("passage")
    if found != (manifest.counts["sentences"], manifest.counts["passages"]):
        raise Damaged(folder / LEXICAL, f"holds other counts than {MANIFEST}: {found}")
    return lexical
