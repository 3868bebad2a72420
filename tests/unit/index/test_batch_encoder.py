from __future__ import annotations

import random
import threading
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from index.embedding.batch_encoder import (
    FP32_BELOW,
    SLAB,
    BackendModels,
    BatchEncoder,
    LatePoolingEncoder,
    one_ahead,
    pack,
)
from index.embedding.encoder import PassageText
from index.embedding.parity import PROBES
from index.embedding.shipped_models import default_model_folder
from index.embedding.tokenizer import IDS, MASK, TYPES, Inputs, Tokenizer
from index.errors import ModelRefused


class PlaneNetwork:
    """The sum of a text's ids as an angle in degrees, turned by `turn`; notes the shapes it is given."""

    dimension = 2
    token_dimension = 0
    pools_late = False
    step = 1

    def __init__(self, *, budget: int = 12, turn: float = 0.0) -> None:
        self.budget = budget
        self.shapes: list[tuple[int, ...]] = []
        self._turn = turn

    def __call__(self, inputs: Inputs) -> NDArray[np.float32]:
        self.shapes.append(inputs[IDS].shape)
        angles = np.radians((inputs[IDS] * inputs[MASK]).sum(axis=1) % 360 + self._turn)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def pieces() -> Tokenizer:
    written = (default_model_folder() / "tokenizer.json").read_text(encoding="utf-8")
    return Tokenizer(written, names=(IDS, MASK, TYPES), max_tokens=16, pad_id=0)


def encoder(pieces: Tokenizer, networks: BackendModels) -> BatchEncoder:
    return BatchEncoder(networks, pieces, name="plane", fingerprint="f" * 64)


def angle(pieces: Tokenizer, text: str, turn: float = 0.0) -> list[float]:
    degrees = np.radians(pieces.tokenize([text])[0].sum() % 360 + turn)
    return [float(np.cos(degrees)), float(np.sin(degrees))]


def test_batches_are_packed_by_pieces_and_filling_is_counted(pieces: Tokenizer) -> None:
    network = PlaneNetwork()
    texts = [
        "hello",
        "hello " * 7,
        "",
        "hello world",
    ]  # 3, 9, 2 and 4 pieces, as in `index.embedding.batch_encoder`
    batches: list[int] = []
    plane = encoder(pieces, BackendModels("torch", network))
    vectors = plane.encode(texts, progress=batches.append)
    assert network.shapes == [(3, 4), (1, 9)]
    assert batches == [3, 1]
    assert sum(plane.count_tokens(text) for text in texts) == 18  # and 3 of padding
    assert vectors == pytest.approx(np.array([angle(pieces, text) for text in texts]), abs=1e-6)


def test_many_texts_come_back_in_their_own_order(pieces: Tokenizer) -> None:
    texts = [f"text {number} " + "word " * (number % 11) for number in range(2 * SLAB + 7)]
    batches: list[int] = []
    vectors = encoder(pieces, BackendModels("torch", PlaneNetwork(budget=256))).encode(
        texts, progress=batches.append
    )
    assert vectors == pytest.approx(np.array([angle(pieces, text) for text in texts]), abs=1e-6)
    assert sum(batches) == len(texts)


def test_nothing_is_encoded_to_nothing(pieces: Tokenizer) -> None:
    assert encoder(pieces, BackendModels("torch", PlaneNetwork())).encode([]).shape == (0, 2)


def ways(turn: float, *, exact: float = 0.0, strict: bool = False) -> tuple[BackendModels, list[str]]:
    """Networks turned by so many degrees from the reference; each making of the quick one is noted."""
    made: list[str] = []

    def make() -> PlaneNetwork:
        made.append("quick")
        return PlaneNetwork(turn=turn)

    return BackendModels("bf16", PlaneNetwork(turn=exact), make_fast=make, strict=strict), made


def with_reference(pieces: Tokenizer, networks: BackendModels) -> BackendModels:
    networks.reference = np.array([angle(pieces, probe) for probe in PROBES], dtype=np.float32)
    return networks


def test_few_texts_take_the_exact_network_and_many_the_quick_one(pieces: Tokenizer) -> None:
    networks, made = ways(2.0)  # a cosine of .99939
    plane = encoder(pieces, with_reference(pieces, networks))
    assert networks.agreement == pytest.approx(1, abs=1e-6)
    few, many = (
        [f"text {number}" for number in range(FP32_BELOW)],
        [f"text {number}" for number in range(FP32_BELOW + 1)],
    )
    assert plane.encode(few)[3] == pytest.approx(angle(pieces, "text 3"), abs=1e-6)
    assert made == []
    assert plane.encode(many)[3] == pytest.approx(angle(pieces, "text 3", 2.0), abs=1e-6)
    plane.encode(many)
    assert made == ["quick"]
    assert networks.agreement == pytest.approx(np.cos(np.radians(2.0)), abs=1e-6)


