from __future__ import annotations

import numpy as np
import pytest

from index.embedding.tokenizer import IDS, MASK, TYPES, Tokenizer
from training.encoder.base_model import base_model_folder

CLS, SEP, HELLO, WORLD = 101, 102, 7592, 2088  # of BERT's uncased vocabulary, which the base model has


@pytest.fixture(scope="module")
def pieces() -> Tokenizer:
    written = (base_model_folder() / "tokenizer.json").read_text(encoding="utf-8")
    return Tokenizer(written, names=(IDS, TYPES, MASK), max_tokens=6, pad_id=0)


def test_texts_are_cut_at_the_window_and_counted_whole(pieces: Tokenizer) -> None:
    cut = pieces.tokenize(["hello world", "", "hello " * 9])
    assert [one.tolist() for one in cut] == [
        [CLS, HELLO, WORLD, SEP],
        [CLS, SEP],
        [CLS, HELLO, HELLO, HELLO, HELLO, SEP],
    ]
    assert [pieces.count(text) for text in ("hello world", "", "hello " * 9)] == [4, 2, 11]


def test_side_by_side_they_are_filled_up_at_the_end(pieces: Tokenizer) -> None:
    inputs = pieces.pad(pieces.tokenize(["hello", "hello world"]))
    assert list(inputs) == [IDS, TYPES, MASK]
    assert inputs[IDS].tolist() == [[CLS, HELLO, SEP, 0], [CLS, HELLO, WORLD, SEP]]
    assert inputs[MASK].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert inputs[TYPES].tolist() == [[0] * 4, [0] * 4]
    assert all(array.dtype == np.int64 for array in inputs.values())


def test_widths_come_in_steps_as_far_as_the_window_goes(pieces: Tokenizer) -> None:
    def width(text: str, step: int) -> int:
        return int(pieces.pad(pieces.tokenize([text]), step=step)[IDS].shape[1])

    assert [width("hello", step) for step in (1, 2, 3, 4, 8)] == [3, 4, 3, 4, 6]
    assert width("hello " * 9, 4) == 6


def test_what_another_makes_of_the_texts_is_compared_to_the_last_piece(pieces: Tokenizer) -> None:
    texts = ["hello", "hello world"]
    theirs = dict(pieces.pad(pieces.tokenize(texts)))
    assert pieces.matches(theirs, texts)
    assert not pieces.matches({IDS: theirs[IDS], MASK: theirs[MASK]}, texts)
    changed = theirs[IDS].copy()
    changed[0, 3] = 1  # filled up with another id
    assert not pieces.matches({**theirs, IDS: changed}, texts)
    assert not pieces.matches({**theirs, IDS: theirs[IDS][:, ::-1]}, texts)


def test_a_lone_surrogate_is_a_question_mark(pieces: Tokenizer) -> None:
    assert pieces.tokenize(["\udfff"])[0].tolist() == pieces.tokenize(["?"])[0].tolist()
    assert pieces.count("\udfff") == 3
