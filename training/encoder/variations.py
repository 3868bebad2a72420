"""Training questions in other forms: as people type them, in other words, without the answer's words."""

from __future__ import annotations

import random

from index.retrieval.lexical_index import FUNCTION_TERMS
from training.encoder.rows import Row
from training.encoder.wordnet import synonyms
from training.typed_queries import as_typed

_REPLACED, _LEFT_OUT = 0.2, 0.35
"""Questions with synonyms, and (added up) questions without some words of their answer."""
_EACH = 0.5  # of the words that could be replaced or left out
_FEWEST = 4  # words of a question from which some may be left out


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
