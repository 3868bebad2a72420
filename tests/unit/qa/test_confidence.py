from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.article import Passage
from corpus.sentences import split_sentences
from index.embedding.load import load_encoder
from index.embedding.shipped_models import DEFAULT_MODEL
from index.errors import BuildFailed
from index.search.query import Hit
from qa.answer import Band, State
from qa.confidence import (
    CALIBRATION,
    FEATURES,
    SHIPPED,
    Costs,
    calibration_for,
    features,
    read_calibration,
    write_calibration,
)
from qa.errors import CalibrationRefused
from tests.support.fakes import FailingDisk, article
from tests.support.sample_answers import SAMPLE_CALIBRATION

STEPPED = replace(SAMPLE_CALIBRATION, steps=((-1.0, 0.1), (1 / 3, 0.9)))


@pytest.mark.parametrize("written", [SAMPLE_CALIBRATION, STEPPED])
def test_what_is_written_is_read(written: object, tmp_path: Path) -> None:
    assert isinstance(written, type(SAMPLE_CALIBRATION))
    write_calibration(tmp_path / CALIBRATION, written)
    assert read_calibration(tmp_path / CALIBRATION) == written


def test_there_may_be_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path / CALIBRATION) is None
    assert calibration_for("f" * 64, "", tmp_path) is None


def test_the_data_folders_counts_for_its_model_alone(tmp_path: Path) -> None:
    write_calibration(tmp_path / CALIBRATION, SAMPLE_CALIBRATION)
    assert calibration_for("f" * 64, "", tmp_path) == SAMPLE_CALIBRATION
    assert calibration_for("0" * 64, "", tmp_path) is None


def test_one_of_other_facts_does_not_count(tmp_path: Path) -> None:
    write_calibration(
        tmp_path / CALIBRATION, replace(SAMPLE_CALIBRATION, facts=("pooled", "old", "complete"))
    )
    assert calibration_for("f" * 64, "", tmp_path) is None


def test_the_model_ships_with_one_and_the_data_folders_comes_first(tmp_path: Path) -> None:
    fingerprint = load_encoder().fingerprint
    shipped = calibration_for(fingerprint, "", tmp_path)
    assert shipped is not None
    assert 0 < shipped.strong_from < 1
    assert calibration_for(fingerprint, "e" * 64, tmp_path) is None
    own = replace(SAMPLE_CALIBRATION, fingerprint=fingerprint)
    write_calibration(tmp_path / CALIBRATION, own)
    assert calibration_for(fingerprint, "", tmp_path) == own


def test_no_character_of_the_file_may_change(tmp_path: Path) -> None:
    path = tmp_path / CALIBRATION
    write_calibration(path, STEPPED)
    sound = path.read_bytes()
    for place in range(len(sound)):
        changed = bytearray(sound)
        changed[place] ^= 1
        path.write_bytes(changed)
        told = refusal(path)
        # White space between values says nothing; everything else does.
        assert told or read_calibration(path) == STEPPED
        assert not told or (str(path) in told and "qa eval calibrate" in told)


def refusal(path: Path) -> str:
    try:
        read_calibration(path)
    except CalibrationRefused as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [1.0]},
        {"weights": [1.0, 2.0, float("nan")]},
        {"steps": [[1.0, 0.5], [1.0, 0.6]]},
        {"extra": 1},
        {"abstain_below": 0.3},
        {"facts": None},
    ],
)
def test_a_calibration_that_cannot_be_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    from qa.confidence import seal_of

    path = tmp_path / CALIBRATION
    write_calibration(path, SAMPLE_CALIBRATION)
    written = json.loads(path.read_text()) | change
    del written["seal"]
    path.write_text(json.dumps({**written, "seal": seal_of(written)}))
    with pytest.raises(CalibrationRefused, match="does not hold a calibration"):
        read_calibration(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"seal": 1}'])
def test_something_else_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / CALIBRATION).write_text(content)
    with pytest.raises(CalibrationRefused):
        read_calibration(tmp_path / CALIBRATION)


@pytest.mark.parametrize("step", range(5))
def test_a_write_that_fails_leaves_the_old_one(step: int, tmp_path: Path) -> None:
    path = tmp_path / CALIBRATION
    write_calibration(path, SAMPLE_CALIBRATION)
    with pytest.raises(BuildFailed):
        write_calibration(path, STEPPED, disk=FailingDisk(OSError(28, "No space left"), at=step))
    # The last step flushes the folder: the new file is whole by then.
    assert read_calibration(path) == (STEPPED if step == 4 else SAMPLE_CALIBRATION)


