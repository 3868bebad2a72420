"""Reads files into articles, and lists the files that did not become one with the reason.

No file stops the reading: a file that harms its reading process costs no other file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.article import Article, Unreadable
from corpus.sandbox.pool import Outcome, Workers
from corpus.sources.folder import printable
from corpus.sources.listing import listed_files


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that did not become an article; `source` is safe to print, `reason` continues its sentence."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Articles and skipped files, both in the order of their sources."""

    articles: tuple[Article, ...]
    skipped: tuple[Skipped, ...]


def read_articles(
    paths: Sequence[Path],
    *,
    on_article: Callable[[Article], None] | None = None,
    workers: Workers | None = None,
) -> Reading:
    """Every article in the files and folders, in the order of `paths` and of the names in a folder.

    A text that occurs in two files counts once. `workers` are closed afterwards. Raises CorpusError for a
    path that does not exist, or a folder that disappears meanwhile.
    """
    files = listed_files([str(path) for path in paths])
    with workers or Workers() as pool:
        return collect(pool.read(files), on_article=on_article)


def collect(
    outcomes: Iterable[tuple[str, Outcome]], *, on_article: Callable[[Article], None] | None = None
) -> Reading:
    """The articles and skipped files of these outcomes, given by source and in order."""
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
