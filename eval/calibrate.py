"""Fits confidence on gold questions with scikit-learn.

Predicts from the features of the best hit that the first extract answers, which is what a reader wants to
know of it. The share of right first answers decides from which confidence an answer is called strong; the
states follow from costs (see `qa.confidence`). Scores and this threshold come from held-out questions; the
threshold is chosen on the ratings it is reported on, which flatters it a little. Isotonic regression has
steps: its threshold is chosen among those of the final curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from eval.abstention import auroc, calibration_error, cumulative
from eval.errors import EvalFailure
from eval.gold import GoldQuestion
from eval.run import evaluate
from index.embedding.encoder import Encoder
from index.search.query import Hit
from index.search.rerank import Reranker
from qa.answer import Answer
from qa.assistant import Assistant
from qa.confidence import FEATURES, Calibration, Costs, features

STRONG_PRECISION = 0.9
"""Share of strong answers that must be right."""
MIN_STRONG_ANSWERS = 10
"""Answers needed to measure that share: two of two prove nothing."""
NEVER = 1.01
"""A threshold above every confidence."""
FOLDS = 5
REPEATS = 10
SEED = 1
# Inverse penalty: keeps a feature that seldom varies from getting an extreme weight.
_PENALTY = 100.0

Floats = NDArray[np.float64]
Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


class Method(StrEnum):
    """How log-odds become a probability."""

    LOGISTIC = "logistic"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Observed:
    """Features of each question's best hit, shape (questions, features), with the outcomes, 0 or 1."""

    names: tuple[str, ...]
    values: Floats
    right: Floats
    answerable: Floats


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights, constant and steps of a `qa.confidence.Calibration`."""

    weights: tuple[float, ...]
    constant: float
    steps: tuple[tuple[float, float], ...] = ()

    def odds(self, values: Floats) -> Floats:
        """The log-odds of each row of features."""
        return np.asarray(values @ np.array(self.weights) + self.constant)

    def chances(self, values: Floats) -> Floats:
        """The probability of each row of features."""
        odds = self.odds(values)
        if not self.steps:
            return np.asarray(1 / (1 + np.exp(-odds)))
        at, chance = np.array(self.steps).T
        return np.asarray(np.interp(odds, at, chance))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Questions rated by fits on other questions, each as often as it was held out."""

    chances: Floats
    right: Floats
    answerable: Floats

    @property
    def brier(self) -> float:
        """Mean squared error of the probabilities (Brier, 1950): 0 is perfect, a coin has .25."""
        return float(((self.chances - self.right) ** 2).mean())

    @property
    def ece(self) -> float:
        """Expected calibration error; see `eval.abstention`."""
        return calibration_error(self.chances, self.right)

    @property
    def auroc(self) -> float:
        """Answerable against unanswerable; see `eval.abstention`."""
        return auroc(self.chances, self.answerable)


def observe(
    assistant: Assistant, gold: Sequence[GoldQuestion], *, progress: Callable[[int, int], None] | None = None
) -> Observed:
    """The training data of a fit; questions without a hit are left out."""
    best: dict[str, Hit] = {}

    def ask(question: str) -> Answer:
        answer = assistant.ask(question, 1)
        for extract in (*answer.extracts, *answer.nearest):
            if extract.hit:
                best[question] = extract.hit
        return answer

    run = evaluate(ask, gold, assistant.generation.articles, k=1, progress=progress)
    pairs = [(row, best[row.question]) for row in run.rows if row.question in best]
    known = [features(hit) for _, hit in pairs]
    names = tuple(name for name in FEATURES if all(name in values for values in known))
    return Observed(
        names,
        np.array([[values[name] for name in names] for values in known]).reshape(-1, len(names)),
        np.array([row.measures.get("hit@1", 0.0) for row, _ in pairs]),
        np.array([float(row.answerable) for row, _ in pairs]),
    )


