from __future__ import annotations

import math
from dataclasses import replace

import pytest

from corpus.article import Passage
from corpus.sentence import split_sentences
from index.search import Hit
from qa.answer import Band
from qa.confidence import ABSTAIN_BELOW, band, confidence
from tests.fakes import article

SENTENCE = split_sentences(article("a", "It rained."))[0]
HIT = Hit(
    SENTENCE,
    Passage(SENTENCE.article, 0, 10),
    0,
    1.0,
    dense=0.5,
    lexical=3.0,
    coverage=0.5,
    matched=(),
    complete=False,
)


def test_worked_by_hand() -> None:
    # 5.868 * .5 + 1.831 * .5 - 3.780 = 0.0695
    assert confidence(HIT) == pytest.approx(1 / (1 + math.exp(-0.0695)), abs=1e-3)
    # + 2.025 when the sentence holds the whole question
    assert confidence(replace(HIT, complete=True)) == pytest.approx(1 / (1 + math.exp(-2.0945)), abs=1e-3)


def test_nearer_and_fuller_is_surer() -> None:
    assert confidence(replace(HIT, dense=0.6)) > confidence(HIT) > confidence(replace(HIT, coverage=0.4))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.99, Band.STRONG),
        (0.7, Band.STRONG),
        (0.69, Band.POSSIBLE),
        (ABSTAIN_BELOW, Band.POSSIBLE),
        (0.3, Band.WEAK),
    ],
)
def test_bands(value: float, word: Band) -> None:
    assert band(value) is word
