"""Questions of public sets as staff type them: in haste, misspelt, without capitals."""

from __future__ import annotations

import random

from training.calibration_corpora import in_haste

# Shares of the questions, added up: without small words, misspelt, both, without capitals and question mark.
_HASTE, _MISSPELT, _BOTH, _PLAIN = 0.12, 0.22, 0.27, 0.32
_SHORTEST = 4


def as_typed(question: str, chance: random.Random) -> str:
    """The question, about one in three changed."""
    drawn = chance.random()
    if drawn < _HASTE:
        return in_haste(question)
    if drawn < _MISSPELT:
        return misspelt(question, chance)
    if drawn < _BOTH:
        return misspelt(in_haste(question), chance)
    return question.lower().rstrip("?") if drawn < _PLAIN else question


def misspelt(question: str, chance: random.Random) -> str:
    """One or two words with a letter left out, two swapped or one doubled, in lower case."""
    words = question.split()
    for _ in range(chance.choice((1, 1, 2))):
        position = chance.randrange(len(words))
        words[position] = _slip(words[position], chance)
    return " ".join(words).lower()


def _slip(word: str, chance: random.Random) -> str:
    if len(word) < _SHORTEST:
        return word
    at, drawn = chance.randrange(1, len(word) - 1), chance.random()
    if drawn < 0.4:
        return word[:at] + word[at + 1 :]
    if drawn < 0.8:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at] + word[at:]
