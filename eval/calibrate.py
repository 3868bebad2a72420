"""Fits a confidence on gold questions: the one file that knows scikit-learn.

What is predicted is that the articles answer the question at all, from the facts of its best hit: that is
what declining has to know. (On public questions a fit to whether the first answer is right told unanswerable
questions apart less well: AUROC .834 against .840.) From where on an answer is called strong is decided by
how many first answers are right. All that is reported comes from questions held out of the fit that rated
them, and so do the thresholds; these were chosen on the ratings they are reported on, which flatters them a
little. Isotonic regression has steps: its thresholds are chosen among those of the final curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from eval.abstention import auroc, calibration_error
from eval.errors import EvalFailure
from eval.gold import GoldQuestion
from eval.run import evaluate
from index.embedding.encoder import Encoder
from index.search.query import Hit
from index.search.rerank import Reranker
from qa.answer import Answer
from qa.assistant import Assistant
from qa.confidence import FACTS, READ_FACTS, Calibration, facts

MAX_WRONG_REFUSALS = 0.05
"""Share of the answerable questions that may be declined so that unanswerable ones are."""
STRONG_PRECISION = 0.8
"""Share of the strong answers that must be right: nine in ten is reached nowhere on public questions, of
which a third are near misses written to mislead."""
MIN_STRONG_ANSWERS = 10
"""Answers that this share is taken over at the least: two of two are not "all of them"."""
NEVER = 1.01
"""A threshold that no confidence reaches."""
FOLDS = 5
REPEATS = 10
SEED = 1
# Inverse strength of the penalty: keeps a fact that seldom varies from getting an extreme weight.
_PENALTY = 100.0

Floats = NDArray[np.float64]
Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


class Method(StrEnum):
    """How odds become a chance."""

    LOGISTIC = "logistic"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Observed:
    """Of each question: the facts of its best hit, whether its first answer is right, whether it has one.

    `values` has shape (questions, facts), `right` and `answerable` (questions,) with 0 or 1.
    """

    values: Floats
    right: Floats
    answerable: Floats


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights, constant and steps as `qa.confidence.Calibration` holds them."""

    weights: tuple[float, ...]
    constant: float
    steps: tuple[tuple[float, float], ...] = ()

    def chances(self, values: Floats) -> Floats:
        """The chance of each row of facts."""
        odds: Floats = values @ np.array(self.weights) + self.constant
        if not self.steps:
            return np.asarray(1 / (1 + np.exp(-odds)))
        at, chance = np.array(self.steps).T
        return np.asarray(np.interp(odds, at, chance))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Questions rated by fits that did not see them, each as often as it was held out."""

    chances: Floats
    right: Floats
    answerable: Floats

    @property
    def brier(self) -> float:
        """Mean squared distance of chance and outcome (Brier, 1950): 0 is perfect, a coin's is .25."""
        return float(((self.chances - self.answerable) ** 2).mean())

    @property
    def ece(self) -> float:
        """See `eval.abstention`."""
        return calibration_error(self.chances, self.answerable)

    @property
    def auroc(self) -> float:
        """Answerable against not; see `eval.abstention`."""
        return auroc(self.chances, self.answerable)


def observe(
    assistant: Assistant, gold: Sequence[GoldQuestion], *, progress: Callable[[int, int], None] | None = None
) -> Observed:
    """What a fit needs to know of each question; one that nothing is found for is left out."""
    best: dict[str, Hit] = {}

    def ask(question: str) -> Answer:
        answer = assistant.ask(question, 1)
        for extract in (*answer.extracts, *answer.nearest):
            if extract.hit:
                best[question] = extract.hit
        return answer

    run = evaluate(ask, gold, assistant.generation.articles, k=1, progress=progress)
    pairs = [(row, best[row.question]) for row in run.rows if row.question in best]
    weighed = READ_FACTS if assistant.reranking else FACTS
    return Observed(
        np.array([facts(hit) for _, hit in pairs]).reshape(-1, len(weighed)),
        np.array([row.measures.get("hit@1", 0.0) for row, _ in pairs]),
        np.array([float(row.answerable) for row, _ in pairs]),
    )


