"""Training questions in other forms: as people type them, in other words, without the answer's words."""

from __future__ import annotations

import random

from index.retrieval.lexical_index import FUNCTION_TERMS
from training.calibration_corpora import in_haste
from training.encoder.rows import Row
from training.encoder.wordnet import synonyms

_REPLACED, _LEFT_OUT = 0.3, 0.5
"""Questions with synonyms, and (added up) questions without some words of their answer."""
_EACH = 0.5  # of the words that could be replaced or left out
_FEWEST = 4  # words of a question from which some may be left out
# Shares of the others, added up: without small words, misspelt, both, without capitals and question mark.
_HASTE, _MISSPELT, _BOTH, _PLAIN = 0.12, 0.22, 0.27, 0.32
_SHORTEST = 4  # letters of a word that is misspelt


def vary(row: Row, chance: random.Random) -> str:
    """The question of a row, about half of them changed."""
    drawn = chance.random()
    if drawn < _REPLACED:
        return _in_other_words(row.question, chance)
    if drawn < _LEFT_OUT:
        return _without_words_of_the_answer(row, chance)
    return as_typed(row.question, chance)


def _bare(word: str) -> str:
    return word.strip("?.,;:!\"'()").lower()


def _in_other_words(question: str, chance: random.Random) -> str:
    words = question.split()
    for number, word in enumerate(words):
        others = synonyms(_bare(word))
        if others and _bare(word) not in FUNCTION_TERMS and chance.random() < _EACH:
            words[number] = chance.choice(others)
    return " ".join(words)


def _without_words_of_the_answer(row: Row, chance: random.Random) -> str:
    words = row.question.split()
    answer = {_bare(word) for text in row.answer_texts for word in text.split()}
    left = [
        word
        for word in words
        if _bare(word) in FUNCTION_TERMS or _bare(word) not in answer or chance.random() > _EACH
    ]
    content = [word for word in left if _bare(word) not in FUNCTION_TERMS]
    return " ".join(left) if len(content) > 1 and len(left) >= _FEWEST else row.question


def as_typed(question: str, chance: random.Random) -> str:
    """The question as staff type it: about one in three in haste, misspelt or without capitals."""
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
