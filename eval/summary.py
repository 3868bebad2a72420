"""Summarises a run: every measure over all questions and by type, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eval.abstention import auroc, calibration_error, precision
from eval.gold import ALL_QUESTIONS
from eval.measures import SECONDS, Measure, answer_measures, document_measures
from eval.run import QuestionResult, Run
from eval.statistics import Estimate, estimate, mean_estimate
from qa.answer import Band, State

Pair = tuple[float, float]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SetMeasure:
    """A measure of a whole set: `of_columns` of the pairs of its rows; a row without one gives None."""

    measure: Measure
    pair: Callable[[QuestionResult], Pair | None]
    of_columns: Callable[..., float]


@dataclass(frozen=True, slots=True)
class Line:
    """A measure with its estimates by slice: `ALL_QUESTIONS` and each type that has a value."""

    measure: Measure
    estimates: Mapping[str, Estimate]


def confidence_and_answerable(row: QuestionResult) -> Pair | None:
    """Confidence, and whether the articles answer (0 or 1)."""
    return None if row.confidence is None else (row.confidence, row.answerable)


def confidence_and_right(row: QuestionResult) -> Pair | None:
    """Confidence, and whether the first answer is right (0 or 1)."""
    return None if row.confidence is None else (row.confidence, row.measures.get("hit@1", 0.0))


def _refused_and_unanswerable(row: QuestionResult) -> Pair | None:
    return None if row.error else (row.state is not State.ANSWERED, not row.answerable)


def _answered_and_right(row: QuestionResult) -> Pair | None:
    return None if row.error else (row.state is State.ANSWERED, row.measures.get("hit@1", 0.0))


def _strong_and_right(row: QuestionResult) -> Pair | None:
    return None if row.error else (row.band == Band.STRONG, row.measures.get("hit@1", 0.0))


def columns(
    rows: Iterable[QuestionResult], pair: Callable[[QuestionResult], Pair | None]
) -> NDArray[np.float64]:
    """The pairs of the rows that have one, shape (2, rows)."""
    return np.array([values for row in rows if (values := pair(row))], float).reshape(-1, 2).T


SET_MEASURES = (
    SetMeasure(
        Measure("refusal precision", "share of the questions not answered that are unanswerable"),
        _refused_and_unanswerable,
        precision,
    ),
    SetMeasure(
        Measure("answered precision", "share of the answered questions whose first answer is right"),
        _answered_and_right,
        precision,
    ),
    SetMeasure(
        Measure("strong precision", "share of the questions with a strong match whose first answer is right"),
        _strong_and_right,
        precision,
    ),
    SetMeasure(
        Measure("AUROC", "chance that an answerable question is rated above an unanswerable one"),
        confidence_and_answerable,
        auroc,
    ),
    SetMeasure(
        Measure(
            "ECE",
            "mean distance of confidence from the share of right first answers, in ten steps",
            better=-1,
        ),
        confidence_and_right,
        calibration_error,
    ),
)


def measures_of(run: Run) -> tuple[Measure, ...]:
    """The measures of single questions that apply to the run."""
    return document_measures(run.k) if run.documents else answer_measures(run.k)


def summarise(run: Run) -> list[Line]:
    """Every measure that has a value, in the order of tables."""
    slices = by_slice(run.rows, lambda row: row.type).items()
    lines = []
    for measure in measures_of(run):
        values = {name: values_of(rows, measure.name) for name, rows in slices}
        lines.append(
            Line(measure, {name: mean_estimate(column) for name, column in values.items() if column})
        )
    for measured in () if run.documents else SET_MEASURES:
        whole = estimate(measured.of_columns, *columns(run.rows, measured.pair))
        lines.append(Line(measured.measure, {ALL_QUESTIONS: whole}))
    return [line for line in lines if line.estimates and not np.isnan(line.estimates[ALL_QUESTIONS].value)]


def by_slice(items: Sequence[T], type_of: Callable[[T], str]) -> dict[str, list[T]]:
    """All items under `ALL_QUESTIONS`, and, if there are several types, the items of each."""
    slices: dict[str, list[T]] = {}
    for item in items:
        slices.setdefault(type_of(item), []).append(item)
    return {ALL_QUESTIONS: list(items), **(slices if len(slices) > 1 else {})}


def values_of(rows: Iterable[QuestionResult], measure: str) -> list[float]:
    """The values of the rows that have one."""
    return [row.measures[measure] for row in rows if measure in row.measures]


def seconds(run: Run) -> tuple[float, float]:
    """Median and 95th percentile of the seconds per question."""
    median, slow = np.quantile(values_of(run.rows, SECONDS.name), [0.5, 0.95])
    return float(median), float(slow)
