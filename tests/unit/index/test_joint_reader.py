from __future__ import annotations

import numpy as np
import pytest

from index.errors import ModelRefused
from index.search.joint_reader import MAX_QUESTION, MAX_SENTENCE, SHIPPED_READER, JointReader
from index.search.load import NONE, load_reranker, reranker_fingerprint
from index.search.rerank import Reading

QUESTION = "who chairs the harbour board"
ANSWER = Reading("Ann Lee has chaired the harbour board since 2003.", after="It meets every month.")
NEAR_MISS = Reading("The harbour board meets every month in the town hall.", after="Fares rose in 2003.")
OTHER = Reading("The recipe needs two eggs and a little flour.")


@pytest.fixture(scope="module")
def reader() -> JointReader:
    return JointReader(device="cpu")


def test_what_answers_is_rated_above_a_near_miss_and_that_above_another_subject(reader: JointReader) -> None:
    answer, near, other = reader.rate(QUESTION, [ANSWER, NEAR_MISS, OTHER]).tolist()
    assert answer > 0 > near > other


def test_another_name_does_not_answer(reader: JointReader) -> None:
    rated = reader.rate("who chairs the railway board", [ANSWER]).tolist()
    assert rated[0] < reader.rate(QUESTION, [ANSWER]).tolist()[0]


def test_a_rating_does_not_depend_on_what_is_read_beside_it(reader: JointReader) -> None:
    long = Reading("A sentence " + "of many words " * 40, before="before " * 90, after="after " * 90)
    together = reader.rate(QUESTION, [ANSWER, long, OTHER])
    alone = [reader.rate(QUESTION, [reading])[0] for reading in (ANSWER, long, OTHER)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_only_the_beginning_of_long_texts_is_read(reader: JointReader) -> None:
    words = "word " * (MAX_SENTENCE - 1)
    rated = reader.rate(QUESTION, [Reading(f"Answer {words}"), Reading(f"Answer {words} and more of it")])
    assert rated[0] == pytest.approx(rated[1], abs=1e-4)
    question = "why " * MAX_QUESTION
    assert reader.rate(question, [ANSWER])[0] == pytest.approx(
        reader.rate(f"{question} not", [ANSWER])[0], abs=1e-4
    )


def test_nothing_and_empty_texts_are_read(reader: JointReader) -> None:
    assert reader.rate(QUESTION, []).shape == (0,)
    assert np.isfinite(reader.rate("\ud800", [Reading("")])).all()


def test_it_is_the_default(reader: JointReader) -> None:
    for name in ("", SHIPPED_READER):
        loaded = load_reranker(name, device="cpu")
        assert isinstance(loaded, JointReader)
        assert loaded.fingerprint == reader.fingerprint == reranker_fingerprint(name)
    assert load_reranker(NONE) is None
    assert reranker_fingerprint(NONE) == ""
    with pytest.raises(ModelRefused, match="no device"):
        load_reranker("", device="tpu")
