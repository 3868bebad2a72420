from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from index.encoder import load_encoder
from index.errors import BuildFailed
from index.joint import RERANKER, joint_fingerprint
from index.model import DEFAULT_MODEL
from index.quality import QUALITY_MODEL
from qa.calibration import CALIBRATION, SHIPPED, calibration_for, read_calibration, write_calibration
from qa.confidence import FACTS, READ_FACTS
from qa.errors import CalibrationRefused
from tests.fakes import FailingDisk
from tests.test_confidence import FITTED

STEPPED = replace(FITTED, steps=((-1.0, 0.1), (1 / 3, 0.9)))


@pytest.mark.parametrize("written", [FITTED, STEPPED])
def test_what_is_written_is_read(written: object, tmp_path: Path) -> None:
    assert isinstance(written, type(FITTED))
    write_calibration(tmp_path / CALIBRATION, written)
    assert read_calibration(tmp_path / CALIBRATION) == written


def test_there_may_be_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path / CALIBRATION) is None
    assert calibration_for("f" * 64, "", tmp_path) is None


def test_the_data_folders_counts_for_its_model_alone(tmp_path: Path) -> None:
    write_calibration(tmp_path / CALIBRATION, FITTED)
    assert calibration_for("f" * 64, "", tmp_path) == FITTED
    assert calibration_for("0" * 64, "", tmp_path) is None


def test_one_of_other_facts_does_not_count(tmp_path: Path) -> None:
    write_calibration(tmp_path / CALIBRATION, replace(FITTED, facts=("dense", "old", "complete")))
    assert calibration_for("f" * 64, "", tmp_path) is None


def test_the_models_ship_with_one_each_and_the_data_folders_comes_first(tmp_path: Path) -> None:
    fingerprint = load_encoder().fingerprint
    for reranker in ("", joint_fingerprint()):
        shipped = calibration_for(fingerprint, reranker, tmp_path)
        assert shipped is not None
        assert 0 < shipped.abstain_below < shipped.strong_from < 1
    own = replace(FITTED, fingerprint=fingerprint)
    write_calibration(tmp_path / CALIBRATION, own)
    assert calibration_for(fingerprint, "", tmp_path) == own
    assert calibration_for(fingerprint, joint_fingerprint(), tmp_path) not in (None, own)


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
        {"facts": None},
    ],
)
def test_a_calibration_that_cannot_be_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    from qa.calibration import seal_of

    path = tmp_path / CALIBRATION
    write_calibration(path, FITTED)
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
    write_calibration(path, FITTED)
    with pytest.raises(BuildFailed):
        write_calibration(path, STEPPED, disk=FailingDisk(OSError(28, "No space left"), at=step))
    # The last step flushes the folder: the new file is whole by then.
    assert read_calibration(path) == (STEPPED if step == 4 else FITTED)


def test_each_calibration_that_ships_is_of_models_of_its_own() -> None:
    shipped = [read_calibration(path) for path in sorted(SHIPPED.glob(f"*.{CALIBRATION}"))]
    found = {(one.model, one.reranker): one.facts for one in shipped if one}
    assert found == {
        (model, reranker): READ_FACTS if reranker else FACTS
        for model in (DEFAULT_MODEL, QUALITY_MODEL)
        for reranker in ("", RERANKER)
    }
    assert len({(one.fingerprint, one.reranker_fingerprint) for one in shipped if one}) == 4