def test_the_calibration_that_ships_is_of_the_shipped_model_alone() -> None:
    shipped = [read_calibration(path) for path in SHIPPED.glob("*.json")]
    assert [(one.model, one.reranker, one.facts) for one in shipped if one] == [
        (DEFAULT_MODEL, "", FEATURES[:-1])
    ]


SENTENCE = split_sentences(article("a", "It rained."))[0]
HIT = Hit(
    SENTENCE,
    Passage(SENTENCE.article, 0, 10),
    0,
    0,
    1.0,
    dense=0.5,
    lexical=3.0,
    coverage=0.5,
    matched=(),
    complete=False,
)


def test_worked_by_hand() -> None:
    # 6 * .5 + 2 * .5 + 2 * 0 - 4 = 0: as likely as not
    assert SAMPLE_CALIBRATION.confidence(HIT) == 0.5
    # + 2 when the sentence holds the whole question
    assert SAMPLE_CALIBRATION.confidence(replace(HIT, complete=True)) == pytest.approx(1 / (1 + math.exp(-2)))


def test_facts_are_the_ones_named() -> None:
    known = {"pooled": 0.5, "coverage": 0.5, "complete": 0.0, "lead": 0.0}
    assert features(HIT) == known
    assert features(replace(HIT, lead=0.4)) == {**known, "lead": 0.4}
    assert features(replace(HIT, rating=-1.5)) == {**known, "rating": -1.5}
    late = replace(HIT, late=0.7)
    assert features(late) == {**known, "maxsim": 0.7}
    assert tuple(features(replace(late, rating=1.0))) == FEATURES


def test_a_calibration_fits_the_models_it_was_fitted_for() -> None:
    read = replace(
        SAMPLE_CALIBRATION,
        reranker="r",
        reranker_fingerprint="e" * 64,
        facts=("pooled", "coverage", "complete", "rating"),
        weights=(1, 1, 1, 1),
    )
    assert SAMPLE_CALIBRATION.fits("f" * 64, "")
    assert read.fits("f" * 64, "e" * 64)
    assert not SAMPLE_CALIBRATION.fits("f" * 64, "e" * 64)
    assert not SAMPLE_CALIBRATION.fits("0" * 64, "")
    assert not read.fits("f" * 64, "")
    assert not replace(SAMPLE_CALIBRATION, facts=("pooled", "old", "complete")).fits("f" * 64, "")
    assert (SAMPLE_CALIBRATION.models, read.models) == ("words alone", "words with r")


def test_steps_lead_from_log_odds_to_the_chance_with_straight_lines_between() -> None:
    stepped = replace(SAMPLE_CALIBRATION, steps=((-1.0, 0.1), (1.0, 0.5), (3.0, 0.9)))
    # log odds 0, then 2; below and above the steps it is level
    assert stepped.confidence(HIT) == pytest.approx(0.3)
    assert stepped.confidence(replace(HIT, complete=True)) == pytest.approx(0.7)
    assert stepped.chance((0.0, 0.0, 0.0)) == 0.1
    assert stepped.chance((1.0, 1.0, 1.0)) == 0.9


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.99, Band.STRONG),
        (0.8, Band.STRONG),
        (0.79, Band.POSSIBLE),
        (0.75, Band.POSSIBLE),
        (0.74, Band.WEAK),
    ],
)
def test_bands(value: float, word: Band) -> None:
    assert SAMPLE_CALIBRATION.band(value, Costs()) is word


def test_a_threshold_above_one_is_never_reached() -> None:
    assert replace(SAMPLE_CALIBRATION, strong_from=1.01).band(1.0, Costs()) is Band.POSSIBLE


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (1.0, State.ANSWERED),
        (0.75, State.ANSWERED),
        (0.7499, State.UNSURE),
        (1 / 11, State.UNSURE),
        (0.09, State.NONE),
        (0.0, State.NONE),
    ],
)
def test_states_follow_from_costs(value: float, state: State) -> None:
    assert Costs().state(value) is state


def test_dearer_mistakes_leave_less_answered_and_more_unsure() -> None:
    # Even costs leave nothing unsure.
    assert (Costs(1, 1).answered_from, Costs(1, 1).unsure_from) == (0.5, 0.5)
    assert (Costs(9, 99).answered_from, Costs(9, 99).unsure_from) == (0.9, 0.01)


def test_a_strong_match_is_answered_whatever_the_costs() -> None:
    dear = Costs(wrong_answer=9)
    assert SAMPLE_CALIBRATION.band(0.85, dear) is Band.WEAK
    assert SAMPLE_CALIBRATION.band(0.9, dear) is Band.STRONG
    assert SAMPLE_CALIBRATION.thresholds(dear) == {
        "unsure_from": 1 / 11,
        "answered_from": 0.9,
        "strong_from": 0.9,
    }
