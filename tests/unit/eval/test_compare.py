from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eval.compare import compare
from eval.errors import RunError
from eval.gold import ALL_QUESTIONS
from eval.run import JudgedText, Run
from qa.answer import State
from tests.support.sample_runs import ALL_HIT, HALF_HIT, sample_row, sample_run


def test_wins_losses_ties_and_the_effect() -> None:
    comparison = compare(sample_run([1, 1, 0, 0, 1, 0]), sample_run([1, 0, 1, 1, 1, 0]))
    difference = comparison.find("hit@1")
    assert (difference.wins, difference.losses, difference.ties) == (2, 1, 3)
    assert (difference.first, difference.second) == pytest.approx((0.5, 4 / 6))
    assert difference.effect.value == pytest.approx(1 / 6)
    assert difference.effect.low < 0 < difference.effect.high
    assert [row.id for row in comparison.won] == ["q2", "q3"]
    assert [row.id for row in comparison.lost] == ["q1"]
    assert comparison.mcnemar == 1.0


def test_a_planted_regression_is_found() -> None:
    comparison = compare(sample_run(ALL_HIT), sample_run(HALF_HIT))
    assert comparison.find("hit@1").regressed()
    # Six of six lost: by chance 1 in 64, and 2 in 64 two-sided.
    assert comparison.find("hit@1").chance.worse == pytest.approx(1 / 64)
    assert comparison.mcnemar == pytest.approx(2 / 64)
    assert not compare(sample_run(HALF_HIT), sample_run(ALL_HIT)).find("hit@1").regressed()


def test_an_identical_run_is_no_regression() -> None:
    comparison = compare(sample_run(HALF_HIT), sample_run(HALF_HIT))
    assert not any(difference.regressed() for difference in comparison.differences[ALL_QUESTIONS])


def test_less_is_better_where_it_is() -> None:
    slow = replace(
        sample_run(ALL_HIT), rows=tuple(sample_row(n, 1.0, seconds=0.5 + n / 100) for n in range(12))
    )
    assert compare(sample_run(ALL_HIT), slow).find("seconds").regressed()
    assert not compare(slow, sample_run(ALL_HIT)).find("seconds").regressed()
    assert compare(sample_run(ALL_HIT), slow).find("seconds").losses == 12


def test_confidence_that_tells_less_is_found() -> None:
    def rated(confidences: np.ndarray) -> Run:
        rows = [
            replace(sample_row(n, float(n < 20), confidence=float(c)), answerable=n < 20)
            for n, c in enumerate(confidences)
        ]
        return Run(tuple(rows), 5)

    good, poor = rated(np.linspace(0.9, 0.1, 40)), rated(np.linspace(0.1, 0.9, 40))
    assert compare(good, poor).find("AUROC").regressed()
    assert compare(good, poor).find("ECE").regressed()
    assert not compare(poor, good).find("AUROC").regressed()


def test_slices_by_type() -> None:
    comparison = compare(sample_run([1, 1, 1, 1]), sample_run([0, 1, 0, 1]))
    slices = {
        name: difference.second
        for name, differences in comparison.differences.items()
        for difference in differences
        if difference.measure.name == "hit@1"
    }
    assert slices == {ALL_QUESTIONS: 0.5, "why": 0.0, "who": 1.0}


def test_runs_of_other_questions_are_refused() -> None:
    one = sample_run(ALL_HIT)
    fewer = replace(one, rows=one.rows[:-2])
    with pytest.raises(RunError, match=r"different gold questions \(2 differ: q10, q11\)"):
        compare(one, fewer)
    with pytest.raises(RunError, match="different gold questions"):
        compare(fewer, one)
    reworded = replace(one, rows=(replace(one.rows[0], question="What?"), *one.rows[1:]))
    with pytest.raises(RunError, match=r"\(1 differ: q0\)"):
        compare(one, reworded)
    regraded = replace(
        one, rows=(replace(one.rows[0], evidence=(JudgedText("a", "rain", 0, 4, 2),)), *one.rows[1:])
    )
    with pytest.raises(RunError, match="different gold questions"):
        compare(one, regraded)


def test_evidence_counts_by_what_it_says() -> None:
    def with_evidence(source: str, text: str, start: int) -> Run:
        cited = JudgedText(source, text, start, start + 4, 2)
        return replace(
            sample_run(ALL_HIT),
            rows=tuple(replace(row, evidence=(cited,)) for row in sample_run(ALL_HIT).rows),
        )

    assert (
        compare(with_evidence("a.txt", "It rain", 3), with_evidence("a.md", "Well, it  Rain", 10)).mcnemar
        == 1.0
    )


def test_other_cutoffs_and_units_are_refused() -> None:
    with pytest.raises(RunError, match=r"\(5 extracts and 10 extracts\)"):
        compare(sample_run(ALL_HIT), replace(sample_run(ALL_HIT), k=10))
    with pytest.raises(RunError, match="documents"):
        compare(sample_run(ALL_HIT), replace(sample_run(ALL_HIT), documents=True))


def test_a_measure_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(RunError, match="no measure 'hit@2'; choose from: hit@1, MRR"):
        compare(sample_run(ALL_HIT), sample_run(ALL_HIT)).find("hit@2")


def test_what_is_forbidden_regresses_at_once() -> None:
    def violated(times: float) -> Run:
        rows = [
            replace(row, measures={**row.measures, "citation violations": 0.0})
            for row in sample_run(ALL_HIT).rows
        ]
        rows[0] = replace(rows[0], measures={**rows[0].measures, "citation violations": times})
        return Run(tuple(rows), 5)

    assert compare(violated(0), violated(1)).find("citation violations").regressed()
    assert not compare(violated(1), violated(1)).find("citation violations").regressed()
    assert not compare(violated(1), violated(0)).find("citation violations").regressed()


def test_refusals_are_compared_without_confidence() -> None:
    def declining(declined: int) -> Run:
        rows = [
            replace(
                sample_row(n, 1.0),
                confidence=None,
                answerable=n >= 20,
                state=State.NONE if n >= 40 - declined else State.ANSWERED,
            )
            for n in range(40)
        ]
        return Run(tuple(rows), 5)

    difference = compare(declining(20), declining(30)).find("refusal precision")
    assert (difference.first, difference.second) == pytest.approx((0.0, 10 / 30))


def test_evidence_may_be_split_otherwise() -> None:
    def with_evidence(*cited: JudgedText) -> Run:
        return replace(
            sample_run(ALL_HIT), rows=tuple(replace(row, evidence=cited) for row in sample_run(ALL_HIT).rows)
        )

    text = "It rained. It snowed."
    whole = with_evidence(JudgedText("a", text, 0, 21, 2))
    assert (
        compare(
            whole, with_evidence(JudgedText("a", text, 0, 10, 2), JudgedText("a", text, 11, 21, 2))
        ).mcnemar
        == 1.0
    )
