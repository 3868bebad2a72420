from __future__ import annotations

import math
from dataclasses import replace

import pytest

from corpus.article import Passage
from corpus.sentence import split_sentences
from index.search import Hit
from qa.answer import Band
from qa.confidence import FACTS, READ_FACTS, Calibration, facts
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
FITTED = Calibration(
    model="words",
    fingerprint="f" * 64,
    reranker="",
    reranker_fingerprint="",
    facts=FACTS,
    weights=(6.0, 2.0, 2.0),
    constant=-4.0,
    steps=(),
    abstain_below=0.35,
    strong_from=0.7,
    fitted_on="nothing",
)


def test_worked_by_hand() -> None:
    # 6 * .5 + 2 * .5 + 2 * 0 - 4 = 0: as likely as not
    assert FITTED.confidence(HIT) == 0.5
    # + 2 when the sentence holds the whole question
    assert FITTED.confidence(replace(HIT, complete=True)) == pytest.approx(1 / (1 + math.exp(-2)))


def test_facts_are_the_ones_named() -> None:
    assert facts(HIT) == (0.5, 0.5, 0.0)
    assert len(facts(HIT)) == len(FACTS)
    read = replace(HIT, rating=-1.5)
    assert facts(read) == (0.5, 0.5, 0.0, -1.5)
    assert len(facts(read)) == len(READ_FACTS)


def test_a_calibration_fits_the_models_it_was_fitted_for() -> None:
    read = replace(
        FITTED, reranker="r", reranker_fingerprint="e" * 64, facts=READ_FACTS, weights=(1, 1, 1, 1)
    )
    assert FITTED.fits("f" * 64, "")
    assert read.fits("f" * 64, "e" * 64)
    assert not FITTED.fits("f" * 64, "e" * 64)
    assert not FITTED.fits("0" * 64, "")
    assert not read.fits("f" * 64, "")
    assert not replace(FITTED, facts=("dense", "old", "complete")).fits("f" * 64, "")
    assert (FITTED.models, read.models) == ("words alone", "words with r")


def test_steps_lead_from_log_odds_to_the_chance_with_straight_lines_between() -> None:
    stepped = replace(FITTED, steps=((-1.0, 0.1), (1.0, 0.5), (3.0, 0.9)))
    # log odds 0, then 2; below and above the steps it is level
    assert stepped.confidence(HIT) == pytest.approx(0.3)
    assert stepped.confidence(replace(HIT, complete=True)) == pytest.approx(0.7)
    assert stepped.chance((0.0, 0.0, 0.0)) == 0.1
    assert stepped.chance((1.0, 1.0, 1.0)) == 0.9


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.99, Band.STRONG),
        (0.7, Band.STRONG),
        (0.69, Band.POSSIBLE),
        (0.35, Band.POSSIBLE),
        (0.34, Band.WEAK),
    ],
)
def test_bands(value: float, word: Band) -> None:
    assert FITTED.band(value) is word


def test_a_threshold_above_one_is_never_reached() -> None:
    assert replace(FITTED, strong_from=1.01).band(1.0) is Band.POSSIBLE
