"""Searches terms and phrases with BM25 in tantivy, over sentences and passages.

Each granularity has its own index: tantivy takes document count and average length over a whole index. One
analyzer makes the terms; tantivy gets them joined by spaces, so positions count terms (a stop word leaves no
gap), and the phrase `terms(text)` always matches its text.

    "The café’s cost: $5.14 million, 1,000 collisions" -> the cafe cost 5.14 million 1,000 collis

BM25 with k1 = 1.2, b = 0.75 and idf = ln(1 + (N - n + 0.5) / (n + 0.5)) (Robertson and Zaragoza, "The
Probabilistic Relevance Framework", 2009); tantivy rounds lengths above 40 terms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from corpus.normalise import replace_surrogates
from index.errors import Damaged, IndexFailure
from index.retrieval.filter import NO_FILTER_IDS, FilterIds, Granularity
from index.storage.durable_io import errno_in_message, os_error_from_message

WORDS = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)+|[\p{L}\p{M}\p{N}]+"
STOP_WORDS = ("s", "t")
ANALYZER = f"NFC; {WORDS}; fold, lower, stop {' '.join(STOP_WORDS)}, Snowball English"
"""The analyzer's definition; part of a generation's settings."""

# Stemmed terms that ask or join: a question's "why" is in no answer.
FUNCTION_TERMS = frozenset(
    """
    a an and are as at be been but by can could did do doe does for from had has have how i if in is it its
    many much me my of on or our shall should so some tell than that the their there they this to was we
    were what when where which who whom whose whi why will with would you your
    """.split()
)

OVERFETCH = 16  # rows fetched beyond k, so that ties at the cut are ordered before the cut
DIGITS = 4  # tantivy adds term scores in no fixed order, so the last bits vary
HEAP = 4_000_000_000  # bytes before a writer starts another segment, about tantivy's maximum

FILTER_FIELDS = ("publishers", "authors", "years", "articles")
IndexedText = tuple[str, FilterIds]
"""A text, and the filter ids of its article."""


def without_filters(texts: Iterable[str]) -> Iterator[IndexedText]:
    """Texts without filter ids."""
    return ((text, NO_FILTER_IDS) for text in texts)


class Analyzer:
    """Turns texts into terms; safe to share between threads."""

    def __init__(self) -> None:
        from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

        builder = TextAnalyzerBuilder(Tokenizer.regex(WORDS)).filter(Filter.ascii_fold())
        builder = builder.filter(Filter.lowercase()).filter(Filter.custom_stopword(list(STOP_WORDS)))
        self._analyzer = builder.filter(Filter.stemmer("english")).build()

    def terms(self, text: str) -> list[str]:
        """The terms of a text in order, with repetitions: "Costs of 5.14%" -> cost, of, 5.14."""
        return list(self._analyzer.analyze(unicodedata.normalize("NFC", replace_surrogates(text))))


class LexicalIndex:
    """Terms of sentences and passages by row number; immutable, safe to search from several threads."""

    def __init__(self, indexes: Mapping[Granularity, _TantivyIndex]) -> None:
        self._indexes = indexes
        self._analyzer = Analyzer()

    @staticmethod
    def create(folder: Path, sentences: Iterable[IndexedText], passages: Iterable[IndexedText]) -> None:
        """Write both indexes below `folder`, which must exist and be empty; rows count from 0.

        Nothing is flushed to disk. Raises `OSError` if tantivy cannot write.
        """
        for granularity, texts in ((Granularity.SENTENCE, sentences), (Granularity.PASSAGE, passages)):
            building = folder / f"{granularity}-made"
            building.mkdir(folder.stat().st_mode & 0o777)
            _write(building, texts)
            # A thread of tantivy may create its lock late; after the rename it finds no folder.
            for lock in building.rename(folder / granularity).glob(".tantivy-*.lock"):
                lock.unlink()

    @classmethod
    def open(cls, folder: Path) -> LexicalIndex:
        """Open what `create` wrote; `folder` may be read-only.

        Raises Damaged: an index that tantivy cannot open.
        """
        return cls({granularity: _TantivyIndex(folder / granularity) for granularity in Granularity})

    def terms(self, text: str) -> list[str]:
        """See `Analyzer.terms`."""
        return self._analyzer.terms(text)

    def search(
        self, granularity: str, terms: Sequence[str], k: int, *, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> list[tuple[int, float]]:
        """The k rows with the greatest BM25 score for any of the terms, as (row, score).

        Best first, equal scores by row. A repeated term counts repeatedly; terms are never parsed as query
        language. `filter_ids` restrict the rows and change no score.
        """
        return self._indexes[Granularity(granularity)].search(terms, k, filter_ids)

    def phrase(
        self, granularity: str, terms: Sequence[str], k: int, *, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> list[int]:
        """The k best rows with the terms side by side in this order, best first."""
        hits = self._indexes[Granularity(granularity)].search(terms, k, filter_ids, phrase=len(terms) > 1)
        return [row for row, _ in hits]

    def document_frequency(self, granularity: str, term: str) -> int:
        """How many rows contain the term."""
        return self._indexes[Granularity(granularity)].document_frequency(term)

    def count(self, granularity: str) -> int:
        """Number of rows."""
        return self._indexes[Granularity(granularity)].count


class _TantivyIndex:
    """One opened tantivy index."""

    def __init__(self, folder: Path) -> None:
        self._schema, self._searcher = _open(folder)
        self.count = int(self._searcher.num_docs)

    def document_frequency(self, term: str) -> int:
        return int(self._searcher.doc_freq("text", term))

    def search(
        self, terms: Sequence[str], k: int, filter_ids: FilterIds, *, phrase: bool = False
    ) -> list[tuple[int, float]]:
        """Fetches more until no tie crosses the cut at k, or all rows are fetched."""
        query = self._query(terms, filter_ids, phrase=phrase) if terms else None
        fetch = k + OVERFETCH
        while query and k > 0 and self.count:
            hits = self._fetch(query, min(fetch, self.count))
            no_tie = len(hits) >= k and hits[k - 1][1] > hits[-1][1]
            if no_tie or fetch >= self.count or len(hits) < fetch:
                return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
            fetch *= 4
        return []

    def _query(self, terms: Sequence[str], filter_ids: FilterIds, *, phrase: bool) -> Any:
        """Any of the terms, or all as a phrase, and a clause of score 0 for each field of the filter."""
        from tantivy import Occur, Query

        if phrase:
            query = Query.phrase_query(self._schema, "text", list(terms))
        else:
            queries = [Query.term_query(self._schema, "text", term) for term in terms]
            query = Query.boolean_query([(Occur.Should, query) for query in queries])
        clauses = [Query.term_set_query(self._schema, field, list(ids)) for field, ids in filter_ids.items()]
        required = [(Occur.Must, Query.const_score_query(clause, 0.0)) for clause in clauses]
        return Query.boolean_query([(Occur.Must, query), *required]) if required else query

    def _fetch(self, query: Any, limit: int) -> list[tuple[int, float]]:
        """Counting all matches disables tantivy's pruning, which adds scores in another order."""
        hits = self._searcher.search(query, limit=limit, count=True).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return [(int(row), round(score, DIGITS)) for row, (score, _) in zip(rows, hits, strict=True)]


