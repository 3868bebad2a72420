"""Splits articles into passages: paragraphs that fit the encoder's window, made of whole sentences."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from corpus.article import Passage, Sentence

# Separates sentences for the splitter, which can cut only there; canonical texts never contain it.
_MARK = "\x1e"


def split_passages(
    sentences: Sequence[Sentence], *, limit: int, count_tokens: Callable[[str], int]
) -> list[Passage]:
    """Passages of at most `limit` tokens (as `count_tokens` counts them), in order, without overlap.

    A passage is one paragraph with the headings above it, or as many of its sentences as fit. Every sentence
    lies in exactly one passage; only a sentence that alone exceeds the limit is cut.
    """
    from langchain_text_splitters import CharacterTextSplitter

    # It warns of every sentence that is cut here afterwards: ten thousand lines for one file.
    logging.getLogger("langchain_text_splitters.base").setLevel(logging.ERROR)
    counted = lru_cache(maxsize=None)(count_tokens)  # the splitter calls it several times per text

    # Offsets come from counting the sentences of each chunk. The splitter's own start index is found by
    # searching the text, which fails when lengths are not characters.
    splitter = CharacterTextSplitter(
        separator=_MARK,
        chunk_size=limit,
        chunk_overlap=0,
        length_function=lambda text: counted(text.replace(_MARK, " ")),
        strip_whitespace=False,
    )
    passages: list[Passage] = []
    for paragraph in _paragraphs(sentences):
        first = 0
        for piece in splitter.split_text(_MARK.join(sentence.text for sentence in paragraph)):
            last = first + piece.count(_MARK)
            whole = Passage(paragraph[0].article, paragraph[first].start, paragraph[last].end)
            # Joined sentences fit: a text has no more tokens than its parts together.
            alone = first == last
            passages += _fitting(whole, limit=limit, count_tokens=counted) if alone else [whole]
            first = last + 1
    return passages


def _paragraphs(sentences: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    """The sentences of each paragraph, with the headings above it."""
    number, after_heading = 0, True
    keys = []
    for before, sentence in zip([None, *sentences], sentences, strict=False):
        apart = before is None or before.article is not sentence.article or "\n" in _gap(before, sentence)
        if apart and (not after_heading or (before and before.article is not sentence.article)):
            number += 1
        keys.append(number)
        after_heading = sentence.heading
    for _, group in groupby(zip(keys, sentences, strict=True), key=lambda pair: pair[0]):
        yield [sentence for _, sentence in group]


def _gap(before: Sentence, sentence: Sentence) -> str:
    return before.article.text[before.end : sentence.start]


def _fitting(passage: Passage, *, limit: int, count_tokens: Callable[[str], int]) -> list[Passage]:
    """The passage, or its parts if one sentence alone exceeds the limit."""
    if count_tokens(passage.text) <= limit:
        return [passage]
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=["; ", ", ", " ", ""],
        keep_separator="end",
        chunk_size=limit,
        chunk_overlap=0,
        length_function=count_tokens,
        strip_whitespace=False,
    )
    parts: list[Passage] = []
    start = passage.start
    for piece in splitter.split_text(passage.text):
        lead = len(piece) - len(piece.lstrip())
        if piece.strip():
            parts.append(Passage(passage.article, start + lead, start + len(piece.rstrip())))
        start += len(piece)
    return parts
