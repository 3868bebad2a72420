"""Vectors and their search keep one contract, whether FAISS or Milvus holds them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from index.engine.address import Address
from index.engine.collections import MAX_VALUES, MilvusStore
from index.engine.remote_generation import ANY, MilvusVectors, MilvusVectorSearch
from index.errors import Altered, Missing, NoIndex, StoreRefused
from index.retrieval.dense_index import AllowedSentences, DenseIndex
from index.retrieval.filter import FilterIds
from index.storage.arrays import STORED, Vectors
from tests.support.milvus_server import ENGINES, empty_engine
from tests.support.tiers import full

pytestmark = [full, pytest.mark.engine]

COUNT, DIMENSION, K = 2_000, 32, 10


def unit_vectors(seed: int, count: int) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


VECTORS = unit_vectors(5, COUNT)
QUERIES = unit_vectors(6, 50)


def filter_ids(row: int) -> FilterIds:
    """Articles and years repeat; each record has two authors."""
    return {"articles": [row % 7], "years": [row % 3], "authors": [row % 5, row % 5 + 1]}


def add(store: MilvusStore, generation: str, rows: Sequence[int]) -> None:
    ids = np.array(rows, dtype=np.int64)
    store.add(generation, ids, VECTORS[ids], list(map(filter_ids, rows)))


def publish(store: MilvusStore, generation: str, count: int) -> None:
    store.begin(generation, DIMENSION, expected=count)
    add(store, generation, range(count))
    assert store.seal(generation) == count
    store.point(generation)


@pytest.fixture(scope="module")
def store(address: Address) -> Iterator[MilvusStore]:
    """An engine with two thousand records, sent in two overlapping parts."""
    opened = MilvusStore(address)
    assert opened.begin("gen-1-a", DIMENSION, expected=COUNT)
    add(opened, "gen-1-a", range(1_200))
    add(opened, "gen-1-a", range(1_000, COUNT))
    assert opened.seal("gen-1-a") == COUNT
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=("faiss", *ENGINES))
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DenseIndex]:
    """The dense index, as `open_generation` makes it."""
    if request.param == "faiss":
        yield DenseIndex(VECTORS.astype(STORED), brute_force_below=0)
        return
    with empty_engine(request.param, tmp_path_factory.mktemp("index")) as address:
        store = MilvusStore(address)
        publish(store, "gen-1-a", COUNT)
        remote = MilvusVectors(store, "gen-1-a", VECTORS.shape)
        yield DenseIndex(remote, remote.search_index(), brute_force_below=0)
        store.close()


def test_recall_against_an_exact_search(index: DenseIndex) -> None:
    nearest = np.argsort(-(QUERIES @ VECTORS.T), axis=1)[:, :K]
    hits = [[row for row, _ in index.search(query, K)] for query in QUERIES]
    shares = [len({*rows} & {*best.tolist()}) / K for rows, best in zip(hits, nearest, strict=True)]
    assert all(len(rows) == K for rows in hits)
    assert float(np.mean(shares)) >= 0.95


def test_scores_are_cosines_best_first(index: DenseIndex) -> None:
    hits = index.search(VECTORS[17], 5)
    assert hits[0][0] == 17
    expected = [float(VECTORS[row] @ VECTORS[17]) for row, _ in hits]
    assert [score for _, score in hits] == pytest.approx(expected, abs=1e-3)
    assert expected == sorted(expected, reverse=True)
    assert index.search(VECTORS[17], 0) == []


def test_all_are_found_when_all_are_wanted(index: DenseIndex) -> None:
    assert {row for row, _ in index.search(VECTORS[0], 2 * COUNT)} == {*range(COUNT)}


@pytest.mark.parametrize(
    "where",
    [
        {"articles": [3]},
        {"articles": [3, 5]},
        {"articles": [3], "years": [0, 2]},
        {"articles": [6], "years": [1]},
        {"authors": [0]},
        {"authors": [2, 3], "years": [1]},
        {"articles": [99]},
    ],
)
def test_a_filter_leaves_what_matches_every_field(index: DenseIndex, where: FilterIds) -> None:
    def matches(row: int) -> bool:
        return all({*ids} & {*filter_ids(row)[field]} for field, ids in where.items())

    mask: NDArray[np.bool_] = np.array([matches(row) for row in range(COUNT)])
    allowed = AllowedSentences(mask, int(mask.sum()), where)
    hits = index.search(VECTORS[0], COUNT, allowed=allowed)
    assert {row for row, _ in hits} == {*np.flatnonzero(mask).tolist()}
    assert index.search(VECTORS[0], K, allowed=allowed) == hits[:K]


def test_vectors_come_back_by_row(store: MilvusStore) -> None:
    remote = MilvusVectors(store, "gen-1-a", VECTORS.shape)
    assert (len(remote), remote.nbytes) == (COUNT, VECTORS.nbytes)
    assert (remote[[3, 0, 3]] == VECTORS[[3, 0, 3]]).all()
    assert (remote[np.arange(1_500)] == VECTORS[:1_500]).all()
    assert (remote[5] == VECTORS[5]).all()
    assert remote[[]].shape == (0, DIMENSION)
    refused = store.refused
    with pytest.raises(Altered, match=r"record 2000 of gen-1-a is missing; run `qa index`"):
        remote[[1, COUNT]]
    assert store.refused == refused + 1


def test_a_filter_matches_any_id_of_a_field_and_all_fields(store: MilvusStore) -> None:
    lists: list[FilterIds] = [
        {"authors": [1], "years": [0]},
        {"authors": [1, 2], "years": [0]},
        {"authors": [ANY], "years": [1]},
        {"authors": list(range(10, 10 + MAX_VALUES)), "years": [1]},
        {},
    ]
    store.begin("gen-2-b", DIMENSION, expected=len(lists))
    store.add("gen-2-b", np.arange(len(lists)), VECTORS[: len(lists)], lists)
    store.seal("gen-2-b")

    def rows(where: FilterIds) -> set[int]:
        return {row for row, _ in store.nearest("gen-2-b", VECTORS[0], 50, where)}

    assert rows({}) == {0, 1, 2, 3, 4}
    assert rows({"authors": [2]}) == {1}
    assert rows({"authors": [2, 1]}) == {0, 1}
    assert rows({"authors": [2, ANY]}) == {1, 2}
    assert rows({"authors": [9 + MAX_VALUES]}) == {3}
    assert rows({"authors": [1, ANY], "years": [1]}) == {2}
    assert rows({"authors": [7]}) == set()


def test_what_is_found_by_any_is_kept_only_if_it_is_allowed(store: MilvusStore) -> None:
    store.begin("gen-3-c", DIMENSION, expected=4)
    lists: list[FilterIds] = [{"authors": ids} for ids in ([ANY], [1], [ANY], [2])]
    store.add("gen-3-c", np.arange(4), VECTORS[:4], lists)
    store.seal("gen-3-c")
    search = MilvusVectorSearch(store, "gen-3-c").search
    only = np.array([False, True, True, False])
    assert {*search(VECTORS[0], 4, only=only, filter_ids={"authors": [1]})[0].tolist()} == {1, 2}
    assert {*search(VECTORS[0], 4, filter_ids={"authors": [1]})[0].tolist()} == {0, 1, 2}


def test_adding_again_replaces(store: MilvusStore) -> None:
    assert store.begin("gen-4-d", DIMENSION, expected=20)
    add(store, "gen-4-d", range(20))
    changed = np.arange(10)
    store.add("gen-4-d", changed, VECTORS[changed + 100], [{"years": [7]}] * 10)
    assert not store.begin("gen-4-d", DIMENSION, expected=20)
    assert store.seal("gen-4-d") == 20
    assert store.stored_ids("gen-4-d", 5, 100) == {*range(5, 20)}
    assert (store.vectors("gen-4-d", np.array([15, 3])) == VECTORS[[15, 103]]).all()
    assert {row for row, _ in store.nearest("gen-4-d", VECTORS[0], 50, {"years": [7]})} == {*range(10)}


def test_a_reader_never_sees_part_of_a_generation(store: MilvusStore) -> None:
    """A reader follows the alias; it finds all records of one generation while another one replaces it."""
    publish(store, "gen-5-e", 30)
    seen: set[tuple[str, int]] = set()
    failures: list[Exception] = []
    ended = threading.Event()

    def read() -> None:
        reader = MilvusStore(store.address)
        try:
            while not ended.is_set():
                generation = reader.published()
                seen.add((generation, len(reader.nearest(generation, VECTORS[1], 100))))
        except Exception as error:
            failures.append(error)
        finally:
            reader.close()

    thread = threading.Thread(target=read)
    thread.start()
    publish(store, "gen-6-f", 40)
    for _ in range(1_200):  # a minute: a server may take a while to propagate the alias
        if ("gen-6-f", 40) in seen or failures:
            break
        ended.wait(0.05)
    ended.set()
    thread.join()
    assert not failures
    assert seen == {("gen-5-e", 30), ("gen-6-f", 40)}


def test_the_published_generation_is_protected_and_others_can_be_dropped(store: MilvusStore) -> None:
    publish(store, "gen-7-a", 5)
    publish(store, "gen-8-b", 9)
    store.drop("gen-7-a")
    store.drop("gen-7-a")
    with pytest.raises(StoreRefused, match="gen-8-b is published at"):
        store.drop("gen-8-b")
    with pytest.raises(StoreRefused, match="gen-8-b is published at"):
        store.begin("gen-8-b", DIMENSION, expected=9)
    assert len(store.nearest("gen-8-b", VECTORS[0], 100)) == 9
    assert "gen-7-a" not in store.generations()
    with pytest.raises(Missing, match="does not have this generation; run `qa index`"):
        store.nearest("gen-7-a", VECTORS[0], 1)


def test_an_empty_engine_has_no_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        empty_engine("lite", tmp_path_factory.mktemp("empty")) as address,
        pytest.raises(NoIndex, match=r"no index in engine\.db"),
    ):
        MilvusStore(address).published()
