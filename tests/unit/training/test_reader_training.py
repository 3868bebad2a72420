from __future__ import annotations

import random
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("torch")

from training.encoder.rows import Row
from training.reader.examples import BATCH, ExampleMaker, near_passages

CLS, SEP, PAD = 1, 2, 0
DEVON = Row(
    "How many trusts did Devon open in 2003?",
    ("Trusts were new.", "Devon opened 14 in 2003."),
    (False, True),
    "made",
)
KENT = Row("Where does the Kent office stand?", ("The Kent office stands in Dover.",), (True,), "made")
UNANSWERED = Row("Why did it close?", ("It closed in May.", "Nobody knew."), (False, False), "made")


def encode(text: str) -> list[int]:
    """A number from 3 on for each word."""
    return [3 + sum(map(ord, word)) % 1000 for word in text.split()]


@pytest.fixture
def maker() -> ExampleMaker:
    return ExampleMaker([DEVON, KENT, UNANSWERED], [[1], [0], []], encode, (CLS, SEP, PAD))


def test_a_renamed_question_asks_for_what_is_not_in_the_passage(maker: ExampleMaker) -> None:
    chance = random.Random(1)
    made = [row for _ in range(40) if (row := maker.renamed(DEVON, chance))]
    assert made
    for row in made:
        assert row.question != DEVON.question
        assert row.sentences == DEVON.sentences
        assert not row.answerable
        changed = set(row.question.split()) - set(DEVON.question.split())
        assert not any(word.rstrip("?") in " ".join(DEVON.sentences) for word in changed)
    assert maker.renamed(UNANSWERED, chance) is None


def test_tokens_know_their_sentence(maker: ExampleMaker) -> None:
    batch = next(iter(maker.own([DEVON, KENT])))
    ids, types, owner, mask = (tensor.tolist() for tensor in batch.inputs)
    asked = 1 + len(DEVON.question.split()) + 1
    assert ids[0][0] == CLS
    assert ids[0][asked - 1] == SEP
    assert types[0][: asked + 1] == [0] * asked + [1]
    assert owner[0][asked : asked + 8] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert sum(mask[1]) == 1 + len(KENT.question.split()) + 1 + 6 + 1
    assert batch.answers.tolist() == [[0, 1], [1, -1]]


def test_batches_hold_answered_and_unanswered_passages(maker: ExampleMaker) -> None:
    batches = list(islice(maker.batches(random.Random(2)), 8))
    assert all(len(batch.answers) == BATCH for batch in batches)
    answered = np.concatenate([(batch.answers > 0).any(dim=1).numpy() for batch in batches])
    assert 0.2 < answered.mean() < 0.6


def test_near_passages_share_no_sentence_with_the_own_one() -> None:
    rows = [Row(f"q{n}", (f"sentence {n // 2}.",), (True,), "made") for n in range(40)]
    vectors = np.eye(40, dtype=np.float32) + 0.1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number, near in enumerate(near_passages(rows, vectors, vectors)):
        assert all(other // 2 != number // 2 for other in near)
        assert len(near) <= 10
