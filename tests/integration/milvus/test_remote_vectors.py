"""What every store must do, whatever holds the records: ten checks, the same for all of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from index.engine.collections import MilvusStore
from index.engine.contract import Batch, Store
from index.errors import NoWords, StoreRefused

pytestmark = pytest.mark.engine

COUNT, DIMENSION, K = 2_000, 32, 10
NASTY = 'O\'Neil "x"\\ or id >= 0) --'
TEXTS = {
    0: "The quay was dredged in 2003.",
    1: "Dredging cost more than the quay.",
    2: 'She said: "It\'s 5 % – 10 €",\nand left. \U0001f6a2',
    3: "A café by the harbour.",
}
FACTS = {
    0: {"units": ["sentence"], "publishers": ["The Gazette"], "years": ["2003"]},
    1: {"units": ["sentence", "window"], "publishers": [NASTY], "years": ["2004"]},
    2: {"units": ["passage"], "publishers": ["The Gazette", NASTY], "years": ["2003", "2004"]},
    3: {"units": ["window"]},
}


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


VECTORS = unit(np.random.default_rng(5).normal(size=(COUNT, DIMENSION)))


def batch(ids: Sequence[int], *, mark: str = "") -> Batch:
    """Records with these ids; `mark` is a word that their texts get besides."""
    told = [TEXTS.get(one, f"Filler number{one} of the harbour wall.") + mark for one in ids]
    facts = [FACTS.get(one, {"units": ["passage"], "articles": [str(one % 7)]}) for one in ids]
    return Batch(np.array(ids, dtype=np.int64), VECTORS[list(ids)], told, facts)


@pytest.fixture(scope="module")
def filled(store: Store) -> Store:
    """Two thousand records, published as gen-1-a; added in two batches that overlap."""
    store.add("gen-1-a", batch(range(1_200)))
    store.add("gen-1-a", batch(range(1_000, COUNT)))
    store.publish("gen-1-a")
    return store


def test_it_finds_what_comparing_all_finds(filled: Store) -> None:
    queries = unit(np.random.default_rng(6).normal(size=(50, DIMENSION)))
    nearest = np.argsort(-(queries @ VECTORS.T), axis=1)[:, :K]
    found = [[one.id for one in filled.dense(query, K)] for query in queries]
    shares = [len({*some} & {*best.tolist()}) / K for some, best in zip(found, nearest, strict=True)]
    assert all(len(some) == K for some in found)
    assert float(np.mean(shares)) >= 0.95


def test_scores_are_cosines_best_first(filled: Store) -> None:
    found = filled.dense(VECTORS[17], 5)
    assert found[0].id == 17
    assert [one.score for one in found] == pytest.approx(
        [float(VECTORS[one.id] @ VECTORS[17]) for one in found], abs=1e-5
    )
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert filled.dense(VECTORS[17], 0) == []


def test_a_filter_leaves_what_has_all_its_facts(filled: Store) -> None:
    def ids(**where: str | Sequence[str]) -> set[int]:
        return {one.id for one in filled.dense(VECTORS[0], 50, where)}

    assert ids(years="2003") == {0, 2}
    assert ids(years=["2003", "2004"]) == {0, 1, 2}
    assert ids(years="2004", publishers="The Gazette") == {2}
    assert ids(units="window") == {1, 3}
    assert ids(units=["sentence", "window"]) == {0, 1, 3}
    assert ids(years="1999") == set()
    sevenths = filled.dense(VECTORS[0], 1_000, {"articles": ["3"]})
    assert {one.id for one in sevenths} == {one for one in range(4, COUNT) if one % 7 == 3}
    with pytest.raises(ValueError, match="no fact 'colour'"):
        ids(colour="green")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NASTY, {1, 2}),
        ('"]) or id >= 0 or array_contains_any(years, ["', set()),
        ("x' or '1' == '1", set()),
        ("\\", set()),
        ("{value} %s ${x}", set()),
        ("☃\n\t", set()),
    ],
)
def test_a_value_is_never_part_of_the_expression(filled: Store, value: str, expected: set[int]) -> None:
    assert {one.id for one in filled.dense(VECTORS[0], 50, {"publishers": value})} == expected


def test_texts_come_back_word_for_word(filled: Store) -> None:
    for one, text in TEXTS.items():
        assert filled.dense(VECTORS[one], 1)[0].text == text


def test_words_find_their_texts(filled: Store) -> None:
    if isinstance(filled, MilvusStore) and not filled.client.has_words:
        with pytest.raises(NoWords, match=r"has no BM25 \(2\.5 is the first that has it\)"):
            filled.lexical("dredging", 5)
        pytest.skip("Milvus before 2.5 has no BM25; it said so")
    found = filled.lexical("dredging cost", 5)
    assert found[0].id == 1
    assert {one.id for one in found} <= {0, 1}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert filled.lexical("zeppelin", 5) == []


def test_words_and_a_filter_go_together(filled: Store) -> None:
    if isinstance(filled, MilvusStore) and not filled.client.has_words:
        with pytest.raises(NoWords):
            filled.lexical("dredging", 5, {"years": "2003"})
        pytest.skip("Milvus before 2.5 has no BM25; it said so")
    assert [one.id for one in filled.lexical("quay", 5, {"years": "2004"})] == [1]
    assert filled.lexical("quay", 5, {"publishers": '"] or true'}) == []


def test_adding_and_deleting_again_changes_nothing(store: Store, filled: Store) -> None:
    del filled
    store.add("gen-2-b", batch(range(20)))
    store.add("gen-2-b", batch(range(10), mark=" Again."))
    store.delete("gen-2-b", [5, 6])
    store.delete("gen-2-b", [6, 999])
    store.publish("gen-2-b")
    found = store.dense(VECTORS[0], 100)
    assert {one.id for one in found} == {*range(20)} - {5, 6}
    assert len(found) == 18
    assert {one.text.endswith(" Again.") for one in found if one.id < 10} == {True}


def test_a_reader_never_sees_two_generations_at_once(store: Store, filled: Store) -> None:
    """Every answer is whole: the marks of one generation, and as many records as it has."""
    del filled
    store.add("gen-3-c", batch(range(30), mark=" Third."))
    store.publish("gen-3-c")
    seen: list[frozenset[str]] = []
    failures: list[Exception] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            try:
                found = store.dense(VECTORS[1], 100)
            except Exception as error:
                failures.append(error)
                return
            seen.append(frozenset(f"{len(found)}{one.text.rsplit(' ', 1)[-1]}" for one in found))

    reader = threading.Thread(target=read)
    reader.start()
    store.add("gen-4-d", batch(range(40), mark=" Fourth."))
    store.publish("gen-4-d")
    until_seen = frozenset({"40Fourth."})
    for _ in range(1_200):  # a minute: a server may take a while to tell all its parts of the swap
        if until_seen in seen or failures:
            break
        ended.wait(0.05)
    ended.set()
    reader.join()
    assert not failures
    assert {*seen} == {frozenset({"30Third."}), until_seen}


def test_what_is_dropped_is_gone_and_what_is_published_stays(store: Store, filled: Store) -> None:
    del filled
    store.add("gen-5-e", batch(range(5)))
    store.publish("gen-5-e")
    store.add("gen-6-f", batch(range(9)))
    store.publish("gen-6-f")
    store.drop("gen-5-e")
    store.drop("gen-5-e")
    with pytest.raises(StoreRefused, match="gen-6-f is published"):
        store.drop("gen-6-f")
    assert len(store.dense(VECTORS[0], 100)) == 9
    if isinstance(store, MilvusStore):
        assert "gen-5-e" not in store.generations()
