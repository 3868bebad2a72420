from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from index.retrieval.filter import NO_FILTER, Filter
from qa.errors import QuestionError
from tests.support.fake_assistant import DREDGING, FakeAssistant, answered, extract
from tests.support.fakes import article
from web.answering.answer_service import AnswerCache, AnswerService, CacheKey

ANSWER = DREDGING


def asked(question: str, k: int = 5, filters: Filter = NO_FILTER) -> CacheKey:
    return CacheKey(question, k, filters)


def test_the_answers_used_last_are_kept() -> None:
    recent = AnswerCache(2)
    for question in ("one", "two"):
        recent.put(asked(question), ANSWER)
    assert recent.get(ANSWER.generation, asked("one")) is ANSWER
    recent.put(asked("three"), ANSWER)
    kept = [recent.get(ANSWER.generation, asked(question)) for question in ("one", "two", "three")]
    assert kept == [ANSWER, None, ANSWER]


def test_another_number_filter_or_generation_is_another_question() -> None:
    recent = AnswerCache(9)
    recent.put(asked("one"), ANSWER)
    assert recent.get(ANSWER.generation, asked("one", k=6)) is None
    assert recent.get(ANSWER.generation, asked("one", filters=Filter(authors=("Ada",)))) is None
    assert recent.get(ANSWER.generation, asked("One")) is None
    assert recent.get("gen-9-0123456789abcdef", asked("one")) is None
    recent.put(asked("two"), replace(ANSWER, generation="gen-9-0123456789abcdef"))
    assert recent.get(ANSWER.generation, asked("one")) is None


def test_the_articles_of_cached_answers_are_bounded_in_bytes() -> None:
    long = answered(extract(article("long", "a " * 50_000), "a"))
    recent = AnswerCache(500, bytes=250_000)
    for question in ("one", "two", "three"):
        recent.put(asked(question), long)
    kept = [recent.get(long.generation, asked(question)) for question in ("one", "two", "three")]
    assert kept == [None, long, long]
    # The article once, however many extracts are of it; and filters count too.
    twice = answered(*long.extracts, *long.extracts)
    recent.put(asked("four"), twice)
    assert recent.get(long.generation, asked("three")) is long
    recent.put(asked("five", filters=Filter(authors=("x" * 100_000,))), ANSWER)
    assert recent.get(long.generation, asked("four")) is None


def test_an_answer_larger_than_the_cache_is_not_kept_and_costs_no_other() -> None:
    recent = AnswerCache(500, bytes=250_000)
    recent.put(asked("one"), ANSWER)
    recent.put(asked("two"), answered(extract(article("long", "a " * 200_000), "a")))
    assert recent.get(ANSWER.generation, asked("one")) is ANSWER
    assert recent.get(ANSWER.generation, asked("two")) is None


def test_none_are_kept_when_none_are_wanted() -> None:
    recent = AnswerCache(0)
    recent.put(asked("one"), ANSWER)
    assert recent.get(ANSWER.generation, asked("one")) is None


@pytest.mark.parametrize(("remembered", "calls"), [(10, 1), (0, 3)])
def test_the_desk_asks_again_only_what_it_does_not_remember(remembered: int, calls: int) -> None:
    assistant = FakeAssistant()
    told: list[str] = []
    desk = AnswerService(assistant, remembered=remembered, recorder=lambda name, *_: told.append(name))

    async def three_times() -> list[str]:
        return [(await desk.ask("the same")).id for _ in range(3)]

    names = asyncio.run(three_times())
    assert len(assistant.asked) == calls
    # Each is a question of its own to whoever judges it.
    assert len(set(names)) == 3
    assert told == names


def test_what_cannot_be_asked_is_told_each_time() -> None:
    desk = AnswerService(FakeAssistant(), remembered=10)
    for _ in range(2):
        with pytest.raises(QuestionError):
            asyncio.run(desk.ask("?!"))
