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
from eval.summary import SET_MEASURES, SetMeasure, by_slice, columns, measures_of

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


Pairs = Sequence[tuple[QuestionResult, QuestionResult]]


def compare(first: Run, second: Run) -> Comparison:
    """Compare B (`second`) with A (`first`). Raises RunError if they were not judged alike."""
    pairs = _paired(first, second)
    differences = {
        name: [difference for measure in measures_of(first) if (difference := _difference(measure, chosen))]
        for name, chosen in by_slice(pairs, lambda pair: pair[0].type).items()
    }
    for measure in () if first.documents else SET_MEASURES:
        if difference := _set_difference(measure, pairs):
            differences[ALL_QUESTIONS].append(difference)
    lead = "P@1" if first.documents else "hit@1"
    gains = [(b, b.measures.get(lead, 0) - a.measures.get(lead, 0)) for a, b in pairs]
    won = tuple(row for row, gain in gains if gain > 0)
    lost = tuple(row for row, gain in gains if gain < 0)
    return Comparison(differences, lead, mcnemar(len(won), len(lost)), won, lost)


def _paired(first: Run, second: Run) -> Pairs:
    units = [f"{run.k} {'documents' if run.documents else 'extracts'}" for run in (first, second)]
    if units[0] != units[1]:
        raise RunError(
            f"the runs were judged by different cutoffs or units ({' and '.join(units)}); "
            f"run one of them again as the other was"
        )
    rows, other = ({row.id: row for row in run.rows} for run in (first, second))
    differing = [
        name
        for name, row in rows.items()
        if name not in other or _gold_content(row) != _gold_content(other[name])
    ]
    differing += sorted(other.keys() - rows.keys())
    if differing:
        named = ", ".join(differing[:3]) + (" ..." if len(differing) > 3 else "")
        raise RunError(
            f"the runs are of different gold questions ({len(differing)} differ: {named}); "
            f"run both on one file"
        )
    return [(row, other[name]) for name, row in rows.items()]


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
    first, second = np.array(values).T
    gain = measure.better * (second - first)
    return Difference(
        measure=measure,
        first=float(first.mean()),
        second=float(second.mean()),
        effect=estimate(lambda a, b, axis=-1: (b - a).mean(axis=axis), first, second, vectorized=True),
        chance=randomisation_test(measure.better * first, measure.better * second),
        wins=int((gain > 0).sum()),
        losses=int((gain < 0).sum()),
        ties=int((gain == 0).sum()),
    )


def _set_difference(set_measure: SetMeasure, pairs: Pairs) -> Difference | None:
    both = [(a, b) for a, b in pairs if set_measure.pair(a) and set_measure.pair(b)]
    first, second = (columns([pair[run] for pair in both], set_measure.pair) for run in (0, 1))
    value = set_measure.of_columns
    if np.isnan([value(*first), value(*second)]).any():
        return None
    return Difference(
        measure=set_measure.measure,
        first=value(*first),
        second=value(*second),
        effect=estimate(lambda *both: value(*both[2:]) - value(*both[:2]), *first, *second),
        chance=swap_test(value, first, second, better=set_measure.measure.better),
    )
