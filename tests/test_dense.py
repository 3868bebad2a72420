from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index.dense import SPARE, DenseIndex
from index.errors import Damaged

Floats = NDArray[np.float32]


def exact(vectors: Floats, query: Floats, k: int, allowed: set[int] | None = None) -> list[tuple[int, float]]:
    """What the index must return, written the plain way."""
    scores = [float(v.astype(np.float64) @ query.astype(np.float64)) for v in vectors]
    rows = [row for row in range(len(vectors)) if allowed is None or row in allowed]
    ranked = sorted(rows, key=lambda row: (-round(scores[row], 9), row))
    return [(row, scores[row]) for row in ranked[:k]]


def unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def random_unit(count: int, dimension: int, *, seed: int = 0) -> Floats:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32))


def same(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-6)


def test_cosines_worked_by_hand() -> None:
    index = DenseIndex.build(np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32))
    found = index.search(np.array([0.8, 0.6], dtype=np.float32), 3)
    same(found, [(2, 0.96), (0, 0.8), (1, 0.6)])


@pytest.mark.parametrize("k", [1, 7, 50, 499, 500, 5000])
def test_search_agrees_with_the_exact_one(k: int) -> None:
    vectors = random_unit(500, 48)
    vectors[100:140] = vectors[7]
    index = DenseIndex.build(vectors)
    for query in (vectors[7], vectors[3], random_unit(1, 48, seed=9)[0]):
        same(index.search(query, k), exact(vectors, query, k))


@pytest.mark.parametrize("k", [1, 5, 100, 500])
def test_a_filtered_search_agrees_with_the_exact_one(k: int) -> None:
    vectors = random_unit(500, 48)
    vectors[100:140] = vectors[7]
    index = DenseIndex.build(vectors)
    for allowed in (range(0, 500, 3), [7], range(90, 150), [], range(500)):
        rows = np.array(list(allowed), dtype=np.int64)
        same(index.search(vectors[7], k, allowed=rows), exact(vectors, vectors[7], k, set(allowed)))


def test_equal_vectors_come_in_order_of_row_also_at_the_cut() -> None:
    vectors = np.repeat(random_unit(1, 384), 10 * SPARE, axis=0)
    index = DenseIndex.build(vectors)
    for k in (1, 3, SPARE, 5 * SPARE):
        found = index.search(vectors[0], k)
        assert [row for row, _ in found] == list(range(k))
        assert len({score for _, score in found}) == 1


def test_there_is_no_padding_and_no_row_minus_one() -> None:
    index = DenseIndex.build(random_unit(3, 4))
    query = random_unit(1, 4, seed=5)[0]
    assert len(index.search(query, 10)) == 3
    assert index.search(query, 10, allowed=np.array([2, 2, -1, 3, 99], dtype=np.int64))[0][0] == 2
    assert len(index.search(query, 10, allowed=np.array([2, 2, -1, 3, 99], dtype=np.int64))) == 1
    assert index.search(query, 0) == []
    assert index.search(query, -5) == []
    assert index.search(np.full(4, np.nan, dtype=np.float32), 2) == []
    assert DenseIndex.build(np.zeros((0, 4), dtype=np.float32)).search(query, 2) == []


def test_a_query_of_another_shape_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="but vectors have 4 numbers"):
        DenseIndex.build(random_unit(3, 4)).search(np.zeros(5, dtype=np.float32), 1)


def test_a_loaded_index_answers_like_the_saved_one(tmp_path: Path) -> None:
    vectors = random_unit(20, 8)
    index = DenseIndex.build(vectors)
    (tmp_path / "i").write_bytes(index.to_bytes())
    loaded = DenseIndex.load(tmp_path / "i", count=20, dimension=8)
    assert (loaded.count, loaded.dimension) == (20, 8)
    assert loaded.search(vectors[3], 20) == index.search(vectors[3], 20)
    assert loaded.to_bytes() == index.to_bytes()


def test_another_count_dimension_class_or_metric_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "i"

    def refused(index: faiss.Index) -> None:
        file.write_bytes(faiss.serialize_index(index).tobytes())
        with pytest.raises(Damaged, match=str(file)):
            DenseIndex.load(file, count=4, dimension=2)

    vectors = random_unit(4, 2)
    for index, rows in (
        (faiss.IndexFlatL2(2), vectors),
        (faiss.IndexHNSWFlat(2, 4, faiss.METRIC_INNER_PRODUCT), vectors),
        (faiss.IndexFlatIP(2), vectors[:3]),
        (faiss.IndexFlatIP(4), vectors.reshape(2, 4)),
    ):
        index.add(np.ascontiguousarray(rows))
        refused(index)


def test_no_flip_or_truncation_crashes_and_limits_are_put_back(tmp_path: Path) -> None:
    before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    file = tmp_path / "i"
    content = DenseIndex.build(random_unit(4, 2)).to_bytes()
    changed = [content[:p] + bytes([content[p] ^ 0xFF]) + content[p + 1 :] for p in range(len(content))]
    refusals = 0
    for bad in changed + [content[:length] for length in range(len(content))]:
        file.write_bytes(bad)
        try:
            DenseIndex.load(file, count=4, dimension=2)
        except Damaged:
            refusals += 1
    assert refusals > len(content)  # every truncation and the header; vectors are the manifest's to guard
    after = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    assert after == before


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="No such file"):
        DenseIndex.load(tmp_path / "gone", count=1, dimension=1)