def fit(observed: Observed, method: Method) -> Fit:
    """Logistic regression, followed by isotonic regression of its log-odds for that method."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_PENALTY, max_iter=1_000).fit(observed.values, observed.right)
    logistic = Fit(tuple(model.coef_[0].tolist()), float(model.intercept_[0]))
    if method is Method.LOGISTIC:
        return logistic
    curve = IsotonicRegression(y_min=0.0, y_max=1.0).fit(logistic.odds(observed.values), observed.right)
    steps = zip(curve.X_thresholds_.tolist(), curve.y_thresholds_.tolist(), strict=True)
    return replace(logistic, steps=tuple(steps))


def hold_out(observed: Observed, method: Method, folds: Folds) -> HeldOut:
    """Rate the test rows of each fold by a fit on its training rows."""
    chances = [
        fit(
            replace(
                observed,
                values=observed.values[train],
                right=observed.right[train],
                answerable=observed.answerable[train],
            ),
            method,
        ).chances(observed.values[test])
        for train, test in folds
    ]
    rows = np.concatenate([test for _, test in folds])
    return HeldOut(np.concatenate(chances), observed.right[rows], observed.answerable[rows])


def question_folds(observed: Observed) -> Folds:
    """Five stratified folds, drawn ten times.

    Raises EvalFailure with fewer than five questions whose first answer is right, or wrong.
    """
    from sklearn.model_selection import RepeatedStratifiedKFold

    right = int(observed.right.sum())
    wrong = len(observed.right) - right
    if min(right, wrong) < FOLDS:
        raise EvalFailure(
            f"too little to fit on: {right} first answers are right and {wrong} wrong (those of unanswerable "
            f"questions are), and {FOLDS} of each are needed at the least; add gold questions"
        )
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    return list(folds.split(observed.values, observed.right))


def strong_from(held_out: HeldOut, share: float = STRONG_PRECISION) -> float:
    """The lowest threshold above which this share of first answers is right; `NEVER` if there is none."""
    return min(
        (
            chance
            for chance, count, right in cumulative(held_out.chances, held_out.right)
            if right / count >= share and count >= MIN_STRONG_ANSWERS
        ),
        default=NEVER,
    )


def strong_threshold(
    observed: Observed, held_out: HeldOut, method: Method, *, share: float = STRONG_PRECISION
) -> float:
    """`strong_from` of held-out ratings, or of the final curve if it has steps."""
    if method is Method.ISOTONIC:
        chances = fit(observed, method).chances(observed.values)
        held_out = HeldOut(chances, observed.right, observed.answerable)
    return strong_from(held_out, share)


def calibration(
    observed: Observed,
    method: Method,
    strong: float,
    *,
    models: tuple[Encoder, Reranker | None],
    fitted_on: str,
) -> Calibration:
    """The fit on all questions; the threshold of strong is rounded up to three digits for readability."""
    whole = fit(observed, method)
    encoder, reranker = models
    return Calibration(
        model=encoder.name,
        fingerprint=encoder.fingerprint,
        reranker=reranker.name if reranker else "",
        reranker_fingerprint=reranker.fingerprint if reranker else "",
        facts=observed.names,
        weights=whole.weights,
        constant=whole.constant,
        steps=whole.steps,
        strong_from=math.ceil(1_000 * strong) / 1_000,
        fitted_on=fitted_on,
    )


def describe(rated: Mapping[Method, HeldOut], best: Method, strong: float, *, costs: Costs) -> list[str]:
    """Lines about the scores of held-out questions, and the effect of the thresholds on them."""
    lines = [
        f"{method}, held out: Brier {held_out.brier:.3f}, ECE {held_out.ece:.3f}, AUROC {held_out.auroc:.3f}"
        + " (taken)" * (method is best)
        for method, held_out in rated.items()
    ]
    held_out = rated[best]
    for name, threshold in (("unsure", costs.unsure_from), ("answered", costs.answered_from)):
        above = held_out.chances >= threshold
        lines.append(
            f"{name} from {threshold:.3f}: {above[held_out.answerable == 1].mean():.0%} of the answerable "
            f"and {above[held_out.answerable == 0].mean():.0%} of the unanswerable questions"
        )
    if strong >= NEVER:
        return [*lines, "strong: never, because at no confidence enough first answers are right"]
    above = held_out.chances >= strong
    share, right = above.mean(), held_out.right[above].mean()
    return [*lines, f"strong from {strong:.3f}: {share:.0%} of the questions, {right:.0%} of them right"]
