from __future__ import annotations

import math

import pytest

from eval.compare import compare
from eval.measures import Measure
from eval.run import Run
from eval.statistics import Estimate
from eval.summary import summarise
from eval.tables import (
    Table,
    ablation_table,
    comparison_table,
    format_difference,
    format_interval,
    format_value,
    ranking_table,
    slice_table,
    summary_table,
    type_table,
)
from tests.support.sample_runs import ALL_HIT, HALF_HIT, ROWS, sample_run

RATE = Measure("hit@1", "")
WORDS = Measure("words", "", rate=False)


@pytest.mark.parametrize(
    ("value", "measure", "text"),
    [
        (0.75, RATE, ".750"),
        (0.0, RATE, ".000"),
        (1.0, RATE, "1.00"),
        (math.nan, RATE, "-"),
        (45.09, WORDS, "45.1"),
        (0.04471, WORDS, "0.0447"),
        (0.0, WORDS, "0"),
        (1 / 60, WORDS, "0.0167"),
    ],
)
def test_figures(value: float, measure: Measure, text: str) -> None:
    assert format_value(value, measure) == text


def test_signs_and_intervals() -> None:
    assert [format_difference(value, RATE) for value in (0.0833, -0.0833, 0.0, math.nan)] == [
        "+.083",
        "-.083",
        "0",
        "-",
    ]
    assert format_interval(Estimate(0.5, 0.25, 0.75, 8), RATE) == "[.250, .750]"
    assert format_interval(Estimate(-0.5, -0.75, 0.25, 8), RATE) == "[-.750, .250]"
    assert format_interval(Estimate(0.5, math.nan, math.nan, 1), RATE) == ""


def test_tables_of_a_run() -> None:
    lines = summarise(Run(ROWS, 5))
    assert summary_table(lines).rows[0][:2] == ("hit@1", ".667")
    types = type_table(lines, Run(ROWS, 5))
    assert types.columns == ("type", "questions", "hit@1")
    assert types.rows == (("why", "3", "1.00"), ("who", "1", ".000"))
    assert type_table(summarise(sample_run([1.0])), sample_run([1.0])).rows == ()
    assert ablation_table({"all of it": Run(ROWS, 5)}).rows[0][0] == "all of it"
    assert ranking_table({"dense": lines}).columns[:2] == ("ranking", "hit@1")


def test_tables_of_a_comparison() -> None:
    comparison = compare(sample_run(ALL_HIT), sample_run(HALF_HIT))
    (hit, *_) = comparison_table(comparison.differences["all"]).rows
    assert hit[:4] == ("hit@1", "1.00", ".500", "-.500")
    assert hit[5:] == ("0", "6", "6", "0.0312", "worse")
    assert comparison_table(comparison.differences["all"], alpha=0.01).rows[0][-1] == ""
    assert [row[0] for row in slice_table(comparison, "hit@1").rows] == ["why", "who"]
    assert (
        comparison_table(compare(sample_run(HALF_HIT), sample_run(ALL_HIT)).differences["all"]).rows[0][-1]
        == "better"
    )


def test_markdown() -> None:
    table = Table(("a", "b"), (("x|y", "1"),))
    assert table.markdown() == "| a | b |\n| --- | --- |\n| x\\|y | 1 |"
