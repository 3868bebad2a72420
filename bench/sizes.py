"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run.

    `passages` answer the questions; `built` of them are built anew in every round. So many `questions` are
    asked alone, and by 1, 8 and 32 clients each, others in every round.
    """

    passages: int = 10_000
    built: int = 300
    questions: int = 100
    rounds: int = 5
    k: int = 10
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    paragraphs: int = 10  # passages of a generated article
    sources: int = 10_000  # sentences that generated corpora are recombined from
    flat: int = 200_000  # vectors of a flat search: more than any cache holds
    forward: int = 500  # passages of a forward pass


WHOLE = Scale()
SMALL = Scale(
    passages=100, built=30, questions=8, rounds=2, sizes=(300, 3_000), sources=500, flat=20_000, forward=60
)
"""Some minutes, nearly all of them imports: whether everything runs, not how fast."""