def test_a_quick_network_that_does_not_agree_is_not_used(pieces: Tokenizer) -> None:
    networks, made = ways(3.0)  # a cosine of .99863
    plane = encoder(pieces, with_reference(pieces, networks))
    many = [f"text {number}" for number in range(FP32_BELOW + 1)]
    assert plane.encode(many)[3] == pytest.approx(angle(pieces, "text 3"), abs=1e-6)
    plane.encode(many)
    assert made == ["quick"]
    assert networks.agreement == pytest.approx(1, abs=1e-6)


def test_one_that_was_asked_for_by_name_is_refused_instead(pieces: Tokenizer) -> None:
    networks, _ = ways(3.0, strict=True)
    plane = encoder(pieces, with_reference(pieces, networks))
    with pytest.raises(ModelRefused, match=r"^bf16 does not agree .* is 0\.9986, .* use --backend torch$"):
        plane.encode(["text"] * (FP32_BELOW + 1))
    assert plane.encode(["text"])[0] == pytest.approx(angle(pieces, "text"), abs=1e-6)


def test_an_exact_network_that_does_not_agree_is_always_refused(pieces: Tokenizer) -> None:
    networks, _ = ways(0.0, exact=3.0)
    with pytest.raises(ModelRefused, match="does not agree"):
        encoder(pieces, with_reference(pieces, networks))


class StateNetwork(PlaneNetwork):
    """States of two numbers, token vectors of one, and weights: from the ids alone, without context."""

    token_dimension = 1
    pools_late = True

    def __call__(self, inputs: Inputs) -> NDArray[np.float32]:
        self.shapes.append(inputs[IDS].shape)
        angles = np.radians(inputs[IDS] % 360)
        numbers = [np.cos(angles), np.sin(angles), np.sign(np.cos(angles)), inputs[IDS] % 3]
        return np.stack(numbers, axis=2).astype(np.float32)


def states(pieces: Tokenizer, text: str) -> NDArray[np.float64]:
    """The states of a text's tokens without the special ones."""
    angles = np.radians(pieces.tokenize([text])[0][1:-1] % 360)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def late(pieces: Tokenizer, network: StateNetwork) -> LatePoolingEncoder:
    return LatePoolingEncoder(BackendModels("torch", network), pieces, name="states", fingerprint="f" * 64)


def test_a_passage_is_read_once_and_its_sentences_are_the_sums_of_their_tokens(pieces: Tokenizer) -> None:
    network = StateNetwork(budget=64)
    passages = [
        PassageText("It rose. It fell again, said he.", ((0, 8), (9, 32))),
        PassageText("Nobody paid.", ((0, 12),)),
        PassageText("the rest of a sentence that began before", ()),
        PassageText("\u200b A harbour.", ((0, 1), (2, 12))),  # the first has no token
    ]
    batches: list[int] = []
    encoded = late(pieces, network).encode_passages(passages, progress=batches.append)
    assert sum(rows for rows, _ in network.shapes) == len(passages) == sum(batches)
    assert encoded.counts.tolist() == [2, 1, 0, 2]
    sentences = ["It rose.", "It fell again, said he.", "Nobody paid.", "A harbour."]
    sums = [states(pieces, sentence).sum(axis=0) for sentence in sentences]
    rows = [0, 1, 2, 4]
    assert encoded.lengths[rows] == pytest.approx(np.linalg.norm(sums, axis=1), abs=1e-5)
    assert encoded.vectors[rows] * encoded.lengths[rows, None] == pytest.approx(np.array(sums), abs=1e-5)
    assert (encoded.lengths[3], encoded.token_counts[3]) == (0, 0)
    whole = pieces.tokenize(["\u200b A harbour."])[0] % 360
    mean = np.exp(1j * np.radians(whole)).sum()
    assert encoded.vectors[3] == pytest.approx([(mean / abs(mean)).real, (mean / abs(mean)).imag], abs=1e-5)
    assert encoded.token_counts[rows].tolist() == [len(states(pieces, sentence)) for sentence in sentences]
    signs = np.concatenate([np.sign(states(pieces, sentence)[:, 0]) for sentence in sentences])
    assert encoded.tokens[:, 0].tolist() == (127 * signs).tolist()


def test_what_does_not_fit_the_window_counts_nothing(pieces: Tokenizer) -> None:
    passage = PassageText("word " * 20 + "end.", ((0, 49), (50, 104)))
    encoded = late(pieces, StateNetwork(budget=64)).encode_passages([passage])
    assert encoded.token_counts.tolist() == [10, 4]  # of a window of 16 with two special tokens


