"""Words: BM25 and phrases over sentences and passages. The one file that knows tantivy.

Sentences and passages are two indexes in two folders: tantivy takes the number of documents and
their average length over a whole index, so in one index each would bend the other's scores.

Texts go through one analyzer, here and nowhere else, and the index is given its terms joined by
spaces. So positions count terms (a stop word leaves no gap), and a phrase of `terms(text)` is
always found in its text.

    "The café’s cost: $5.14 million, 1,000 collisions" -> the cafe cost 5.14 million 1,000 collis

BM25 with k1 = 1.2 and b = 0.75 and idf = ln(1 + (N - n + 0.5) / (n + 0.5)) (Robertson and Zaragoza,
"The Probabilistic Relevance Framework", 2009); tantivy stores a length above 40 terms in steps.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus.normalise import replace_surrogates
from index.errors import Damaged, IndexFailure
from index.retrieval.filter import NO_FILTER_IDS, FilterIds, Granularity
from index.storage.durable_io import errno_in_message, os_error_from_message

WORDS = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)+|[\p{L}\p{M}\p{N}]+"
STOP_WORDS = ("s", "t")
ANALYZER = f"NFC; {WORDS}; fold, lower, stop {' '.join(STOP_WORDS)}, Snowball English"
"""What turns a text into terms; part of a generation's settings."""

OVERFETCH = 16  # rows fetched beyond k, so that equals at the cut are put in order before the cut
DIGITS = 4  # tantivy adds the terms of a query in no fixed order, so the last bits of a score vary
HEAP = 4_000_000_000  # bytes before a writer starts another segment, about the most tantivy takes


MARKS = ("publishers", "authors", "years", "articles")
"""Kinds of marks: the facts an article can be filtered by, each value a number."""
Told = tuple[str, FilterIds]
"""A text, and the marks of its article."""


def unmarked(texts: Iterable[str]) -> Iterator[Told]:
    """Texts that nothing will be filtered by."""
    return ((text, NO_FILTER_IDS) for text in texts)


class Analyzer:
    """Turns texts into terms; see the head of this file. Safe to share between threads."""

    def __init__(self) -> None:
        from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

        builder = TextAnalyzerBuilder(Tokenizer.regex(WORDS)).filter(Filter.ascii_fold())
        builder = builder.filter(Filter.lowercase()).filter(Filter.custom_stopword(list(STOP_WORDS)))
        self._analyzer = builder.filter(Filter.stemmer("english")).build()

    def terms(self, text: str) -> list[str]:
        """The terms of a text in order, repeated ones repeated: "Costs of 5.14%" -> cost, of, 5.14."""
        return list(self._analyzer.analyze(unicodedata.normalize("NFC", replace_surrogates(text))))


class LexicalIndex:
    """Terms of sentences and passages by row number; immutable, safe to search from several threads."""

    def __init__(self, searchers: Mapping[Granularity, _Searcher]) -> None:
        self._searchers = searchers
        self._analyzer = Analyzer()

    @staticmethod
    def create(folder: Path, sentences: Iterable[Told], passages: Iterable[Told]) -> None:
        """Write both indexes below `folder`, which must exist and be empty; rows count from 0.

        Each text comes with the marks that a filter may ask for. Nothing is flushed to the disk here.
        Raises `OSError` when tantivy cannot write.
        """
        for unit, texts in ((Granularity.SENTENCE, sentences), (Granularity.PASSAGE, passages)):
            made = folder / f"{unit}-made"
            made.mkdir()
            _write(made, texts)
            # A thread of tantivy's may lock late, on a busy machine after all is written: it finds no folder.
            for lock in made.rename(folder / unit).glob(".tantivy-*.lock"):
                lock.unlink()

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """Open what `create` wrote; nothing is written to `folder`, so it may be read-only.

        Raises:
            Damaged: an index that tantivy cannot open.
        """
        return cls({unit: _Searcher(folder / unit) for unit in Granularity})

    def terms(self, text: str) -> list[str]:
        """What the index calls the words of a text; see `Analyzer.terms`."""
        return self._analyzer.terms(text)

    def search(
        self, unit: str, terms: Sequence[str], k: int, *, marked: FilterIds = NO_FILTER_IDS
    ) -> list[tuple[int, float]]:
        """The k rows with the greatest BM25 score for any of the terms, as (row, score).

        Best first, equal scores by row. A term given twice counts twice. `marked` limits the result to rows
        that have one of the marks of each kind, and changes no score. Terms are taken as they are: nothing in
        them is query language.
        """
        searcher = self._searchers[Granularity(unit)]
        return searcher.search(searcher.any_of(terms), k, marked=marked) if terms else []

    def phrase(
        self, unit: str, terms: Sequence[str], k: int, *, marked: FilterIds = NO_FILTER_IDS
    ) -> list[int]:
        """Rows that hold the terms side by side in this order: the k with the greatest score, best first."""
        searcher = self._searchers[Granularity(unit)]
        if not terms:
            return []
        query = searcher.sequence_of(terms) if len(terms) > 1 else searcher.any_of(terms)
        return [row for row, _ in searcher.search(query, k, marked=marked)]

    def document_frequency(self, unit: str, term: str) -> int:
        """How many rows of the unit hold the term."""
        return self._searchers[Granularity(unit)].document_frequency(term)

    def count(self, unit: str) -> int:
        """Rows of the unit."""
        return self._searchers[Granularity(unit)].count


