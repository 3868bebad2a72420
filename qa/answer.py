"""The answer: ranked, cited extracts, or the nearest passages and the statement that none answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from corpus.article import Article, Passage
from index.search.query import Hit


class Band(StrEnum):
    """How well an extract answers, in words: percentages are misread as the chance of being true."""

    STRONG = "strong"
    POSSIBLE = "possible"
    WEAK = "weak"
    UNRATED = "unrated"

    @property
    def label(self) -> str:
        """What stands above an extract: "strong match", or "match, not rated" without a calibration."""
        return "match, not rated" if self is Band.UNRATED else f"{self} match"


@dataclass(frozen=True, slots=True)
class Place:
    """A half-open span of an article that says what an extract says."""

    article: Article
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extract:
    """One to three whole sentences of one article, word for word.

    `start` and `end` are the span shown, `answer` the span marked in it and `context` a wider span to read it
    in, all offsets of the article's canonical text. `score` ranks the extracts of one answer (higher is
    better) and compares with no other question's; `confidence` (0 to 1, never above that of a better-ranked
    extract) does, and is None where the model is not calibrated. `matched` are the question's terms found in
    the marked text, `hit` is the sentence found that the rest was put around.
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
    also_in: tuple[Place, ...] = ()
    hit: Hit | None = None
    context: tuple[int, int] | None = None

    @property
    def article(self) -> Article:
        """The article quoted."""
        return self.passage.article

    @property
    def text(self) -> str:
        """What is shown, a slice of the article's text."""
        return self.article.text[self.start : self.end]

    @property
    def answer_text(self) -> str:
        """What is marked in it."""
        return self.article.text[self.answer[0] : self.answer[1]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles say to a question, best first.

    Either `extracts` is filled, or `abstained` is true and `nearest` holds the closest passages.
    `confidence` (0 to 1) is the calibrated chance that the articles answer, judged by the first extract;
    None where the model is not calibrated: then nothing found is withheld. `generation` names the index that
    answered. `expansions` are words that the question did not hold, or held misspelt, and the search did.
    """

    question: str
    extracts: tuple[Extract, ...]
    nearest: tuple[Extract, ...]
    confidence: float | None
    band: Band
    abstained: bool
    generation: str
    expansions: tuple[str, ...] = ()

    @property
    def calibrated(self) -> bool:
        """Whether confidence and bands mean anything."""
        return self.confidence is not None


@dataclass(frozen=True, slots=True)
class Citation:
    """A half-open span of an article's text, quoted word for word."""

    article: Article = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The quotation, a slice of the article's text."""
        return self.article.text[self.start : self.end]

    @property
    def address(self) -> str:
        """Where it stands in the index: "ab12:40-95"."""
        return f"{self.article.id}:{self.start}-{self.end}"