def test_a_question_is_the_mean_of_all_tokens_with_weighted_token_vectors(pieces: Tokenizer) -> None:
    encoder, texts = late(pieces, StateNetwork(budget=64)), ["Who paid for it?", "Why?"]
    questions = encoder.encode_questions(texts)
    for text, question, vector in zip(texts, questions, encoder.encode(texts), strict=True):
        ids = pieces.tokenize([text])[0]
        assert question.vector == pytest.approx(vector, abs=1e-6)
        mean = np.exp(1j * np.radians(ids % 360)).sum()
        assert vector == pytest.approx([(mean / abs(mean)).real, (mean / abs(mean)).imag], abs=1e-5)
        weights = np.exp(ids[1:-1] % 3)
        signs = np.sign(states(pieces, text)[:, 0])
        assert question.tokens[:, 0] == pytest.approx(signs * weights / weights.sum(), abs=1e-6)
    assert encoder.encode_questions([]) == []
    assert encoder.encode_passages([]).vectors.shape == (0, 2)


def test_a_model_that_cannot_pool_late_reads_each_sentence_by_itself(pieces: Tokenizer) -> None:
    plane = encoder(pieces, BackendModels("torch", PlaneNetwork()))
    passages = [PassageText("It rose. It fell.", ((0, 8), (9, 17))), PassageText("Nobody paid.", ((0, 12),))]
    batches: list[int] = []
    encoded = plane.encode_passages(passages, progress=batches.append)
    expected = [angle(pieces, text) for text in ("It rose.", "It fell.", "Nobody paid.")]
    assert encoded.vectors == pytest.approx(np.array(expected), abs=1e-6)
    assert (encoded.counts.tolist(), encoded.lengths.tolist(), batches) == ([2, 1], [8, 8, 12], [2])
    assert (encoded.tokens.shape, encoded.token_counts.tolist()) == ((0, 0), [0, 0, 0])
    (question,) = plane.encode_questions(["Why?"])
    assert question.vector == pytest.approx(angle(pieces, "Why?"), abs=1e-6)
    assert len(question.tokens) == 0
    assert (plane.pools_late, plane.token_dimension) == (False, 0)


def test_threads_take_turns_at_the_network(pieces: Tokenizer) -> None:
    class Alone(PlaneNetwork):
        inside = 0

        def __call__(self, inputs: Inputs) -> NDArray[np.float32]:
            self.inside += 1
            assert self.inside == 1
            threading.Event().wait(0.002)
            self.inside -= 1
            return super().__call__(inputs)

    network = Alone()
    plane = encoder(pieces, BackendModels("torch", network))
    wrong: list[str] = []

    def ask(text: str) -> None:
        if plane.encode([text])[0] != pytest.approx(angle(pieces, text), abs=1e-6):
            wrong.append(text)

    run_together([lambda text=f"text {number}": ask(text) for number in range(16)])  # type: ignore[misc]
    assert wrong == []
    assert len(network.shapes) == 16


def run_together(tasks: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_the_worked_example() -> None:
    assert pack([3, 9, 2, 4], 12) == [[2, 0, 3], [1]]


@pytest.mark.parametrize(
    ("lengths", "budget", "batches"),
    [
        ([], 12, []),
        ([12], 12, [[0]]),
        ([13], 12, [[0]]),  # too long for the budget: alone
        ([13, 1, 13], 12, [[1], [0], [2]]),
        ([6, 6, 6], 12, [[0, 1], [2]]),
        ([1] * 13, 12, [list(range(12)), [12]]),
    ],
)
def test_batches_hold_what_the_budget_allows(
    lengths: list[int], budget: int, batches: list[list[int]]
) -> None:
    assert pack(lengths, budget) == batches


def test_every_place_comes_once_and_no_batch_is_over_budget() -> None:
    drawn = random.Random(7)
    for _ in range(200):
        lengths = [drawn.randint(1, 60) for _ in range(drawn.randint(0, 80))]
        batches = pack(lengths, 100)
        assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
        for batch in batches:
            assert len(batch) * max(lengths[place] for place in batch) <= 100 or len(batch) == 1


def test_the_next_is_made_while_this_one_is_used() -> None:
    made = {number: threading.Event() for number in range(4)}

    def make(number: int) -> int:
        made[number].set()
        return number * number

    seen = []
    for number, square in enumerate(one_ahead(make, range(4))):
        seen.append(square)
        if number < 3:
            assert made[number + 1].wait(10)
        if number < 2:
            assert not made[number + 2].is_set()  # one ahead, not all at once
    assert seen == [0, 1, 4, 9]
    assert list(one_ahead(make, [])) == []


def test_what_goes_wrong_in_the_thread_is_raised_where_it_is_used() -> None:
    results = one_ahead(lambda number: 1 // number, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
