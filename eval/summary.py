"""Summarises a run: every measure over all questions and by type, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eval.abstention import auroc, calibration_error, precision
from eval.gold import ALL_QUESTIONS
from eval.measures import SECONDS, Measure, Of, answer_measures, document_measures
from eval.run import QuestionResult, Run
from eval.statistics import Estimate, estimate, mean_estimate

Floats = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SetMeasure:
    """A measure of a whole set; `of_columns` computes it from columns of rows.

    `rated`: only questions with a confidence count.
    """

    measure: Measure
    columns: Callable[[Sequence[QuestionResult]], tuple[Floats, ...]]
    of_columns: Callable[..., float]
    rated: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A measure with its estimates by slice: `ALL_QUESTIONS` and each type that has a value."""

    measure: Measure
    estimates: Mapping[str, Estimate]


def confidence_and_answerable(rows: Sequence[QuestionResult]) -> tuple[Floats, ...]:
    """Columns of the questions with a confidence: confidence, and whether the articles answer (0 or 1)."""
    rated = [row for row in rows if row.confidence is not None]
    return _columns((row.confidence, row.answerable) for row in rated)


def confidence_and_right(rows: Sequence[QuestionResult]) -> tuple[Floats, ...]:
    """Columns of the questions with a confidence: confidence, and whether the first answer is right."""
    rated = [row for row in rows if row.confidence is not None]
    return _columns((row.confidence, row.measures.get("hit@1", 0.0)) for row in rated)


def _abstained_and_answerable(rows: Sequence[QuestionResult]) -> tuple[Floats, ...]:
    return _columns((row.abstained, row.answerable) for row in rows if not row.error)


def _columns(pairs: Iterable[tuple[float | None, float]]) -> tuple[Floats, ...]:
    return tuple(np.array(list(pairs), float).reshape(-1, 2).T)


SET_MEASURES = (
    SetMeasure(
        Measure("refusal precision", "share of the declined questions that are unanswerable", of=Of.ALL),
        _abstained_and_answerable,
        precision,
        rated=False,
    ),
    SetMeasure(
        Measure("AUROC", "chance that an answerable question is rated above an unanswerable one", of=Of.ALL),
        confidence_and_answerable,
        auroc,
    ),
    SetMeasure(
        Measure(
            "ECE",
            "mean distance of confidence from the share of questions that are answerable, in ten steps",
            of=Of.ALL,
            better=-1,
        ),
        confidence_and_answerable,
        calibration_error,
    ),
)


def measures_of(run: Run) -> tuple[Measure, ...]:
    """The measures of single questions that apply to the run."""
    return document_measures(run.k) if run.documents else answer_measures(run.k)


def summarise(run: Run) -> list[Line]:
    """Every measure that has a value, in the order of tables."""
    lines = []
    for measure in measures_of(run):
        values = {
            name: values_of(rows, measure.name)
            for name, rows in by_slice(run.rows, lambda row: row.type).items()
        }
        lines.append(
            Line(measure, {name: mean_estimate(column) for name, column in values.items() if column})
        )
    if not run.documents:
        lines += [
            Line(measure.measure, {ALL_QUESTIONS: estimate_set(measure, run.rows)})
            for measure in SET_MEASURES
        ]
    return [line for line in lines if line.estimates and not np.isnan(line.estimates[ALL_QUESTIONS].value)]


def by_slice(items: Sequence[T], type_of: Callable[[T], str]) -> dict[str, list[T]]:
    """All items under `ALL_QUESTIONS`, and, if there are several types, the items of each."""
    types = list(dict.fromkeys(map(type_of, items)))
    several = types if types[1:] else []
    return {ALL_QUESTIONS: list(items)} | {
        name: [item for item in items if type_of(item) == name] for name in several
    }


def values_of(rows: Sequence[QuestionResult], measure: str) -> list[float]:
    """The values of the rows that have one."""
    return [row.measures[measure] for row in rows if measure in row.measures]


def estimate_set(measure: SetMeasure, rows: Sequence[QuestionResult]) -> Estimate:
    """A measure of the whole set with its interval."""
    return estimate(measure.of_columns, *measure.columns(rows))


def seconds(run: Run) -> tuple[float, float]:
    """Median and 95th percentile of the seconds per question."""
    median, slow = np.quantile(values_of(run.rows, SECONDS.name), [0.5, 0.95])
    return float(median), float(slow)