def _write(folder: Path, texts: Iterable[IndexedText]) -> None:
    """One thread and one segment: equal texts give equal rows and scores."""
    from tantivy import Document, Index, SchemaBuilder

    schema = SchemaBuilder().add_unsigned_field("row", fast=True)
    schema = schema.add_text_field("text", tokenizer_name="whitespace", index_option="position")
    for field in FILTER_FIELDS:
        schema = schema.add_unsigned_field(field, indexed=True)
    analyzer = Analyzer()
    try:
        writer = Index(schema.build(), path=str(folder), reuse=False).writer(HEAP, 1)
        for row, (text, filter_ids) in enumerate(texts):
            document = Document()
            document.add_unsigned("row", row)
            document.add_text("text", " ".join(analyzer.terms(text)))
            for field in FILTER_FIELDS:
                for value in filter_ids.get(field, ()):
                    document.add_unsigned(field, value)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
    except ValueError as error:  # tantivy reports the disk's errors this way, often without a number
        raise os_error_from_message(str(error), folder) from error


def _open(folder: Path) -> tuple[Any, Any]:
    """Schema and searcher."""
    from tantivy import Index

    try:
        with linked(folder) as links:
            index = Index.open(str(links))
            index.config_reader("manual")  # the index never changes
            return index.schema, index.searcher()
    except OSError as error:
        raise Damaged(folder, f"tantivy cannot open it: {error.strerror}") from error
    except ValueError as error:
        cause = os_error_from_message(str(error), folder) if errno_in_message(str(error)) else error
        raise Damaged(folder, f"tantivy cannot open it: {error}") from cause


@contextmanager
def linked(folder: Path) -> Iterator[Path]:
    """A temporary folder of symlinks to the files of `folder`: tantivy creates a lock beside an index.

    Raises:
        IndexFailure: no temporary folder can be made, for example on a full disk.
        OSError: `folder` cannot be listed.
    """
    paths = list(folder.iterdir())
    with ExitStack() as cleanup:
        try:
            temporary = Path(cleanup.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
            links = temporary / "links"
            links.mkdir()
            # A thread of tantivy may create its lock during the removal; after the rename it finds no folder.
            cleanup.callback(links.rename, temporary / "closed")
            for path in paths:
                (links / path.name).symlink_to(path.absolute())
        except OSError as error:
            raise IndexFailure(
                f"no temporary folder can be made: {error}; set TMPDIR to a folder that can be written"
            ) from error
        yield links