class _Searcher:
    """One tantivy index, opened."""

    def __init__(self, folder: Path) -> None:
        self._schema, self._searcher = _open(folder)
        self.count = int(self._searcher.num_docs)

    def any_of(self, terms: Sequence[str]) -> Any:
        from tantivy import Occur, Query

        queries = [Query.term_query(self._schema, "text", term) for term in terms]
        return Query.boolean_query([(Occur.Should, query) for query in queries])

    def sequence_of(self, terms: Sequence[str]) -> Any:
        from tantivy import Query

        return Query.phrase_query(self._schema, "text", list(terms))

    def document_frequency(self, term: str) -> int:
        return int(self._searcher.doc_freq("text", term))

    def search(self, query: Any, k: int, *, marked: FilterIds) -> list[tuple[int, float]]:
        """Fetch more until k rows are clear of the cut, or there are no more."""
        narrowed = self._narrowed(query, marked)
        fetch = k + OVERFETCH
        while k > 0 and self.count:
            found = self._fetch(narrowed, min(fetch, self.count))
            clear = len(found) >= k and found[k - 1][1] > found[-1][1]
            if clear or fetch >= self.count or len(found) < fetch:
                return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]
            fetch *= 4
        return []

    def _narrowed(self, query: Any, marked: FilterIds) -> Any:
        """The query with a clause of no weight for each kind of mark."""
        from tantivy import Occur, Query

        clauses = [Query.term_set_query(self._schema, kind, list(some)) for kind, some in marked.items()]
        free = [(Occur.Must, Query.const_score_query(clause, 0.0)) for clause in clauses]
        return Query.boolean_query([(Occur.Must, query), *free]) if free else query

    def _fetch(self, query: Any, limit: int) -> list[tuple[int, float]]:
        """Counting all matches keeps tantivy from pruning, which would add scores in another order."""
        hits = self._searcher.search(query, limit=limit, count=True).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return [(int(row), round(score, DIGITS)) for row, (score, _) in zip(rows, hits, strict=True)]


def _write(folder: Path, texts: Iterable[Told]) -> None:
    """One thread and one segment, so the same texts give the same rows and scores."""
    from tantivy import Document, Index, SchemaBuilder

    schema = SchemaBuilder().add_unsigned_field("row", fast=True)
    schema = schema.add_text_field("text", tokenizer_name="whitespace", index_option="position")
    for kind in MARKS:
        schema = schema.add_unsigned_field(kind, indexed=True)
    analyzer = Analyzer()
    try:
        writer = Index(schema.build(), path=str(folder), reuse=False).writer(HEAP, 1)
        for row, (text, marks) in enumerate(texts):
            document = Document()
            document.add_unsigned("row", row)
            document.add_text("text", " ".join(analyzer.terms(text)))
            for kind in MARKS:
                for mark in marks.get(kind, ()):
                    document.add_unsigned(kind, mark)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
    except ValueError as error:  # tantivy reports the disk's errors this way, often without a number
        raise os_error_from_message(str(error), folder) from error


def _open(folder: Path) -> tuple[Any, Any]:
    """Schema and searcher, opened through links: tantivy puts a lock file beside what it opens."""
    from tantivy import Index

    try:
        with linked(folder) as links:
            index = Index.open(str(links))
            index.config_reader("manual")  # nothing here ever changes
            return index.schema, index.searcher()
    except OSError as error:
        raise Damaged(folder, f"tantivy cannot open it: {error.strerror}") from error
    except ValueError as error:
        cause = os_error_from_message(str(error), folder) if errno_in_message(str(error)) else error
        raise Damaged(folder, f"tantivy cannot open it: {error}") from cause


REMOVALS = 50  # tries, 10 ms apart


@contextmanager
def linked(folder: Path) -> Iterator[Path]:
    """A temporary folder with a link to each file of `folder`, which itself may be read-only.

    Raises:
        IndexFailure: there is no place for temporary folders.
        OSError: `folder` cannot be listed.
    """
    paths = list(folder.iterdir())
    with _temporary() as links:
        for path in paths:
            with _told():
                (links / path.name).symlink_to(path.absolute())
        yield links


@contextmanager
def _temporary() -> Iterator[Path]:
    with _told():
        links = Path(tempfile.mkdtemp())
    try:
        yield links
    finally:
        _remove(links)


@contextmanager
def _told() -> Iterator[None]:
    """A full disk for temporary files is no fault of what is opened."""
    try:
        yield
    except OSError as error:
        fact = f"no temporary folder can be made: {error}"
        raise IndexFailure(f"{fact}; set TMPDIR to a folder that can be written") from error


def _remove(links: Path) -> None:
    """A thread that tantivy starts on opening may put its lock file back while this removes it."""
    for _ in range(REMOVALS):
        shutil.rmtree(links, ignore_errors=True)
        if not links.exists():
            return
        time.sleep(0.01)


# Terms (stemmed) that ask or join and say nothing of the subject: a question's "why" is in no answer.
FUNCTION_TERMS = frozenset(
    """
    a an and are as at be been but by can could did do doe does for from had has have how i if in is it its
    many much me my of on or our shall should so some tell than that the their there they this to was we
    were what when where which who whom whose whi why will with would you your
    """.split()
)
