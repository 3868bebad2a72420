"""What is kept of a measured question: enough to see why it failed without the articles at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cited:
    """A piece of text from an article or a document, with what is said of it.

    As evidence: `text` is its paragraph, `start` and `end` the span in it that counts, `grade` its grade.
    As shown: `text` is the extract, the span what is marked in it, `grade` that of the marked answer,
    `whole` that of the whole extract, `valid` whether the citation is true.
    """

    source: str
    text: str
    start: int
    end: int
    grade: int
    whole: int = 0
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One question, measured.

    `measures` holds the measures that apply, by name. `confidence` is None when the system gave none.
    `ranks` tells for each stage of the search at which rank the first evidence stood (None: nowhere).
    `ranking` lists the documents found, best first, and `judged` their grades as far as they are known.
    `error` says why a question could not be asked at all.
    """

    id: str
    question: str
    type: str
    answerable: bool
    abstained: bool
    confidence: float | None
    seconds: float
    measures: Mapping[str, float]
    ranks: Mapping[str, int | None] = field(default_factory=dict)
    evidence: tuple[Cited, ...] = ()
    shown: tuple[Cited, ...] = ()
    ranking: tuple[str, ...] = ()
    judged: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    error: str = ""
