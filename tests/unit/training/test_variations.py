from __future__ import annotations

import random

from training.encoder.variations import as_typed, misspelt

QUESTION = "Why did the council close the harbour?"


def test_one_in_three_is_changed_and_the_seed_decides() -> None:
    typed = [as_typed(QUESTION, random.Random(seed)) for seed in range(1_000)]
    assert 0.62 < sum(one == QUESTION for one in typed) / 1_000 < 0.74
    assert typed == [as_typed(QUESTION, random.Random(seed)) for seed in range(1_000)]
    assert "council close harbour" in typed
    assert QUESTION.lower().rstrip("?") in typed


def test_a_slip_of_the_finger_changes_little() -> None:
    for seed in range(200):
        slipped = misspelt("harbour", random.Random(seed))
        assert abs(len(slipped) - len("harbour")) <= 2
        assert slipped[0] == "h"
    assert misspelt("why is it", random.Random(1)) == "why is it"
