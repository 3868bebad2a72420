"""Defines a search query and its hits."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.article import Passage, Sentence
from index.embedding.encoder import EncodedQuestion


@dataclass(frozen=True, slots=True)
class Synonym:
    """A text with all of `corpus_terms` counts as containing each of `query_terms`."""

    query_terms: tuple[str, ...]
    corpus_terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """An encoded question, terms for BM25, and phrases that every hit must contain."""

    question: EncodedQuestion
    terms: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    synonyms: tuple[Synonym, ...] = ()

    @property
    def all_terms(self) -> tuple[str, ...]:
        """The terms, then each corpus term of the synonyms once."""
        corpus_terms = (term for synonym in self.synonyms for term in synonym.corpus_terms)
        return (*self.terms, *dict.fromkeys(corpus_terms))


@dataclass(frozen=True, slots=True)
class Hit:
    """A sentence with its score (higher is better) and the scores it came from.

    `phrase_row` is the row with the quoted phrases: its own, or that of a heading, a byline or the like.
    `dense` is the weighted mean cosine of sentence, window and passage (-1 to 1), `lexical` the weighted sum
    of their BM25 scores, `late` the weighted mean of the MaxSim of sentence and window (-1 to 1),
    None without token vectors. `coverage` is the share (0 to 1) of the question's term weight that occurs in
    the window, function words left out. `matched` are the question's terms in the sentence; `complete` if
    only function words are missing from it. `lead` is how much the score is above that of the fifth best.
    `rating` is the reranker's, None without a reranker.
    """

    sentence: Sentence
    passage: Passage
    row: int
    phrase_row: int
    score: float
    dense: float
    lexical: float
    coverage: float
    matched: tuple[str, ...]
    complete: bool
    lead: float = 0.0
    late: float | None = None
    rating: float | None = None
