"""A question as it is typed, made safe to search with."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from qa.errors import EmptyQuestion, LongQuestion

# A tokenizer reads the whole text before it cuts: ten million characters cost it over ten seconds.
MAX_CHARACTERS = 2_000

# A mark behind a letter or digit opens nothing: 5" is a length.
_QUOTED = re.compile(r"(?<!\w)[\"“„«]([^\"“”„«»]*)[\"“”»](?!\w)")


@dataclass(frozen=True, slots=True)
class Question:
    """A question in NFC without control characters, and the phrases that stood in double quotes."""

    text: str
    phrases: tuple[str, ...] = ()


def read_question(raw: str) -> Question:
    """The question in `raw`.

    Raises EmptyQuestion when nothing is left to ask, LongQuestion when it has more than MAX_CHARACTERS.
    """
    if len(raw) > MAX_CHARACTERS:
        raise LongQuestion(len(raw), MAX_CHARACTERS)
    composed = unicodedata.normalize("NFC", raw)
    # Controls and surrogates break tokenizers; white space among them separates words.
    plain = "".join(" " if c.isspace() else c for c in composed if c.isspace() or not _unsayable(c))
    text = " ".join(plain.split())
    if not any(c.isalnum() for c in text):
        raise EmptyQuestion
    phrases = (" ".join(phrase.split()) for phrase in _QUOTED.findall(text))
    return Question(text, tuple(phrase for phrase in phrases if any(c.isalnum() for c in phrase)))


def _unsayable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Cn")
