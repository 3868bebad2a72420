"""`qa feedback` on a real file of feedback and a small index."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from index.building.build import build
from index.generation.data_folder import DataFolder
from qa.feedback.database import FEEDBACK
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.fake_assistant import abstained, answered, extract
from tests.support.fakes import WordEncoder, article

RAIN = article("rain", "It rained in May. It was dry in June.")


def qa(*arguments: str | Path, code: int = 0) -> list[str]:
    done = CliRunner().invoke(app, ["feedback", *map(str, arguments)])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.output.splitlines()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feedback")
    build([RAIN], WordEncoder(), folder)
    return folder


@pytest.fixture
def data(index: Path) -> Iterator[Path]:
    rain = DataFolder(index).open().articles[0]
    with closing(FeedbackStore(index / FEEDBACK, keep_questions=True)) as store:
        store.record("a", answered(extract(rain, "It rained in May."), question="=When did it rain?"), 0.1)
        store.judge(Judgement("a", Verdict.USEFUL, rain.id, 0, 17, reason="+exact"))
        store.record("b", abstained(question="Who won?"), 0.1)
    with closing(FeedbackStore(index / FEEDBACK)) as store:
        store.record("c", abstained(question="Who lost?"), 0.1)
    yield index
    for file in index.glob(f"{FEEDBACK}*"):
        file.unlink()


def test_a_folder_gets_judgements_and_candidates(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    assert qa("export", "--out", out, "--data", data) == [
        f"{out / 'judgements.csv'}: 1 judgement.",
        f"{out / 'candidates.jsonl'}: 2 gold lines to be completed; "
        f"`qa eval check {out / 'candidates.jsonl'}` lists what is missing.",
        "1 question left out: the text was not kept. QA_QUESTION_LOG=1 keeps it for new questions.",
    ]
    with (out / "judgements.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["question"], row["verdict"], row["reason"]) == ("'=When did it rain?", "useful", "'+exact")
    assert (row["start"], row["end"], row["outcome"], row["answer_id"]) == ("0", "17", "answered", "a")
    useful, declined = map(json.loads, (out / "candidates.jsonl").read_text(encoding="utf-8").splitlines())
    assert useful["relevant"] == [{"doc": "rain.md", "quotes": ["It rained in May."], "grade": 2}]
    assert (declined["question"], declined["answerable"]) == ("Who won?", None)


@pytest.mark.parametrize("option", ["--out", "--csv"])
def test_a_name_that_ends_in_csv_gets_judgements_alone(data: Path, tmp_path: Path, option: str) -> None:
    qa("export", option, tmp_path / "x.csv", "--data", data)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.parametrize("option", ["--out", "--gold"])
def test_a_name_that_ends_in_jsonl_gets_candidates_alone(data: Path, tmp_path: Path, option: str) -> None:
    qa("export", option, tmp_path / "x.jsonl", "--data", data)
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


def test_nothing_is_written_over(data: Path, tmp_path: Path) -> None:
    worked_on = tmp_path / "candidates.jsonl"
    worked_on.write_text("mine")
    assert qa("export", "--out", tmp_path, "--data", data, code=2) == [
        f"qa: {worked_on} exists already; name another file, or remove that one"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["candidates.jsonl"]
    assert worked_on.read_text() == "mine"


def test_what_cannot_be_done_is_one_line(data: Path, tmp_path: Path) -> None:
    assert qa("export", "--data", data, code=2) == [
        "qa: nothing to write: give --out FOLDER, --csv FILE or --gold FILE"
    ]
    assert qa("forget", "--data", tmp_path, code=2) == [
        f"qa: no feedback in {tmp_path}; `qa serve` collects it unless QA_FEEDBACK is off"
    ]
    (tmp_path / FEEDBACK).write_bytes(b"not a database" * 100)
    (line,) = qa("export", "--csv", tmp_path / "x.csv", "--data", tmp_path, code=2)
    assert line.startswith(f"qa: {tmp_path / FEEDBACK}: cannot be used: file is not a database")
    assert "cannot be written" in qa("export", "--csv", data / FEEDBACK / "x.csv", "--data", data, code=2)[0]


def test_forgetting_says_how_much(data: Path) -> None:
    assert qa("forget", "--before", "2020-01-01", "--data", data) == [
        "Deleted 0 questions and all feedback on them."
    ]
    assert qa("forget", "--data", data) == ["Deleted 3 questions and all feedback on them."]
