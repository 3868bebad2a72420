"""A folder of files to articles: the walk, the limits, and one reader for each kind of file.

Nothing in a folder stops the walk. What cannot become an article is listed with its reason, and links,
pipes and devices are never followed, opened for long or waited for.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.article import Article, CorpusError, Unreadable
from corpus.canonical import finish
from corpus.docx import docx_draft
from corpus.draft import Draft
from corpus.html import html_draft
from corpus.markdown import markdown_draft
from corpus.pdf import pdf_draft
from corpus.text import decode, text_draft

LARGEST_FILE = 20_000_000
FEWEST_LETTERS = 20
# A text has a tab here and there; a tenth of control characters is no text.
_CONTROL_SHARE = 0.1
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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


@dataclass(frozen=True, slots=True)
class _Found:
    """A file in a walk: where it is, the folder it was reached from, and why it is skipped, if it is."""

    path: Path
    root: Path
    reason: str = ""

    @property
    def source(self) -> str:
        return _printable(self.path.relative_to(self.root).as_posix())


def read_articles(paths: Sequence[Path], *, on_article: Callable[[Article], None] | None = None) -> Reading:
    """Every article in the files and folders, in the order of `paths` and of the names in a folder.

    Raises CorpusError for a path that does not exist. Text that is the same in two files counts once.
    """
    articles: list[Article] = []
    skipped: list[Skipped] = []
    firsts: dict[str, str] = {}
    for found, source in _named([found for path in paths for found in _files(path)]):
        try:
            article = _article(found, source)
            first = firsts.setdefault(article.sha256, source)
            if first != source:
                raise Unreadable(f"same text as {first}")
        except Unreadable as error:
            skipped.append(Skipped(source, _printable(str(error))))
            continue
        articles.append(article)
        if on_article:
            on_article(article)
    return Reading(tuple(articles), tuple(skipped))


def _files(path: Path) -> Iterator[_Found]:
    """The files of a path given by name: itself, or what a walk of it meets."""
    # A link given by name is meant; only links met on the way are not followed.
    real = Path(os.path.realpath(path))
    if os.path.isdir(real):
        yield from sorted(_walk(real), key=lambda found: found.path.as_posix())
    elif os.path.exists(real):
        yield _Found(real, real.parent, _unsuited(real.name))
    else:
        raise CorpusError(f"{_printable(str(path))} does not exist; give a file or a folder of articles")


def _walk(root: Path) -> Iterator[_Found]:
    """What a folder holds, in no order; hidden files and folders are passed over."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                seen = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            yield _Found(folder, root, error.strerror or "cannot be opened")
            continue
        for entry in seen:
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.is_symlink():
                yield _Found(path, root, _link(path, root))
            elif path.stem.casefold() == "readme":
                yield _Found(path, root, "a folder's README, not an article")
            else:
                yield _Found(path, root, _unsuited(entry.name))


def _link(path: Path, root: Path) -> str:
    inside = Path(os.path.realpath(path)).is_relative_to(root)
    return "a link" if inside else "a link out of the folder"


def _unsuited(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return "" if suffix in _READERS else f"not an article: {suffix or 'no suffix'}"


def _named(found: Sequence[_Found]) -> Iterator[tuple[_Found, str]]:
    """Each file once, with a source that no other has: the root's name goes in front of equal ones."""
    firsts: dict[Path, _Found] = {}
    once = [file for file in found if firsts.setdefault(file.path, file) is file]
    plain = Counter(file.source for file in once)
    taken: Counter[str] = Counter()
    for file in once:
        source = file.source
        if plain[source] > 1:
            source = f"{_printable(file.root.name)}/{source}"
        taken[source] += 1
        yield file, source if taken[source] == 1 else f"{source} ({taken[source]})"


def _article(found: _Found, source: str) -> Article:
    if found.reason:
        raise Unreadable(found.reason)
    raw = _bytes(found.path)
    if not raw.strip():
        raise Unreadable("is empty")
    article = finish(_READERS[found.path.suffix.lower()](raw), source)
    if sum(map(str.isalpha, article.text)) < FEWEST_LETTERS:
        raise Unreadable("holds no text")
    return article


def _bytes(path: Path) -> bytes:
    """The bytes of a regular file; a link, pipe or device put in its place meanwhile is refused."""
    try:
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("is not a regular file")
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Unreadable(error.strerror or "cannot be read") from error
    if len(raw) > LARGEST_FILE:
        raise Unreadable(f"is larger than {LARGEST_FILE // 1_000_000} MB")
    return raw


def _text(raw: bytes) -> str:
    text = decode(raw)
    if not text.strip("\ufeff \t\n"):
        raise Unreadable("is empty")
    controls = len(_CONTROLS.findall(text))
    if "\x00" in text or controls > _CONTROL_SHARE * len(text):
        raise Unreadable("is binary, not text")
    return text


def _html(raw: bytes) -> Draft:
    _text(raw)
    return html_draft(raw)


def _printable(name: str) -> str:
    """A name or message on one line: what cannot be shown is written as \\n, \\x1b or \\udcff."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


_READERS: dict[str, Callable[[bytes], Draft]] = {
    **dict.fromkeys((".txt", ".text"), lambda raw: text_draft(_text(raw))),
    **dict.fromkeys((".md", ".markdown"), lambda raw: markdown_draft(_text(raw))),
    **dict.fromkeys((".html", ".htm"), _html),
    ".pdf": pdf_draft,
    ".docx": docx_draft,
}
