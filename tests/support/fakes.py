"""Small stand-ins behind the house's own interfaces, with values that can be worked out by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from index.embedding.encoder import TOKEN_SCALE, EncodedPassages, EncodedQuestion, PassageText
from index.retrieval.filter import Filter
from index.search.rerank import Reading
from index.storage.durable_io import Disk

DIMENSION = 32


def bucket(word: str) -> int:
    """The place of a word in a vector: the first byte of its SHA-256, modulo the dimension."""
    return hashlib.sha256(word.encode("utf-8", "replace")).digest()[0] % DIMENSION


class WordEncoder:
    """Counts words: each adds 1 at its bucket, then the vector is made 1 long; a word is a token.

    `encoded` lists all texts, passages whole.
    """

    name = "words"
    dimension = token_dimension = DIMENSION
    pools_late = True
    max_tokens = 24

    def __init__(self, *, fingerprint: str = "f" * 64) -> None:
        self.fingerprint = fingerprint
        self.encoded: list[str] = []

    def count_tokens(self, text: str) -> int:
        return len(text.split()) + 2

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        sums = np.array([word_vectors(text).sum(axis=0) for text in texts]).reshape(-1, DIMENSION)
        for _ in texts if progress else ():
            progress(1)  # type: ignore[misc]
        self.encoded += texts
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        tokens = map(word_vectors, texts)
        return [
            EncodedQuestion(vector, words / np.float32(len(words)))
            for vector, words in zip(self.encode(texts), tokens, strict=True)
        ]

    def encode_passages(
        self, passages: Sequence[PassageText], *, progress: Callable[[int], None] | None = None
    ) -> EncodedPassages:
        words = [
            word_vectors(passage.text[start:end]) for passage in passages for start, end in passage.sentences
        ]
        sums = np.array([each.sum(axis=0) for each in words]).reshape(-1, DIMENSION)
        lengths = np.linalg.norm(sums, axis=1)
        for _ in passages if progress else ():
            progress(1)  # type: ignore[misc]
        self.encoded += [passage.text for passage in passages]
        return EncodedPassages(
            counts=np.array([len(passage.sentences) for passage in passages], dtype=np.int64),
            vectors=np.asarray(sums / lengths[:, None], dtype=np.float32),
            lengths=lengths.astype(np.float32),
            token_counts=np.array([len(each) for each in words], dtype=np.int64),
            tokens=(np.concatenate([np.zeros((0, DIMENSION)), *words]) * TOKEN_SCALE).astype(np.int8),
        )


def word_vectors(text: str) -> NDArray[np.float32]:
    """1 at the bucket of each word, shape (words, dimension); a text without a word counts as one empty word."""
    return np.eye(DIMENSION, dtype=np.float32)[[bucket(word) for word in text.lower().split() or [""]]]


class CountingReranker:
    """Rates a sentence by how many of the question's words it holds. `read` lists all questions and readings."""

    name = "counting"
    fingerprint = "c" * 64

    def __init__(self) -> None:
        self.read: list[tuple[str, Reading]] = []

    def rate(self, question: str, readings: Sequence[Reading]) -> NDArray[np.float32]:
        self.read += [(question, reading) for reading in readings]
        asked = set(question.lower().split())
        held = (len(asked & set(reading.sentence.lower().rstrip(".").split())) for reading in readings)
        return np.fromiter(held, dtype=np.float32)


class FailingDisk(Disk):
    """Raises `error` at the step of this number, counted from 0, and at every later one if `forever`."""

    def __init__(self, error: OSError, *, at: int, forever: bool = False) -> None:
        self._error = error
        self._at = at
        self._forever = forever
        self.steps: list[tuple[str, Path]] = []

    def step(self, operation: str, path: Path) -> None:
        """Fail when the time has come."""
        number = len(self.steps)
        self.steps.append((operation, path))
        if number == self._at or (self._forever and number > self._at):
            raise OSError(self._error.errno, self._error.strerror, str(path))


def article(name: str, *paragraphs: str, heading: str = "") -> Article:
    """An article of these paragraphs under an optional heading; `name` is its id and its source."""
    text = "\n\n".join([heading, *paragraphs] if heading else paragraphs)
    return Article(
        id=name,
        title=heading,
        text=text,
        source=f"{name}.md",
        url=f"https://example.org/{name}",
        author="Ada Lovelace",
        publisher="The Gazette",
        published="2024-05-06",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        headings=((0, len(heading)),) if heading else (),
        metadata={"tags": "a, b"},
    )


def passes(where: Filter, article: Article) -> bool:
    """Whether an article passes a filter, by looking at the article itself: what columns are compared with."""
    authors = article.author.replace(" & ", ",").replace(" and ", ",").split(",")
    values = (
        (where.articles, [article.id, article.source]),
        (where.authors, [article.author, *filter(None, map(str.strip, authors))]),
        (where.publishers, [article.publisher]),
        (where.years, [article.published[:4]]),
    )
    return all(
        not names or {name.casefold() for name in names} & {value.casefold() for value in own}
        for names, own in values
    )
