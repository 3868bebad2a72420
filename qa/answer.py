"""Types of an answer: ranked, cited extracts, or the nearest passages where none may be claimed to answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from corpus.article import Article, Passage, Span
from index.search.query import Hit


class Band(StrEnum):
    """Confidence in words: percentages are misread as the chance that a statement is true."""

    STRONG = "strong"
    POSSIBLE = "possible"
    WEAK = "weak"
    UNRATED = "unrated"

    @property
    def label(self) -> str:
        """The label of an extract: "strong match", or "match, not rated" without a calibration."""
        return "match, not rated" if self is Band.UNRATED else f"{self} match"


class State(StrEnum):
    """Whether the articles answer: yes; the closest passage may; no."""

    ANSWERED = "answered"
    UNSURE = "unsure"
    NONE = "none"


class Citation(Span):
    """A span of an article's text, quoted word for word."""

    __slots__ = ()

    @property
    def address(self) -> str:
        """Article id and offsets: "ab12:40-95"."""
        return f"{self.article.id}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Extract:
    """One to three whole sentences of one article, word for word.

    `start` and `end` are the span shown, `answer` the span marked in it and `context` a wider span, all
    offsets of the article's canonical text. `score` (higher is better) ranks the extracts of one answer and
    is not comparable between questions; `confidence` (0 to 1, never above that of a better-ranked extract)
    is, and is None without a calibration. `key` is the part of `answer` that answers by itself, such
    as a date, or None where that is not sure. `matched` are the question's terms in the marked text, `hit`
    is the best sentence.
    """

    rank: int
    passage: Passage
    start: int
    end: int
    answer: tuple[int, int]
    score: float
    confidence: float | None
    band: Band
    matched: tuple[str, ...] = ()
    also_in: tuple[Citation, ...] = ()
    hit: Hit | None = None
    context: tuple[int, int] | None = None
    key: tuple[int, int] | None = None

    @property
    def article(self) -> Article:
        """The article quoted."""
        return self.passage.article

    @property
    def text(self) -> str:
        """The text shown, a slice of the article's text."""
        return self.article.text[self.start : self.end]

    @property
    def answer_text(self) -> str:
        """The text marked."""
        return self.article.text[self.answer[0] : self.answer[1]]

    @property
    def key_text(self) -> str:
        """The text of `key`, "" for none."""
        return self.article.text[slice(*self.key)] if self.key else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, best extract first.

    `extracts` is filled if the state is answered; otherwise `nearest` holds the closest passages.
    `confidence` (0 to 1) is the calibrated probability that the first extract answers; None without a
    calibration: then every extract counts as an answer. `generation` names the index. `expansions` are words
    that were searched besides those of the question, or instead of misspelt ones.
    `differing` are the ranks of two extracts, of two articles, whose keys contradict each other.
    """

    question: str
    extracts: tuple[Extract, ...]
    nearest: tuple[Extract, ...]
    confidence: float | None
    band: Band
    state: State
    generation: str
    expansions: tuple[str, ...] = ()
    differing: tuple[int, int] | None = None

    @property
    def differing_extracts(self) -> tuple[Extract, ...]:
        """The two extracts of `differing`, or none."""
        ranks = self.differing or ()
        return tuple(extract for extract in self.extracts if extract.rank in ranks)

    @property
    def abstained(self) -> bool:
        """Whether no extract is claimed to answer: unsure or none."""
        return self.state is not State.ANSWERED

    @property
    def calibrated(self) -> bool:
        """Whether there is a confidence, and bands are rated."""
        return self.confidence is not None
