"""Pullquote and the peers in turn: the same texts, the same questions, the same weights, one after another.

Each builds the whole corpus once. Then come rounds, in each of which every system is tried, another one first
each time. No question is asked twice of a process, so that no cache answers. The plainest system there is
finds the true nearest, by which recall is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bench.competitors import COMPETITORS, PLAIN, Competitor
from bench.errors import PeerFailed
from bench.exact_neighbours import recall
from bench.peer_protocol import timed
from bench.peer_trial import CLIENTS, Course, RoundQuestions, Trial, Values

_WARM_UP = 5  # questions before the clock starts

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """System -> measure -> a value for each round; system -> why it could not be measured to the end."""

    measured: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, values: Values) -> None:
        """Add what a round measured of one system."""
        rounds = self.measured.setdefault(name, {})
        for measure, value in values.items():
            rounds.setdefault(measure, []).append(value)


class Contest:
    """One run; a system that fails is left out from there on."""

    def __init__(
        self, course: Course, texts: Sequence[str], questions: Sequence[str], *, say: Say = print
    ) -> None:
        self._course, self._texts, self._say = course, texts, say
        self._questions = iter(questions)
        self._nearest: dict[str, list[list[int]]] = {}
        self.outcome = Outcome()

    def run(self, competitors: Sequence[Competitor] = COMPETITORS) -> Outcome:
        """All of it."""
        self._write("whole", self._texts)
        self._write("part", self._texts[: self._course.scale.built])
        self._once(competitors)
        for number in range(self._course.scale.rounds):
            first = number % len(competitors)
            self._round(number, [*competitors[first:], *competitors[:first]])
        return self.outcome

    def _write(self, name: str, texts: Sequence[str]) -> None:
        self._course.work.mkdir(parents=True, exist_ok=True)
        (self._course.work / f"{name}.json").write_text(json.dumps(list(texts)), encoding="utf-8")

    def _once(self, competitors: Sequence[Competitor]) -> None:
        questions = self._next_questions().alone

        def part(competitor: Competitor) -> Values:
            trial = Trial(competitor, self._course)
            values = trial.build_whole()
            measures, self._nearest[competitor.name] = trial.find(questions)
            return values | measures

        for competitor in filter(lambda competitor: competitor.answers, competitors):
            self._try(competitor, "whole", part)
        expected = self._nearest.get(PLAIN.name)
        for name, rows in self._nearest.items():
            if expected:
                self.outcome.note(name, {"recall": recall(rows, expected)})

    def _round(self, number: int, competitors: Sequence[Competitor]) -> None:
        questions, row = self._next_questions(), number % len(self._texts)
        text = f"{self._texts[row]} It was read again."

        def part(competitor: Competitor) -> Values:
            return Trial(competitor, self._course).round(questions, row=row, text=text)

        for competitor in competitors:
            self._try(competitor, f"round {number + 1}", part)

    def _try(self, competitor: Competitor, what: str, part: Callable[[Competitor], Values]) -> None:
        if competitor.name in self.outcome.failed:
            return
        try:
            seconds, values = timed(part, competitor)
        except PeerFailed as error:
            self.outcome.failed[competitor.name] = error.reason
            self._say(f"{what}, {competitor.name}: {error.reason}")
        else:
            self.outcome.note(competitor.name, values)
            self._say(f"{what}, {competitor.name}: {seconds:.0f} s")

    def _next_questions(self) -> RoundQuestions:
        """The next questions."""
        warm, alone, others, *load = (
            list(islice(self._questions, count))
            for count in (_WARM_UP, *[self._course.scale.questions] * (2 + len(CLIENTS)))
        )
        return RoundQuestions(warm, alone, others, dict(zip(CLIENTS, load, strict=True)))
