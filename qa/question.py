"""Parses a typed question: NFC, no control characters, quoted phrases."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from qa.errors import EmptyQuestion, LongQuestion

# A tokenizer reads the whole text before it truncates: ten million characters took over ten seconds.
MAX_CHARACTERS = 2_000

# A quotation mark after a letter or digit opens no phrase: 5" is a length.
_QUOTED = re.compile(r"(?<!\w)[\"“„«]([^\"“”„«»]*)[\"“”»](?!\w)")


@dataclass(frozen=True, slots=True)
class Question:
    """A question in NFC without control characters, and its phrases in double quotes."""

    text: str
    phrases: tuple[str, ...] = ()


def read_question(raw: str) -> Question:
    """The question in `raw`. Raises EmptyQuestion, and LongQuestion beyond MAX_CHARACTERS."""
    if len(raw) > MAX_CHARACTERS:
        raise LongQuestion(len(raw), MAX_CHARACTERS)
    composed = unicodedata.normalize("NFC", raw)
    # Control characters and surrogates break tokenizers; white space among them separates words.
    plain = "".join(" " if c.isspace() else c for c in composed if c.isspace() or not _is_control(c))
    text = " ".join(plain.split())
    if not any(c.isalnum() for c in text):
        raise EmptyQuestion("the question is empty: type a few words")
    phrases = (" ".join(phrase.split()) for phrase in _QUOTED.findall(text))
    # Each once: every phrase costs a search, and a question has room for 333 times "the".
    distinct = dict.fromkeys(phrase for phrase in phrases if any(c.isalnum() for c in phrase))
    return Question(text, tuple(distinct))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Cn")
