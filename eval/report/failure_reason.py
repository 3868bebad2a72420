"""Names the outcome of a question and explains it in a sentence."""

from __future__ import annotations

from enum import StrEnum

from eval.run import QuestionResult
from qa.answer import State

# Documents of a ranking that count as listed.
_LISTED = 10


class Outcome(StrEnum):
    """Outcomes of a question; all but `RIGHT` and `REFUSED` are failures."""

    RIGHT = "right"
    REFUSED = "rightly not answered"
    LOWER = "answer lower down"
    MISSED = "answer not shown"
    UNSURE = "unsure"
    WITHHELD = "wrongly without an answer"
    CLAIMED = "wrongly answered"
    FAILED = "not asked"

    @property
    def failure(self) -> bool:
        """Whether the outcome is wrong."""
        return self not in (Outcome.RIGHT, Outcome.REFUSED)


def outcome(row: QuestionResult) -> Outcome:
    """The outcome of a question."""
    if row.error:
        return Outcome.FAILED
    if not row.answerable:
        return Outcome.CLAIMED if row.state is State.ANSWERED else Outcome.REFUSED
    if row.state is not State.ANSWERED:
        return Outcome.UNSURE if row.state is State.UNSURE else Outcome.WITHHELD
    if row.measures.get("hit@1", row.measures.get("P@1")):
        return Outcome.RIGHT
    return Outcome.LOWER if _shown_at(row) else Outcome.MISSED


def explain(row: QuestionResult) -> str:
    """One or two sentences: the rank of the evidence at each stage, and what that means."""
    sure = "" if row.confidence is None else f" Confidence was {row.confidence:.2f}."
    sentences = {
        Outcome.FAILED: row.error,
        Outcome.RIGHT: "The first answer holds the evidence.",
        Outcome.REFUSED: f"The articles do not answer, and nothing was claimed.{sure}",
        Outcome.CLAIMED: f"The articles do not answer, and still an answer was given.{sure}",
        Outcome.UNSURE: f"The articles answer, and it was unsure.{sure} {_evidence(row)}",
        Outcome.WITHHELD: f"The articles answer, and still no answer was found.{sure} {_evidence(row)}",
    }
    return sentences.get(outcome(row)) or _evidence(row)


def _shown_at(row: QuestionResult) -> int | None:
    return row.ranks.get("shown") or next(
        (rank for rank, document in enumerate(row.ranking[:_LISTED], start=1) if row.judged.get(document)),
        None,
    )


def _evidence(row: QuestionResult) -> str:
    at = _shown_at(row)
    if at:
        return f"The evidence stands at rank {at} of what is listed."
    stages = {name: rank for name, rank in row.ranks.items() if name != "shown"}
    if not stages:
        return "The evidence is in nothing that is listed."
    last, rank = list(stages.items())[-1]
    before = ", ".join(f"{name} {_rank(rank)}" for name, rank in list(stages.items())[:-1])
    if rank is not None and rank <= len(row.shown):
        return (
            f"The {last} ranking has the evidence at rank {rank} ({before}), but it is not what is marked: "
            f"a better neighbour or a repetition took its place."
        )
    return f"The {last} ranking has the evidence at {_rank(rank)} ({before}), below what is listed."


def _rank(rank: int | None) -> str:
    return f"rank {rank}" if rank else "no rank: it is not among the candidates"
