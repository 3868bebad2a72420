"""Vectors and their search keep one contract, whether FAISS or Milvus holds them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from index.engine.address import Address
from index.engine.collections import FilterValues, MilvusStore
from index.engine.remote_generation import MilvusVectors
from index.errors import Altered, Missing, NoIndex, StoreRefused
from index.retrieval.dense_index import DenseIndex
from index.retrieval.filter import Granularity
from index.storage.arrays import Vectors
from tests.support.milvus_server import ENGINES, empty_engine
from tests.support.tiers import full

pytestmark = [full, pytest.mark.engine]

COUNT, SENTENCES, DIMENSION, K = 2_000, 1_900, 32, 10
NASTY = 'O\'Neil "x"\\ or id >= 0) --'


def unit_vectors(seed: int, count: int) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


VECTORS = unit_vectors(5, COUNT)
QUERIES = unit_vectors(6, 50)
ROWS = np.arange(SENTENCES, dtype=np.int32)


def values(row: int) -> FilterValues:
    """The first texts are sentences, the others passages; articles and years repeat."""
    unit = "sentence" if row < SENTENCES else "passage"
    return {"units": [unit], "articles": [str(row % 7)], "years": [str(row % 3)]}


def add(store: MilvusStore, generation: str, rows: Sequence[int]) -> None:
    ids = np.array(rows, dtype=np.int64)
    store.add(generation, ids, VECTORS[ids], [values(row) for row in rows])


def publish(store: MilvusStore, generation: str, count: int) -> None:
    store.begin(generation, DIMENSION, expected=count)
    add(store, generation, range(count))
    assert store.seal(generation) == count
    store.point(generation)


@pytest.fixture(scope="module")
def store(address: Address) -> Iterator[MilvusStore]:
    """An engine with two thousand texts, sent in two overlapping parts."""
    opened = MilvusStore(address)
    assert opened.begin("gen-1-a", DIMENSION, expected=COUNT)
    add(opened, "gen-1-a", range(1_200))
    add(opened, "gen-1-a", range(1_000, COUNT))
    assert opened.seal("gen-1-a") == COUNT
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=("faiss", *ENGINES))
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DenseIndex]:
    """The dense index of the sentences, as `open_generation` makes it."""
    if request.param == "faiss":
        yield DenseIndex(VECTORS, ROWS, brute_force_below=0)
        return
    with empty_engine(request.param, tmp_path_factory.mktemp("index")) as address:
        store = MilvusStore(address)
        publish(store, "gen-1-a", COUNT)
        remote = MilvusVectors(store, "gen-1-a", VECTORS.shape)
        yield DenseIndex(remote, ROWS, remote.search_index(Granularity.SENTENCE), brute_force_below=0)
        store.close()


def test_recall_against_an_exact_search(index: DenseIndex) -> None:
    nearest = np.argsort(-(QUERIES @ VECTORS[:SENTENCES].T), axis=1)[:, :K]
    hits = [[row for row, _ in index.search(query, K)] for query in QUERIES]
    shares = [len({*rows} & {*best.tolist()}) / K for rows, best in zip(hits, nearest, strict=True)]
    assert all(len(rows) == K for rows in hits)
    assert float(np.mean(shares)) >= 0.95


def test_scores_are_cosines_best_first(index: DenseIndex) -> None:
    hits = index.search(VECTORS[17], 5)
    assert hits[0][0] == 17
    expected = [float(VECTORS[row] @ VECTORS[17]) for row, _ in hits]
    assert [score for _, score in hits] == pytest.approx(expected, abs=1e-6)
    assert expected == sorted(expected, reverse=True)
    assert index.search(VECTORS[17], 0) == []


def test_passages_are_not_found_among_sentences(index: DenseIndex) -> None:
    assert {row for row, _ in index.search(VECTORS[SENTENCES + 1], COUNT)} == {*range(SENTENCES)}


@pytest.mark.parametrize(
    ("articles", "years"), [((3,), ()), ((3, 5), ()), ((3,), (0, 2)), ((6,), (1,)), ((99,), ())]
)
def test_a_filter_leaves_what_matches_every_field(
    index: DenseIndex, articles: tuple[int, ...], years: tuple[int, ...]
) -> None:
    def matches(row: int) -> bool:
        return row % 7 in articles and (not years or row % 3 in years)

    mask: NDArray[np.bool_] = np.array([matches(row) for row in range(SENTENCES)])
    marks = {"articles": articles, **({"years": years} if years else {})}
    hits = index.search(VECTORS[0], SENTENCES, allowed=index.allowed_texts(mask, marks))
    assert {row for row, _ in hits} == {*np.flatnonzero(mask).tolist()}
    best = index.search(VECTORS[0], K, allowed=index.allowed_texts(mask, marks))
    assert best == hits[:K]


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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NASTY, {0, 1}),
        ('"]) or id >= 0 or array_contains_any(years, ["', set()),
        ("x' or '1' == '1", set()),
        ("\\", set()),
        ("{value} %s ${x}", set()),
        ("☃\n\t", set()),
    ],
)
def test_a_value_is_never_part_of_the_expression(store: MilvusStore, value: str, expected: set[int]) -> None:
    if store.begin("gen-2-b", DIMENSION, expected=3):
        publishers: list[FilterValues] = [{"publishers": names} for names in ([NASTY], ["x", NASTY], ["x"])]
        store.add("gen-2-b", np.arange(3), VECTORS[:3], publishers)
        store.seal("gen-2-b")
    hits = store.nearest("gen-2-b", VECTORS[0], 50, {"publishers": [value]})
    assert {row for row, _ in hits} == expected


def test_granularities_are_matched_as_sets(store: MilvusStore) -> None:
    units: list[FilterValues] = [
        {"units": names} for names in (["sentence"], ["sentence", "window"], ["passage"], ["window"])
    ]
    store.begin("gen-3-c", DIMENSION, expected=4)
    store.add("gen-3-c", np.arange(4), VECTORS[:4], units)
    store.seal("gen-3-c")

    def rows(*names: str) -> set[int]:
        return {row for row, _ in store.nearest("gen-3-c", VECTORS[0], 50, {"units": names})}

    assert rows("window") == {1, 3}
    assert rows("sentence", "window") == {0, 1, 3}
    assert rows("passage") == {2}
    assert rows("chapter") == set()


def test_adding_again_replaces(store: MilvusStore) -> None:
    assert store.begin("gen-4-d", DIMENSION, expected=20)
    add(store, "gen-4-d", range(20))
    changed = np.arange(10)
    store.add("gen-4-d", changed, VECTORS[changed + 100], [{"units": ["passage"]}] * 10)
    assert not store.begin("gen-4-d", DIMENSION, expected=20)
    assert store.seal("gen-4-d") == 20
    assert store.stored_ids("gen-4-d", 5, 100) == {*range(5, 20)}
    assert (store.vectors("gen-4-d", np.array([15, 3])) == VECTORS[[15, 103]]).all()
    assert {row for row, _ in store.nearest("gen-4-d", VECTORS[0], 50, {"units": ["passage"]})} == {
        *range(10)
    }


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
