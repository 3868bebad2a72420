"""A query, its hits, and the weights of the fusion."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.article import Passage, Sentence
from index.storage.arrays import Vectors


@dataclass(frozen=True, slots=True)
class Synonym:
    """Other words for some of a query's: a text that holds all terms of `said` counts as holding `asked`."""

    query_terms: tuple[str, ...]
    corpus_terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: a vector (dimension,), its terms, and phrases every result must hold."""

    vector: Vectors
    terms: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    synonyms: tuple[Synonym, ...] = ()

    @property
    def all_terms(self) -> tuple[str, ...]:
        """The terms and those of the alternatives, each alternative's once."""
        return (*self.terms, *dict.fromkeys(term for other in self.synonyms for term in other.corpus_terms))


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each of the six scores counts: `levels` are sentence, window and passage.

    A weight of 0 leaves a score out, so that an ablation is a search like any other.
    """

    dense: float = 1.0
    lexical: float = 0.5
    levels: tuple[float, float, float] = (1.0, 0.4, 0.3)


DEFAULT_WEIGHTS = FusionWeights()


@dataclass(frozen=True, slots=True)
class Hit:
    """A sentence found, best first by `score`, with the scores it came from.

    `dense` is the weighted mean cosine of sentence, window and passage (-1 to 1), `lexical` the weighted sum
    of their BM25 scores, `coverage` the share (0 to 1) of the question's term weight that occurs in the
    window, function words left out. `matched` are the question's terms in the sentence, `complete` says
    that no term but function words is missing from it. `rating` is a reranker's, None without one.
    """

    sentence: Sentence
    passage: Passage
    row: int
    score: float
    dense: float
    lexical: float
    coverage: float
    matched: tuple[str, ...]
    complete: bool
    rating: float | None = None