def fit(observed: Observed, method: Method) -> Fit:
    """Logistic regression, and isotonic regression of its odds when asked for."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_PENALTY, max_iter=1_000).fit(observed.values, observed.answerable)
    logistic = Fit(tuple(model.coef_[0].tolist()), float(model.intercept_[0]))
    if method is Method.LOGISTIC:
        return logistic
    odds = observed.values @ model.coef_[0] + model.intercept_[0]
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(odds, observed.answerable)
    steps = zip(curve.X_thresholds_.tolist(), curve.y_thresholds_.tolist(), strict=True)
    return Fit(logistic.weights, logistic.constant, tuple(steps))


def hold_out(observed: Observed, method: Method, folds: Folds) -> HeldOut:
    """Rate the second rows of each fold by a fit on the first."""
    rated = [
        (test, fit(_rows(observed, train), method).chances(observed.values[test])) for train, test in folds
    ]
    places = np.concatenate([test for test, _ in rated])
    return HeldOut(
        np.concatenate([chances for _, chances in rated]), observed.right[places], observed.answerable[places]
    )


def question_folds(observed: Observed) -> Folds:
    """Five folds with like shares of answerable questions, drawn ten times.

    Raises EvalFailure when there are fewer than five questions that can be answered, or that cannot.
    """
    from sklearn.model_selection import RepeatedStratifiedKFold

    answerable = int(observed.answerable.sum())
    unanswerable = len(observed.answerable) - answerable
    if min(answerable, unanswerable) < FOLDS:
        raise EvalFailure(
            f"too little to fit on: {answerable} answerable and {unanswerable} unanswerable questions found "
            f"something, and {FOLDS} of each are needed at the least; add gold questions"
        )
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    return list(folds.split(observed.values, observed.answerable))


def abstain_below(held_out: HeldOut, withheld: float = MAX_WRONG_REFUSALS) -> float:
    """The highest threshold that withholds at most this share of the answers to answerable questions.

    Answerable questions rated .2, .4, .6, .8 and a share of .25 -> .4: one of four lies below it.
    """
    rated = np.sort(held_out.chances[held_out.answerable == 1])
    return float(rated[min(int(withheld * len(rated)), len(rated) - 1)])


def strong_from(held_out: HeldOut, share: float = STRONG_PRECISION) -> float:
    """The lowest threshold from which on this share of first answers is right, `NEVER` if there is none."""
    order = np.argsort(-held_out.chances, kind="stable")
    chances, right = held_out.chances[order], held_out.right[order]
    shares = np.cumsum(right) / np.arange(1, len(right) + 1)
    last = np.append(chances[1:] != chances[:-1], True)
    enough = np.arange(1, len(right) + 1) >= MIN_STRONG_ANSWERS
    reached = np.flatnonzero((shares >= share) & last & enough)
    return float(chances[reached[-1]]) if reached.size else NEVER


def thresholds(
    observed: Observed,
    held_out: HeldOut,
    method: Method,
    *,
    withheld: float = MAX_WRONG_REFUSALS,
    share: float = STRONG_PRECISION,
) -> tuple[float, float]:
    """Abstain below, strong from: of what was held out, or of the final curve when it has steps."""
    if method is Method.ISOTONIC:
        chances = fit(observed, method).chances(observed.values)
        held_out = HeldOut(chances, observed.right, observed.answerable)
    return abstain_below(held_out, withheld), strong_from(held_out, share)


def calibration(
    observed: Observed,
    method: Method,
    bounds: tuple[float, float],
    *,
    models: tuple[Encoder, Reranker | None],
    fitted_on: str,
) -> Calibration:
    """The fit on all questions, with these thresholds (abstain below, strong from).

    They are rounded to three digits, away from what they would let happen, so that a file can be read.
    """
    whole = fit(observed, method)
    low, high = math.floor(1_000 * bounds[0]) / 1_000, math.ceil(1_000 * bounds[1]) / 1_000
    encoder, reranker = models
    return Calibration(
        model=encoder.name,
        fingerprint=encoder.fingerprint,
        reranker=reranker.name if reranker else "",
        reranker_fingerprint=reranker.fingerprint if reranker else "",
        facts=READ_FACTS if reranker else FACTS,
        weights=whole.weights,
        constant=whole.constant,
        steps=whole.steps,
        abstain_below=low,
        strong_from=max(low, high),
        fitted_on=fitted_on,
    )


def describe(rated: Mapping[Method, HeldOut], best: Method, bounds: tuple[float, float]) -> list[str]:
    """What the fits gave the questions they did not see, and what the thresholds do to these."""
    lines = [
        f"{method}, held out: Brier {held.brier:.3f}, ECE {held.ece:.3f}, AUROC {held.auroc:.3f}"
        + " (taken)" * (method is best)
        for method, held in rated.items()
    ]
    held_out, (low, high) = rated[best], bounds
    declined, strong = held_out.chances < low, held_out.chances >= high
    lines.append(
        f"declined below {low:.3f}: {declined[held_out.answerable == 1].mean():.0%} of the answerable and "
        f"{declined[held_out.answerable == 0].mean():.0%} of the unanswerable questions"
    )
    if high >= NEVER:
        return [*lines, "strong: never, because at no confidence enough first answers are right"]
    right = held_out.right[strong].mean()
    return [
        *lines,
        f"strong from {high:.3f}: {strong.mean():.0%} of the questions, {right:.0%} of them right",
    ]


def _rows(observed: Observed, places: NDArray[np.int64]) -> Observed:
    return Observed(observed.values[places], observed.right[places], observed.answerable[places])
