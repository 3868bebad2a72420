from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.embedding.shipped_models import default_model_folder
from index.errors import ModelRefused
from index.search.reranker_model import (
    RERANKER,
    WEIGHTS,
    WEIGHTS_SHA256,
    JointReranker,
    PairTokenizer,
    Reading,
    joint_fingerprint,
)

QUESTION = "when does the ferry leave"


@pytest.fixture(scope="module")
def shipped() -> JointReranker:
    return JointReranker(device="cpu")


def test_the_shipped_one_tells_an_answer_from_what_only_shares_its_words(shipped: JointReranker) -> None:
    answer = Reading("The ferry to Orkney leaves at nine every morning.")
    near = Reading("The ferry to Orkney was built in Leith.")
    far = Reading("Bread is made of flour.")
    rated = shipped.rate("When does the ferry to Orkney leave?", [near, answer, far])
    assert rated[1] > 0 > rated[2]
    assert rated[1] > rated[0] > rated[2]


def test_ratings_do_not_hang_on_company_or_order(shipped: JointReranker) -> None:
    readings = [Reading(f"Sentence {n} is about {'ferries ' * (n % 40)}.") for n in range(70)]
    together = shipped.rate(QUESTION, readings)
    assert together.shape == (70,)
    assert together[::-1] == pytest.approx(shipped.rate(QUESTION, readings[::-1]), abs=0.25)
    assert shipped.rate(QUESTION, readings[:1])[0] == pytest.approx(together[0], abs=0.25)
    assert shipped.rate(QUESTION, []).shape == (0,)


@pytest.mark.parametrize("text", ["", "\ud800", "[SEP] [CLS] [PAD]", "word " * 3000, "a\x00b", "🙂"])
def test_odd_texts_are_read(shipped: JointReranker, text: str) -> None:
    rated = shipped.rate(text or "?", [Reading(text, text, text), Reading("A sentence.")])
    assert np.isfinite(rated).all()


def test_special_pieces_in_a_text_are_text() -> None:
    tokenizer = PairTokenizer(default_model_folder())
    pairs = tokenizer.batch([("why [SEP] not", Reading("so [CLS] it is", "before", "after"))])
    ids = pairs["input_ids"][0].tolist()
    assert (ids.count(101), ids.count(102)) == (1, 3)
    # [CLS] question [SEP] sentence [SEP] before … after [SEP]
    assert ids[0] == 101
    assert ids[-1] == 102
    marked = pairs["question"][0] + pairs["sentence"][0]
    assert marked.max() == 1
    first, second, _ = (place for place, piece in enumerate(ids) if piece == 102)
    assert pairs["question"][0].nonzero().flatten().tolist() == list(range(1, first))
    assert pairs["sentence"][0].nonzero().flatten().tolist() == list(range(first + 1, second))


def test_a_long_pair_is_cut_and_keeps_its_question_and_its_sentence() -> None:
    pairs = PairTokenizer(default_model_folder()).batch(
        [
            ("why " * 500, Reading("so " * 500, "before " * 500)),
            ("why " * 500, Reading("short", "before " * 500)),
        ]
    )
    assert pairs["input_ids"].shape[1] == 112
    assert pairs["question"].sum(1).tolist() == [48, 48]
    assert pairs["sentence"].sum(1).tolist() == [112 - 50 - 1, 1]


def test_the_weights_that_ship_are_the_ones_pinned(shipped: JointReranker, tmp_path: Path) -> None:
    assert shipped.name == RERANKER
    assert shipped.fingerprint == joint_fingerprint(WEIGHTS_SHA256)
    changed = tmp_path / "reranker.safetensors"
    with pytest.raises(ModelRefused, match="cannot be read"):
        JointReranker(device="cpu", weights=changed)
    content = bytearray(WEIGHTS.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    assert JointReranker(device="cpu", weights=changed, sha256="").fingerprint != shipped.fingerprint
    changed.write_bytes(content[:1000])
    with pytest.raises(ModelRefused, match="cannot be read"):
        JointReranker(device="cpu", weights=changed, sha256="")


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    changed = tmp_path / "reranker.safetensors"
    changed.write_bytes(WEIGHTS.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ModelRefused, match="were changed"):
        JointReranker(device="cpu", weights=changed)
