"""A folder of files to articles, and to a list of what did not become one.

Nothing in a folder stops the reading. What cannot become an article is listed with its reason; what a file
does to the process that reads it costs no other file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.article import Article, Unreadable
from corpus.sandbox.pool import Outcome, Workers
from corpus.sources.folder import found_files, printable


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that did not become an article; `source` is safe to print, `reason` reads on from it."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder held: its articles and what was skipped, both in the order of their sources."""

    articles: tuple[Article, ...]
    skipped: tuple[Skipped, ...]


def read_articles(
    paths: Sequence[Path],
    *,
    on_article: Callable[[Article], None] | None = None,
    workers: Workers | None = None,
) -> Reading:
    """Every article in the files and folders, in the order of `paths` and of the names in a folder.

    Raises CorpusError for a path that does not exist. Text that is the same in two files counts once.
    `workers` do the reading and are ended with it.
    """
    files = list(found_files(paths))
    with workers or Workers() as reading:
        return gathered(reading.read(files), on_article=on_article)


def gathered(
    outcomes: Iterable[tuple[str, Outcome]], *, on_article: Callable[[Article], None] | None = None
) -> Reading:
    """What came of each file, by source and in order, as a whole."""
    articles: list[Article] = []
    skipped: list[Skipped] = []
    firsts: dict[str, str] = {}
    for source, outcome in outcomes:
        if not isinstance(outcome, Unreadable) and firsts.setdefault(outcome.sha256, source) != source:
            outcome = Unreadable(f"same text as {firsts[outcome.sha256]}")
        if isinstance(outcome, Unreadable):
            skipped.append(Skipped(source, printable(str(outcome))))
            continue
        articles.append(outcome)
        if on_article:
            on_article(outcome)
    return Reading(tuple(articles), tuple(skipped))
