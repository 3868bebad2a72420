from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.errors import RunError
from eval.run import Run, evaluate
from eval.run_folder import read_run, write_run
from qa.confidence import seal_of
from tests.support.sample_runs import ANSWERS, GOLD, RAIN, SUN

RUN = replace(evaluate(ANSWERS.__getitem__, GOLD, [RAIN, SUN]), facts={"gold": "g.jsonl"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "run", RUN)
    assert read_run(tmp_path / "a" / "run") == RUN
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["run"]


def test_a_run_of_before_the_three_states_is_read(tmp_path: Path) -> None:
    write_run(tmp_path / "run", RUN)
    questions, about = (tmp_path / "run" / name for name in ("questions.jsonl", "run.json"))
    rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["abstained"] = row.pop("state") != "answered"
        del row["band"]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    header = json.loads(about.read_text(encoding="utf-8"))
    del header["seal"]
    header["questions_sha256"] = hashlib.sha256(questions.read_bytes()).hexdigest()
    about.write_text(json.dumps({**header, "seal": seal_of(header)}), encoding="utf-8")
    assert [row.state for row in read_run(tmp_path / "run").rows] == [row.state for row in RUN.rows]


def test_the_files_of_trec_are_read_by_its_measures(tmp_path: Path) -> None:
    import ir_measures

    write_run(tmp_path / "run", RUN)
    trec: Any = ir_measures
    qrels = list(trec.read_trec_qrels(str(tmp_path / "run" / "qrels.trec")))
    ranking = list(trec.read_trec_run(str(tmp_path / "run" / "run.trec")))
    aggregate = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 5, ir_measures.Success(rel=2) @ 5], qrels, ranking
    )
    rows = RUN.rows[:2]
    assert aggregate[ir_measures.nDCG @ 5] == pytest.approx(sum(row.measures["nDCG@5"] for row in rows) / 2)
    assert aggregate[ir_measures.Success(rel=2) @ 5] == 1.0
    lines = (tmp_path / "run" / "run.trec").read_text().splitlines()
    assert lines[1:3] == ["g2 Q0 sun:0 1 2 pullquote", "g2 Q0 rain:38 2 1 pullquote"]


def test_the_summary_says_what_was_measured(tmp_path: Path) -> None:
    write_run(tmp_path / "run", RUN)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["hit@1"]["slices"]["all"] == {"value": 0.5, "low": 0.0, "high": 1.0, "n": 2}
    assert summary["hit@1"]["slices"]["when"] == {"value": 1.0, "low": None, "high": None, "n": 1}
    assert summary["refusal recall"]["slices"]["all"]["value"] == 0.0
    assert summary["hit@1"]["definition"]


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match="exists already; name another folder"):
        write_run(tmp_path / "run", RUN)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written: File exists"):
        write_run(tmp_path / "file" / "run", RUN)


@pytest.mark.parametrize("name", ["run.json", "questions.jsonl"])
def test_a_run_that_is_not_whole_is_refused(name: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run", RUN)
    path = tmp_path / "run" / name
    sound = path.read_bytes()
    for content in (b"", b"{", sound[:-2], sound.replace(b"rain", b"snow"), b"[]", b'{"format": 2}'):
        path.write_bytes(content)
        if content != sound:
            with pytest.raises(RunError):
                read_run(tmp_path / "run")
    path.unlink()
    with pytest.raises(RunError, match="No such file"):
        read_run(tmp_path / "run")


def test_a_folder_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="`qa eval run GOLD --out "):
        read_run(tmp_path / "nowhere")


def test_an_empty_ranking_is_no_line(tmp_path: Path) -> None:
    bare = Run(tuple(replace(row, ranking=()) for row in RUN.rows), 5)
    write_run(tmp_path / "run", bare)
    assert (tmp_path / "run" / "run.trec").read_text() == ""
