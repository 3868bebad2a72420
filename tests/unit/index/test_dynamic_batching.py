from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from index.embedding.dynamic_batching import DynamicBatchingEncoder
from index.embedding.encoder import EncodedQuestion, Encoder, PassageText
from tests.support.fakes import WordEncoder


class GatedEncoder(WordEncoder):
    """Notes each call; the first waits until `gate` is opened. Refuses the text "bad" and what is no text."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self.entered = threading.Event()
        self.gate = threading.Event()

    def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
        self.calls.append(list(texts))
        if len(self.calls) == 1:
            self.entered.set()
            assert self.gate.wait(20)
        if "bad" in texts:
            raise ValueError("bad")
        return super().encode_questions(texts)


def ask_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([question.vector for question in encoder.encode_questions(texts)])


def asked_during_a_pass(
    inner: GatedEncoder, texts: Sequence[object]
) -> tuple[list[object], DynamicBatchingEncoder]:
    """What each of the texts gives, all asked, one caller each, while a pass for "first" is under way."""
    batched = DynamicBatchingEncoder(inner)
    given: list[object] = [None] * len(texts)

    def ask(place: int, text: object) -> None:
        try:
            given[place] = ask_vectors(batched, [text])[0]  # type: ignore[list-item]
        except (ValueError, AttributeError) as error:
            given[place] = error

    first = threading.Thread(target=batched.encode_questions, args=(["first"],))
    first.start()
    assert inner.entered.wait(20)
    others = [threading.Thread(target=ask, args=pair) for pair in enumerate(texts)]
    for place, thread in enumerate(others):
        thread.start()
        while len(batched._waiting) <= place:  # so that they stand in line in this order
            threading.Event().wait(0.001)
    inner.gate.set()
    for thread in [first, *others]:
        thread.join(20)
        assert not thread.is_alive()
    return given, batched


def test_it_is_the_encoder_it_wraps() -> None:
    inner = WordEncoder()
    batched: Encoder = DynamicBatchingEncoder(inner)
    assert (batched.name, batched.fingerprint) == ("words", "f" * 64)
    assert (batched.dimension, batched.max_tokens, batched.count_tokens("a b c")) == (32, 24, 5)
    seen: list[int] = []
    vectors = batched.encode(["a", "b b"], progress=seen.append)
    assert vectors.tolist() == inner.encode(["a", "b b"]).tolist()
    assert seen == [1, 1]
    assert batched.encode([]).shape == (0, 32)
    passages = [PassageText("a b. c", ((0, 4), (5, 6)))]
    assert batched.encode_passages(passages, progress=seen.append).counts.tolist() == [2]
    assert seen == [1, 1, 1]
    assert batched.encode_questions([]) == []
    assert (batched.token_dimension, batched.pools_late) == (32, True)


def test_who_asks_alone_is_encoded_alone_and_many_texts_go_through_as_they_are() -> None:
    inner = GatedEncoder()
    inner.gate.set()
    batched = DynamicBatchingEncoder(inner)
    for texts in (["one"], ["two"], [f"text {number}" for number in range(33)]):
        assert ask_vectors(batched, texts).tolist() == WordEncoder().encode(texts).tolist()
    assert [len(call) for call in inner.calls] == [1, 1, 33]


def test_who_comes_during_a_pass_is_encoded_together_in_the_next() -> None:
    inner = GatedEncoder()
    texts = [f"question {number}" for number in range(5)]
    given, _ = asked_during_a_pass(inner, texts)
    assert inner.calls == [["first"], texts]
    assert np.array(given).tolist() == WordEncoder().encode(texts).tolist()


def test_a_pass_holds_thirty_two_texts_at_most() -> None:
    inner = GatedEncoder()
    texts = [f"question {number}" for number in range(40)]
    given, _ = asked_during_a_pass(inner, texts)
    assert [len(call) for call in inner.calls] == [1, 32, 8]
    assert np.array(given).tolist() == WordEncoder().encode(texts).tolist()


def test_an_error_reaches_the_caller_whose_text_caused_it() -> None:
    inner = GatedEncoder()
    given, batched = asked_during_a_pass(inner, ["good", "bad", "better", None])
    assert isinstance(given[1], ValueError)
    assert isinstance(given[3], AttributeError)
    for place, text in ((0, "good"), (2, "better")):
        assert np.array(given[place]).tolist() == WordEncoder().encode([text])[0].tolist()
    assert len(batched.encode_questions(["after"])) == 1


def test_an_interrupted_pass_leaves_nobody_waiting() -> None:
    class Interrupted(GatedEncoder):
        def encode_questions(self, texts: Sequence[str]) -> list[EncodedQuestion]:
            if "stop" in texts:
                raise KeyboardInterrupt
            return super().encode_questions(texts)

    batched = DynamicBatchingEncoder(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        batched.encode_questions(["stop"])
    batched.encoder.gate.set()  # type: ignore[attr-defined]
    assert len(batched.encode_questions(["go"])) == 1


def test_many_callers_each_get_their_own() -> None:
    batched = DynamicBatchingEncoder(WordEncoder())
    wrong: list[str] = []

    def ask(caller: int) -> None:
        for number in range(50):
            text = f"caller {caller} asks {number}"
            if ask_vectors(batched, [text]).tolist() != WordEncoder().encode([text]).tolist():
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert len(batched.encoder.encoded) == 600  # type: ignore[attr-defined]
