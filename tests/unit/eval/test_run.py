from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eval.errors import EvalFailure
from eval.run import evaluate
from index.building.build import build
from index.generation.data_folder import DataFolder
from qa.answer import State
from qa.assistant import Assistant
from qa.errors import QuestionError
from tests.support.fakes import WordEncoder
from tests.support.sample_runs import ANSWERS, GOLD, RAIN, SUN


def test_any_callable_that_answers_is_measured() -> None:
    first, second, third = evaluate(ANSWERS.__getitem__, GOLD, [RAIN, SUN]).rows
    assert (first.measures["hit@1"], first.measures["answered@1"], first.measures["P@1"]) == (1.0, 1.0, 1.0)
    assert first.ranking == ("rain:0",)
    assert first.judged == {"rain:0": 2, "rain:38": 1}
    # 2 of 2 + 1 / log2 3
    assert first.measures["nDCG@5"] == pytest.approx(2 / (2 + 1 / 1.584963), abs=1e-6)
    assert (second.state, second.measures["hit@1"], second.measures["MRR"]) == (State.NONE, 0.0, 0.5)
    assert second.ranking == ("sun:0", "rain:38")
    assert second.ranks == {"shown": 2}
    assert (third.confidence, third.measures["citation violations"], third.measures["refusal recall"]) == (
        None,
        1.0,
        0.0,
    )


def test_the_state_goes_before_abstained_and_the_band_stays() -> None:
    def ask(question: str) -> Mapping[str, Any]:
        return {**ANSWERS[question], "state": "unsure", "abstained": True, "band": "weak"}

    first = evaluate(ask, GOLD, [RAIN, SUN]).rows[0]
    assert (first.state, first.band, first.measures["unsure"]) == (State.UNSURE, "weak", 1.0)


def test_what_explains_a_failure_is_kept() -> None:
    second = evaluate(ANSWERS.__getitem__, GOLD, [RAIN, SUN]).rows[1]
    (evidence,) = second.evidence
    assert (evidence.text, evidence.text[evidence.start : evidence.end]) == (
        "It hailed in July, said Ada.",
    ) * 2
    assert [extract.grade for extract in second.shown] == [0, 2]
    assert second.shown[1].text[second.shown[1].start : second.shown[1].end] == "It hailed in July, said Ada."


def test_a_question_that_cannot_be_asked_scores_nothing_and_stays() -> None:
    def ask(question: str) -> Mapping[str, Any]:
        if "rain" in question:
            raise QuestionError("too wet")
        return ANSWERS[question]

    run = evaluate(ask, GOLD, [RAIN, SUN])
    assert len(run.rows) == 3
    assert (run.rows[0].error, run.rows[0].measures["hit@1"], run.rows[0].measures["nDCG@5"]) == (
        "too wet",
        0.0,
        0.0,
    )


def test_only_the_first_k_count() -> None:
    second = evaluate(ANSWERS.__getitem__, GOLD, [RAIN, SUN], k=1).rows[1]
    assert (second.measures["MRR"], second.measures["Success@1"], len(second.shown)) == (0.0, 0.0, 1)


def test_progress_is_told() -> None:
    calls: list[tuple[int, int]] = []
    evaluate(ANSWERS.__getitem__, GOLD, [RAIN, SUN], progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_the_assistants_own_answers_and_stages(tmp_path: Path) -> None:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    rows = evaluate(assistant.ask, GOLD, [RAIN, SUN], trace=assistant.stages).rows
    assert [row.measures["citation violations"] for row in rows] == [0.0, 0.0, 0.0]
    assert list(rows[0].ranks) == ["dense", "lexical", "maxsim", "fused", "shown"]
    for row in rows[:2]:
        for stage in ("dense", "lexical", "maxsim", "fused"):
            order = assistant.stages(row.question)[stage]
            rank = row.ranks[stage]
            assert rank is not None
            sentence = order[rank - 1]
            gold_span = next(gold for gold in GOLD if gold.id == row.id).answering[0]
            assert (sentence.article.id, sentence.start, sentence.end) == (
                gold_span.article.id,
                gold_span.start,
                gold_span.end,
            )
    assert rows[2].ranks == {}
    assert rows[0].confidence is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": float("nan")}, "the answer to g1 has the confidence nan"),
        ({"confidence": "0.5"}, "the answer to g1 has the confidence '0.5'"),
        ({"confidence": 1.5}, "give a number from 0 to 1"),
        ({"abstained": "false"}, "the answer to g1 is not a mapping"),
        ({"state": "maybe"}, "the answer to g1 has the state 'maybe'; give one of: answered, unsure, none"),
        ({"extracts": {"source": "rain.md"}}, "does not list its extracts"),
        ({"extracts": ["It rained."]}, "the answer to g1 does not list its extracts as mappings"),
        ({"extracts": [{"source": "rain.md", "answer": "It rained."}]}, "does not list its extracts"),
    ],
)
def test_an_answer_that_is_none_names_its_question(change: dict[str, Any], message: str) -> None:
    with pytest.raises(EvalFailure, match=message):
        evaluate(lambda question: {**ANSWERS[question], **change}, GOLD, [RAIN, SUN])


def test_gold_that_cannot_be_measured_is_refused() -> None:
    ask = ANSWERS.__getitem__
    for gold, articles, k, message in (
        (GOLD, [RAIN, SUN], 0, "0 extracts cannot be judged"),
        ([], [RAIN], 5, "no gold questions"),
        ([GOLD[0], GOLD[0]], [RAIN], 5, "two with the same id"),
        (GOLD, [SUN], 5, "the evidence of g1 stands in rain.md, which is not given"),
    ):
        with pytest.raises(EvalFailure, match=message):
            evaluate(ask, gold, articles, k=k)


def test_a_question_that_could_not_be_asked_was_not_declined() -> None:
    def ask(question: str) -> Mapping[str, Any]:
        raise QuestionError("too wet")

    for row in evaluate(ask, GOLD, [RAIN, SUN]).rows:
        assert row.state is State.ANSWERED
        assert row.measures.get("refusal recall", 0.0) == 0.0
        assert row.measures.get("wrong refusals", 0.0) == 0.0
