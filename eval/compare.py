"""Compares two runs on the same questions: differences with intervals and significance tests.

Each measure gets the difference B - A with its interval and a paired randomisation test; hit@1 also McNemar's
test. There is no correction for multiple comparisons: choose the measures that matter beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.normalise import fold
from eval.errors import RunError
from eval.gold import ALL_QUESTIONS
from eval.measures import Measure
from eval.run import QuestionResult, Run
from eval.statistics import Chance, Estimate, estimate, mcnemar, randomisation_test, swap_test
from eval.summary import SET_MEASURES, SetMeasure, by_slice, measures_of

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in both runs. `effect` is B - A; `wins` counts the questions on which B is better.

    `wins`, `losses` and `ties` are 0 for measures of the whole set.
    """

    measure: Measure
    first: float
    second: float
    effect: Estimate
    chance: Chance
    wins: int = 0
    losses: int = 0
    ties: int = 0

    def regressed(self, alpha: float = ALPHA) -> bool:
        """Whether B is significantly worse than A; any increase of a forbidden measure is a regression."""
        return self.second > self.first if self.measure.forbidden else self.chance.worse < alpha


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences by slice (`ALL_QUESTIONS` and each type), and the questions whose first answer changed.

    `lead` is the measure of right first answers; `mcnemar` the p-value of its changes.
    """

    differences: Mapping[str, Sequence[Difference]]
    lead: str
    mcnemar: float
    won: tuple[QuestionResult, ...]
    lost: tuple[QuestionResult, ...]

    def find(self, measure: str) -> Difference:
        """The difference over all questions. Raises RunError for a measure these runs do not have."""
        by_name = {difference.measure.name: difference for difference in self.differences[ALL_QUESTIONS]}
        if measure not in by_name:
            raise RunError(f"these runs have no measure {measure!r}; choose from: {', '.join(by_name)}")
        return by_name[measure]


def compare(first: Run, second: Run) -> Comparison:
    """Compare B (`second`) with A (`first`). Raises RunError if they were not judged alike."""
    pairs = _paired(first, second)
    differences = {
        name: [difference for measure in measures_of(first) if (difference := _difference(measure, chosen))]
        for name, chosen in by_slice(pairs, lambda pair: pair[0].type).items()
    }
    if not first.documents:
        differences[ALL_QUESTIONS] += [
            difference for measure in SET_MEASURES if (difference := _set_difference(measure, pairs))
        ]
    lead = "P@1" if first.documents else "hit@1"
    won = tuple(b for a, b in pairs if a.measures.get(lead, 0) < b.measures.get(lead, 0))
    lost = tuple(b for a, b in pairs if a.measures.get(lead, 0) > b.measures.get(lead, 0))
    return Comparison(differences, lead, mcnemar(len(won), len(lost)), won, lost)


Pairs = Sequence[tuple[QuestionResult, QuestionResult]]


def _paired(first: Run, second: Run) -> Pairs:
    if (first.k, first.documents) != (second.k, second.documents):
        raise RunError(
            f"the runs were judged by different cutoffs or units ({_unit(first)} and {_unit(second)}); "
            f"run one of them again as the other was"
        )
    other = {row.id: row for row in second.rows}
    differing = [
        row.id
        for row in first.rows
        if row.id not in other or _gold_content(row) != _gold_content(other[row.id])
    ]
    differing += sorted(other.keys() - {row.id for row in first.rows})
    if differing:
        named = ", ".join(differing[:3]) + (" ..." if len(differing) > 3 else "")
        raise RunError(
            f"the runs are of different gold questions ({len(differing)} differ: {named}); "
            f"run both on one file"
        )
    return [(row, other[row.id]) for row in first.rows]


def _unit(run: Run) -> str:
    return f"{run.k} {'documents' if run.documents else 'extracts'}"


def _gold_content(row: QuestionResult) -> tuple[str, bool, dict[int, str]]:
    """The identity of a gold question: evidence counts by its words, wherever it stands or is split."""
    evidence: dict[int, str] = {}
    for piece in row.evidence:
        evidence[piece.grade] = fold(f"{evidence.get(piece.grade, '')} {piece.text[piece.start : piece.end]}")
    return row.question, row.answerable, evidence


def _difference(measure: Measure, pairs: Pairs) -> Difference | None:
    name = measure.name
    values = [
        (a.measures[name], b.measures[name]) for a, b in pairs if name in a.measures and name in b.measures
    ]
    if not values:
        return None
    first, second = (np.array(column) for column in zip(*values, strict=True))
    gain = measure.better * (second - first)
    return Difference(
        measure=measure,
        first=float(first.mean()),
        second=float(second.mean()),
        effect=estimate(lambda a, b: float((b - a).mean()), first, second),
        chance=randomisation_test(measure.better * first, measure.better * second),
        wins=int((gain > 0).sum()),
        losses=int((gain < 0).sum()),
        ties=int((gain == 0).sum()),
    )


def _set_difference(set_measure: SetMeasure, pairs: Pairs) -> Difference | None:
    rated = [
        (a, b)
        for a, b in pairs
        if not (a.error or b.error) and not (set_measure.rated and None in (a.confidence, b.confidence))
    ]
    first, second = set_measure.columns([a for a, _ in rated]), set_measure.columns([b for _, b in rated])
    width = len(first)
    values = set_measure.of_columns(*first), set_measure.of_columns(*second)
    if np.isnan(values).any():
        return None

    def gain(*columns: np.ndarray) -> float:
        return set_measure.of_columns(*columns[width:]) - set_measure.of_columns(*columns[:width])

    return Difference(
        measure=set_measure.measure,
        first=values[0],
        second=values[1],
        effect=estimate(gain, *first, *second),
        chance=swap_test(set_measure.of_columns, first, second, better=set_measure.measure.better),
    )
