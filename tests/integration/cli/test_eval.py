"""`qa eval` with the real model and files on disk."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eval.gold import read_gold
from eval.run import evaluate
from eval.run_folder import read_run, write_run
from index.building.build import build
from index.embedding.load import load_encoder
from index.generation.data_folder import DataFolder
from qa.confidence import CALIBRATION, read_calibration
from qa.loading import UNCALIBRATED, open_assistant
from tests.support.cli_runs import qa, qa_process
from tests.support.cross_encoder import write_cross_encoder
from tests.support.fakes import WordEncoder
from tests.support.repository import ARTICLES, DATA, GOLD, ROOT, SAMPLE_ARTICLES, needs_data, needs_shared
from tests.support.sample_runs import ALL_HIT, RAIN, sample_run, write_collection
from tests.support.templates import TEMPLATES
from tests.support.tiers import full
from web.answering.answer_service import Reply
from web.pages.answer import render_reply
from web.pages.page_state import PageState
from web.service_settings import ServiceSettings

OWN = ROOT / "eval" / "gold.jsonl"
FIRST = ROOT / "eval" / "gold-first.jsonl"


@pytest.fixture(scope="session")
def data(sample_index: Path) -> Path:
    """An index of the shipped articles; nothing is changed in it."""
    return sample_index


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every third of the first gold questions, for what asks each many times."""
    made = tmp_path_factory.mktemp("gold") / "few.jsonl"
    lines = FIRST.read_text(encoding="utf-8").splitlines(keepends=True)
    made.write_text("".join(lines[::3]), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all gold questions."""
    made = tmp_path_factory.mktemp("runs") / "run"
    told = qa("eval", "run", OWN, "--data", data, "--out", made).stdout
    assert "hit@1" in told
    assert f"Kept in {made}" in told
    return made


def test_help_names_every_command() -> None:
    text = qa_process("eval", "--help").stdout
    for command in ("run", "report", "compare", "ablate", "calibrate", "check", "candidates", "--beir"):
        assert command in text
    assert "Usage" in qa("eval", code=2).stdout


@full
def test_a_run_keeps_everything(run: Path) -> None:
    assert {path.name for path in run.iterdir()} >= {
        "run.json", "questions.jsonl", "summary.json", "run.trec", "qrels.trec",
    }  # fmt: skip
    facts = json.loads((run / "run.json").read_text())["facts"]
    assert facts["gold"] == "gold.jsonl"
    assert facts["generation"].startswith("gen-1-")
    assert set(facts) >= {
        "commit",
        "version",
        "created",
        "model",
        "fingerprint",
        "reranker",
        "calibration",
        "gold_sha256",
    }
    rows = [json.loads(line) for line in (run / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(OWN.read_text(encoding="utf-8").splitlines())
    assert sum(row["measures"]["citation violations"] for row in rows) == 0
    assert all(
        set(row["ranks"]) == {"dense", "lexical", "maxsim", "fused", "shown"}
        for row in rows
        if row["answerable"]
    )


@full
def test_a_run_becomes_a_page(run: Path, tmp_path: Path) -> None:
    assert "Wrote " in qa("eval", "report", run).stdout
    assert (run / "report.html").read_text(encoding="utf-8").count('<details class="question"') == 184
    qa("eval", "report", run, "--out", tmp_path / "other.html")
    assert (tmp_path / "other.html").exists()
    assert "cannot be written" in qa("eval", "report", run, "--out", tmp_path / "no" / "x", code=2).stderr


@full
def test_the_same_code_on_the_same_questions_is_no_regression(run: Path, data: Path) -> None:
    again = run.parent / "again"
    qa("eval", "run", OWN, "--data", data, "--out", again)
    measures = [word for measure in ("hit@1", "MRR", "AUROC") for word in ("--fail-on", measure)]
    told = qa("eval", "compare", run, again, *measures).stdout
    assert "hit@1: 0 won, 0 lost" in told
    assert "No regression of hit@1, MRR, AUROC." in told


@full
def test_a_planted_regression_ends_with_1(run: Path, data: Path, tmp_path: Path) -> None:
    """An index of two of the five articles: most questions lose their answer."""
    small = tmp_path / "small"
    articles = sorted(SAMPLE_ARTICLES.glob("*.md"))[:2]
    qa("index", *articles, "--data", small)
    assistant = open_assistant(ServiceSettings(data=small))
    whole = DataFolder(data).open().articles
    worse = evaluate(assistant.ask, read_gold(OWN, whole), whole)
    write_run(tmp_path / "worse", worse)
    assert read_run(tmp_path / "worse") == worse
    done = qa("eval", "compare", run, tmp_path / "worse", "--fail-on", "hit@1", code=1)
    assert "Regressed: hit@1" in done.stdout
    qa("eval", "compare", run, tmp_path / "worse")
    qa("eval", "compare", tmp_path / "worse", run, "--fail-on", "hit@1")


@full
def test_the_parts_are_ablated(data: Path, few: Path, tmp_path: Path) -> None:
    plain = [
        "lexical alone", "dense alone", "MaxSim alone", "dense and lexical", "dense and MaxSim",
        "lexical and MaxSim", "fused, sentences alone", "fused, without windows", "fused, without passages",
        "fused",
    ]  # fmt: skip
    assert ablated(few, data) == plain
    reranker = write_cross_encoder(tmp_path / "reranker")
    assert ablated(few, data, "--reranker", reranker) == [*plain, "fused, reranked"]


def ablated(gold: Path, data: Path, *options: str | Path) -> list[str]:
    """The rankings that `qa eval ablate` measures."""
    told = qa("eval", "ablate", gold, "--data", data, "--markdown", *options).stdout.splitlines()
    assert told[0].startswith("| ranking | hit@1 |")
    return [line.split(" | ")[0][2:] for line in told[2:]]


@full
def test_a_calibration_is_stored_for_its_model_and_used(data: Path, few: Path, tmp_path: Path) -> None:
    own = shutil.copytree(data, tmp_path / "data")
    assert "confidence fitted on 2," in qa("doctor", "--data", own).stdout
    dry = qa("eval", "calibrate", few, "--data", own, "--dry-run").stdout
    assert "held out: Brier" in dry
    assert not (own / CALIBRATION).exists()
    told = qa("eval", "calibrate", few, "--data", own, "--method", "isotonic").stdout
    assert "isotonic, held out" in told
    stored = read_calibration(own / CALIBRATION)
    assert stored is not None
    assert stored.fingerprint == load_encoder().fingerprint
    assert stored.steps
    assert "confidence fitted on 25 questions of few.jsonl" in qa("doctor", "--data", own).stdout
    assert json.loads(qa("ask", "Fasst", "--json", "--data", own).stdout)["calibrated"]
    assert "ok: gen-1-" in qa("verify", "--data", own).stdout
    assert "Index is up to date" in qa("index", "--data", own).stdout
    assert (own / CALIBRATION).exists()
    (own / CALIBRATION).write_text(
        (own / CALIBRATION).read_text().replace("logistic", "x").replace("0.", "1.")
    )
    assert CALIBRATION in qa("ask", "Fasst", "--data", own, code=2).stderr
    assert "Stored in" in qa("eval", "calibrate", few, "--data", own).stdout
    qa("ask", "Fasst", "--data", own)
    assert (
        "no method 'magic'"
        in qa("eval", "calibrate", few, "--method", "magic", "--data", data, code=2).stderr
    )


def test_another_model_says_that_it_is_not_calibrated(tmp_path: Path) -> None:
    """The stand-in model is as foreign to the shipped calibration as any other model."""
    build([RAIN], WordEncoder(), tmp_path)
    assistant = open_assistant(ServiceSettings(data=tmp_path), WordEncoder())
    assert assistant.calibration is None
    page = render_reply(Reply(assistant.ask("rain"), 0.1), PageState(), TEMPLATES)
    assert "Not calibrated for these models" in page
    assert "match, not rated" in page
    assert UNCALIBRATED in qa("doctor", "--data", tmp_path).stdout


def test_another_reranker_is_not_calibrated_either(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert UNCALIBRATED not in qa("doctor", "--data", data).stdout
    reranker = write_cross_encoder(tmp_path)
    monkeypatch.setenv("QA_RERANKER", str(reranker))
    assert UNCALIBRATED in qa("doctor", "--data", data).stdout
    answer = json.loads(qa("ask", "How rural is Devon?", "--json", "--data", data).stdout)
    assert not answer["calibrated"]
    alone = qa("ask", "How rural is Devon?", "--json", "--data", data, "--reranker", "none").stdout
    assert json.loads(alone)["calibrated"]


def test_a_gold_file_is_checked(data: Path, tmp_path: Path) -> None:
    assert (
        "184 sound questions, 138 answerable, 46 unanswerable; 0 faults"
        in qa("eval", "check", OWN, "--data", data).stdout
    )
    wrong = tmp_path / "gold.jsonl"
    wrong.write_text(
        OWN.read_text(encoding="utf-8").replace("scattered population", "scattered people") + "{\n"
    )
    done = qa("eval", "check", wrong, "--data", data, code=1)
    assert "183 sound questions" in done.stdout
    assert "line 153 (gold-153): the quote" in done.stderr
    assert "line 185: is not a JSON object" in done.stderr


def test_declined_questions_become_candidates(data: Path, tmp_path: Path) -> None:
    asked = json.dumps({"id": "a", "question": "How do I reset my e-mail password?"})
    answers = tmp_path / "answers.jsonl"
    answers.write_text(
        qa("ask", "--batch", "-", "--json", "--data", data, stdin=asked).stdout, encoding="utf-8"
    )
    (line,) = qa("eval", "candidates", answers, "--prefix", "desk").stdout.splitlines()
    assert json.loads(line)["id"] == "desk-001"
    (tmp_path / "gold.jsonl").write_text(line, encoding="utf-8")
    assert (
        "do the articles answer"
        in qa("eval", "check", tmp_path / "gold.jsonl", "--data", data, code=1).stderr
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "/nowhere/gold.jsonl"], "/nowhere/gold.jsonl: cannot be read: No such file"),
        (["run", "OWN", "--data", "/nowhere"], "no index in /nowhere"),
        (["run", "OWN", "--out", "RUN"], "exists already"),
        (["run", "NONE"], "has no answerable question"),
        (["ablate", "NONE"], "has no answerable question"),
        (["calibrate", "NONE"], "has no answerable question"),
        (["calibrate", "ONE"], "5 of each are needed"),
        (["run", "OWN", "--out", "RUN/run.json/run"], "cannot be written"),
        (["run", "OWN", "--out", "/tmp/" + "x" * 300], "cannot be written: File name too long"),
        (["check", "/nowhere/gold.jsonl", "--data", "DATA"], "cannot be read"),
        (["report", "/nowhere/run"], "/nowhere/run holds no run"),
        (["compare", "RUN", "/nowhere/run"], "/nowhere/run holds no run"),
        (["compare", "RUN", "RUN", "--fail-on", "hit@7"], "no measure 'hit@7'"),
        (["candidates", "/nowhere/answers"], "/nowhere/answers: cannot be read"),
        (["--beir", "/nowhere"], "corpus.jsonl: cannot be read"),
        (["--beir", "/nowhere", "--out", "RUN"], "exists already"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_2(
    arguments: list[str], told: str, data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    write_run(run, sample_run(ALL_HIT))
    lines = OWN.read_text(encoding="utf-8").splitlines()
    (tmp_path / "one.jsonl").write_text(lines[0], encoding="utf-8")
    none = [line for line in lines if not json.loads(line)["answerable"]]
    (tmp_path / "none.jsonl").write_text("\n".join(none), encoding="utf-8")
    names = {"OWN": OWN, "RUN": run, "NONE": tmp_path / "none.jsonl", "ONE": tmp_path / "one.jsonl"}
    names |= {"DATA": data, "RUN/run.json/run": run / "run.json" / "run"}
    given = [names.get(argument, argument) for argument in arguments]
    if arguments[0] in ("run", "ablate", "calibrate") and "--data" not in arguments:
        given += ["--data", data]
    done = qa("eval", *given, code=2)
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_shared
def test_gold_of_another_corpus_is_refused(data: Path) -> None:
    done = qa("eval", "run", GOLD / "dev.jsonl", "--data", data, code=2)
    assert "dev.jsonl, line 1 (dev-001): no article" in done.stderr
    assert "index the articles that these questions are about" in done.stderr


@full
@needs_shared
def test_the_numbers_are_those_of_the_development_golds_own_scorer(tmp_path: Path) -> None:
    """Every other question of it."""
    originals, gold = tmp_path / "data", tmp_path / "gold.jsonl"
    questions = (GOLD / "dev.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    gold.write_text("".join(questions[::2]), encoding="utf-8")
    qa("index", ARTICLES, "--data", originals)
    qa("eval", "run", gold, "--data", originals, "--out", tmp_path / "run")
    answers = tmp_path / "answers.jsonl"
    answers.write_text(qa("ask", "--batch", gold, "--json", "--data", originals).stdout, encoding="utf-8")
    scored = subprocess.run(
        [sys.executable, GOLD / "score.py", gold, answers],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = json.loads((tmp_path / "run" / "summary.json").read_text())

    def value(measure: str) -> float:
        return float(found[measure]["slices"]["all"]["value"])

    lines = {" ".join(line.split()[:2]): line.split() for line in scored.splitlines()}
    for level, prefix in (("answer", ""), ("extract", "extract ")):
        told = lines[f"{level} all"]
        assert f"{value(f'{prefix}hit@1'):.3f}" == told[told.index("hit@1") + 1]
        assert f"{value(f'{prefix}hit@3'):.3f}" == told[told.index("hit@3") + 1]
    told = lines["answer all"]
    assert f"{value('MRR'):.3f}" == told[told.index("MRR") + 1]
    refusal = lines["refusal recall"]
    assert f"{value('refusal recall'):.3f}" == refusal[refusal.index("recall") + 1]
    assert f"{value('refusal precision'):.3f}" == refusal[refusal.index("precision") + 1]
    assert f"{value('AUROC'):.3f}" == refusal[refusal.index("AUROC") + 1]


def test_a_folder_of_documents_is_measured(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_collection(tmp_path / "set")
    out = tmp_path / "out"
    told = qa(
        "eval",
        "--beir",
        tmp_path / "set",
        "--sentences",
        "--data",
        tmp_path / "data",
        "-k",
        "2",
        "--out",
        out,
        "--reranker",
        write_cross_encoder(tmp_path / "reranker"),
    ).stdout
    assert "2 documents, 2 queries" in told
    assert [path.name for path in sorted(out.iterdir())] == [
        "dense",
        "fused",
        "lexical",
        "reranked",
        "sentences",
    ]
    qa("eval", "report", out / "fused")
    qa("eval", "compare", out / "dense", out / "fused", "--fail-on", "P@1")
    assert "needs --data" in qa("eval", "--beir", tmp_path / "set", "--sentences", code=2).stderr


@needs_data
@pytest.mark.torture
@pytest.mark.timeout(900)
def test_dense_alone_scores_what_is_published(tmp_path: Path) -> None:
    """nDCG@10 of all-MiniLM-L6-v2 on SciFact is .645: five thousand abstracts, some minutes of encoding."""
    qa("eval", "--beir", DATA / "scifact", "--out", tmp_path / "out")
    found = json.loads((tmp_path / "out" / "dense" / "summary.json").read_text())
    assert found["nDCG@10"]["slices"]["all"]["value"] == pytest.approx(0.645, abs=0.005)
    assert found["P@1"]["slices"]["all"]["value"] == pytest.approx(0.503, abs=0.005)
