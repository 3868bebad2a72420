"""The kinds of dense indexes, each held against an exact search written the plain way."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index.errors import BuildFailed, Damaged
from index.retrieval.dense_index import BRUTE_FORCE_BELOW, OVERFETCH, AllowedSentences, DenseIndex
from index.retrieval.faiss_index import IndexParameters, IVFIndex, build_ivf_index, open_ivf_index
from index.retrieval.index_type import AUTO, FLAT_LIMIT, IVF_LIMIT, MIN_VECTORS, Kind, Plan, list_count
from index.retrieval.tuning import TARGET_RECALL, Sample, exact, make_index, recall, sample
from index.storage.arrays import array_bytes, read_array

Floats = NDArray[np.float16]
KINDS = (Kind.FLAT, Kind.IVF, Kind.PQ)


def plain(
    vectors: Floats, query: Floats, k: int, allowed: NDArray[np.bool_] | None = None
) -> list[tuple[int, float]]:
    """What the index must return, written the plain way."""
    scores = [float(vector.astype(np.float64) @ query.astype(np.float64)) for vector in vectors]
    rows = [row for row in range(len(vectors)) if allowed is None or allowed[row]]
    ranked = sorted(rows, key=lambda row: (-round(scores[row], 9), row))
    return [(row, scores[row]) for row in ranked[:k]]


def unit(vectors: NDArray[np.float32]) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float16)


def random_unit(count: int, dimension: int, *, seed: int = 0) -> Floats:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32))


def allow(mask: NDArray[np.bool_]) -> AllowedSentences:
    return AllowedSentences(mask, int(mask.sum()))


def same(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-6)


def made(
    folder: Path,
    kind: Kind,
    vectors: Floats,
    *,
    brute_force_below: int = BRUTE_FORCE_BELOW,
) -> DenseIndex:
    """An index that looks into every list, through its file."""
    (folder / "v.npy").write_bytes(array_bytes(vectors))
    mapped = read_array(folder / "v.npy", dtype=np.float16, shape=vectors.shape, mapped=True)
    facts = make_index(folder / "i", mapped, Plan(kind, nprobe=10_000))
    return DenseIndex.open(folder / "i", mapped, facts, brute_force_below=brute_force_below)


def test_cosines_worked_by_hand() -> None:
    index = DenseIndex(np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32))
    found = index.search(np.array([0.8, 0.6], dtype=np.float32), 3)
    same(found, [(2, 0.96), (0, 0.8), (1, 0.6)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 7, 50, 500, 5000])
def test_search_agrees_with_the_exact_one(tmp_path: Path, kind: Kind, k: int) -> None:
    vectors = random_unit(600, 48)
    vectors[100:140] = vectors[7]
    index = made(tmp_path, kind, vectors)
    for query in (vectors[70], vectors[3], random_unit(1, 48, seed=9)[0]):
        expected = plain(vectors, query, k)
        found = index.search(query, k)
        if kind is Kind.FLAT or k >= 500:
            same(found, expected)
        same(found[:1], expected[:1])
        least = expected[-1][1] - 1e-6  # any of several equal ones at the cut will do
        assert sum(score >= least for _, score in found) >= 0.96 * len(expected)


@pytest.mark.parametrize("brute_force_below", [0, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_filtered_search_agrees_with_the_exact_one(
    tmp_path: Path, kind: Kind, brute_force_below: int
) -> None:
    vectors = random_unit(500, 48)
    vectors[100:140] = vectors[7]
    index = made(tmp_path, kind, vectors, brute_force_below=brute_force_below)
    for chosen in (range(0, 500, 3), [7], range(90, 150), [], range(500), [499]):
        allowed = np.zeros(500, dtype=bool)
        allowed[list(chosen)] = True
        for k in (1, 5, 100, 500):
            expected = plain(vectors, vectors[7], k, allowed)
            found = index.search(vectors[7], k, allowed=allow(allowed))
            if kind is not Kind.PQ:
                same(found, expected)
            assert len({row for row, _ in found} & {row for row, _ in expected}) >= 0.96 * len(expected)


def test_a_filter_looks_into_lists_until_enough_allowed_rows_are_seen() -> None:
    vectors, query = random_unit(2000, 8), random_unit(1, 8, seed=5)[0]
    lists = build_ivf_index(vectors, Kind.IVF)
    lists.nprobe = 3
    assert lists.list_count == list_count(2000) == 51
    assert lists.probes(query, None) == 3
    everything, away = np.ones(2000, dtype=bool), vectors @ query < -0.2
    # Three average lists hold 118 vectors, and four times as many are to be seen.
    assert 8 <= lists.probes(query, everything) <= 16
    assert lists.probes(query, away) > 20
    assert lists.probes(query, np.arange(2000) < 400) == 51


def test_a_filter_far_from_the_question_costs_no_recall() -> None:
    """Only vectors that point away from the question are allowed: their lists are the last to be probed."""
    vectors = random_unit(4000, 16)
    lists = build_ivf_index(vectors, Kind.IVF)
    lists.nprobe = 8
    index, query = DenseIndex(vectors, lists, brute_force_below=0), random_unit(1, 16, seed=5)[0]
    allowed = vectors @ query < -0.3
    same(
        index.search(query, 10, allowed=allow(allowed)),
        plain(vectors, query, 10, allowed),
    )


def test_equal_vectors_come_in_order_of_row_also_at_the_cut() -> None:
    vectors = np.repeat(random_unit(1, 384), 10 * OVERFETCH, axis=0)
    index = DenseIndex(vectors)
    for k in (1, 3, OVERFETCH, 5 * OVERFETCH):
        found = index.search(vectors[0], k)
        assert [row for row, _ in found] == list(range(k))
        assert len({score for _, score in found}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_padding_and_no_row_minus_one(tmp_path: Path, kind: Kind) -> None:
    index = made(tmp_path, kind, random_unit(3, 4))
    query = random_unit(1, 4, seed=5)[0]
    assert len(index.search(query, 10)) == 3
    allowed = np.array([False, False, True])
    assert [row for row, _ in index.search(query, 10, allowed=allow(allowed))] == [2]
    assert index.search(query, 0) == []
    assert index.search(query, -5) == []
    assert index.search(np.full(4, np.nan, dtype=np.float32), 2) == []
    assert index.search(query, 5, allowed=allow(np.zeros(3, dtype=bool))) == []


def test_no_vectors_are_searched_in_vain() -> None:
    assert DenseIndex(np.zeros((0, 4), dtype=np.float32)).search(random_unit(1, 4)[0], 2) == []


def test_a_query_of_another_shape_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="but vectors have 4 numbers"):
        DenseIndex(random_unit(3, 4)).search(np.zeros(5, dtype=np.float32), 1)


@pytest.mark.parametrize(
    ("count", "kind", "lists"),
    [
        (1, Kind.FLAT, 1),
        (MIN_VECTORS - 1, Kind.FLAT, 6),
        (FLAT_LIMIT, Kind.FLAT, 1264),
        (FLAT_LIMIT + 1, Kind.IVF, 1264),
        (1_000_000, Kind.IVF, 4000),
        (IVF_LIMIT, Kind.IVF, 4096),
        (IVF_LIMIT + 1, Kind.PQ, 4096),
    ],
)
def test_the_count_decides_the_kind(count: int, kind: Kind, lists: int) -> None:
    assert (AUTO.kind_of(count), list_count(count)) == (kind, lists)
    assert Plan(Kind.PQ).kind_of(count) is (Kind.PQ if count >= MIN_VECTORS else Kind.FLAT)


def test_what_is_told_is_what_was_measured(tmp_path: Path) -> None:
    vectors = random_unit(3000, 16)
    facts = make_index(tmp_path / "i", vectors, Plan(Kind.IVF))
    assert make_index(tmp_path / "j", vectors, Plan(Kind.IVF)) == facts
    index, expected = DenseIndex.open(tmp_path / "i", vectors, facts), sample(vectors)
    found = recall(expected, lambda query: index.nearest(query, 10)[0])
    assert (facts["kind"], facts["lists"], facts["recall"]) == ("ivf", list_count(3000), round(found, 4))
    assert found >= TARGET_RECALL
    assert 1 < int(facts["nprobe"]) < int(facts["lists"])


def test_too_little_recall_is_refused_with_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(
        BuildFailed, match=r"1 of 76 lists has recall 0\.[0-8].*set QA_NPROBE higher, or QA_I"
    ):
        make_index(tmp_path / "i", random_unit(3000, 16), Plan(Kind.IVF, nprobe=1))
    assert not (tmp_path / "i").exists()


def test_recall_worked_by_hand() -> None:
    expected = Sample(np.zeros((2, 4), dtype=np.float32), np.array([range(10), range(10, 20)]))
    answers = iter(([*range(9), 99], [10, 11, *range(90, 98)]))
    assert recall(expected, lambda query: np.array(next(answers))) == pytest.approx((0.9 + 0.2) / 2)


def test_the_exact_neighbours_are_found_block_by_block() -> None:
    vectors = random_unit(100, 8)
    queries = random_unit(3, 8, seed=2).astype(np.float32)
    for query, found in zip(queries, exact(vectors, queries, block=7), strict=True):
        assert found.tolist() == [row for row, _ in plain(vectors, query, 10)]


def test_questions_are_as_near_to_a_text_as_questions_are() -> None:
    vectors = random_unit(5000, 384)
    drawn = sample(vectors)
    cosines = (drawn.queries * vectors[drawn.nearest[:, 0]]).sum(axis=1)
    assert drawn.queries.shape == (200, 384)
    assert 0.65 < cosines.mean() < 0.75


@pytest.mark.parametrize("kind", [Kind.IVF, Kind.PQ])
def test_another_count_dimension_class_metric_or_number_of_lists_is_refused(
    tmp_path: Path, kind: Kind
) -> None:
    vectors = random_unit(400, 8)
    facts = dict(make_index(tmp_path / "i", vectors, Plan(kind, nprobe=100)))
    other = Kind.PQ if kind is Kind.IVF else Kind.IVF
    assert open_ivf_index(tmp_path / "i", facts, (400, 8)).list_count == facts["lists"]
    wrongs: tuple[tuple[IndexParameters, int, int], ...] = (
        (facts, 399, 8),
        (facts, 400, 16),
        (facts | {"kind": other.value}, 400, 8),
        (facts | {"lists": 9}, 400, 8),
    )
    for wrong, count, dimension in wrongs:
        with pytest.raises(Damaged, match=str(tmp_path / "i")):
            open_ivf_index(tmp_path / "i", wrong, (count, dimension))
    for index in (faiss.IndexFlatIP(8), faiss.IndexHNSWFlat(8, 4, faiss.METRIC_INNER_PRODUCT)):
        index.add(vectors.astype(np.float32))
        faiss.write_index(index, str(tmp_path / "other"))
        with pytest.raises(Damaged, match=r"expected|other: not an index"):
            open_ivf_index(tmp_path / "other", facts, (400, 8))


@pytest.mark.parametrize("kind", [Kind.IVF, Kind.PQ])
def test_no_flip_or_truncation_crashes_and_limits_are_put_back(tmp_path: Path, kind: Kind) -> None:
    before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    file, vectors = tmp_path / "i", random_unit(300, 4)
    facts = make_index(file, vectors, Plan(kind, nprobe=100))
    content = file.read_bytes()
    # The head and the table of the lists, and a few places in what they hold.
    places = [*range(min(600, len(content))), *range(600, len(content), 97)]
    changed = [content[:p] + bytes([content[p] ^ 0xFF]) + content[p + 1 :] for p in places]
    refusals = 0
    for bad in changed + [content[:length] for length in places]:
        file.write_bytes(bad)
        try:
            open_ivf_index(file, facts, (300, 4))
        except Damaged:
            refusals += 1
    assert refusals > len(places)  # every truncation and the head; what lists hold is the manifest's to guard
    after = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    assert after == before


@pytest.mark.parametrize("kind", [Kind.IVF, Kind.PQ])
def test_limits_hold_before_faiss_sees_a_byte(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 vectors of 4 numbers: no header may ask for more than the centres or the texts take, by far."""
    file, vectors = tmp_path / "i", random_unit(300, 4)
    facts = make_index(file, vectors, Plan(kind, nprobe=100))
    seen: list[tuple[int, int]] = []
    read = faiss.read_index

    def watched(*arguments: Any) -> Any:
        seen.append((faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()))
        return read(*arguments)

    monkeypatch.setattr(faiss, "read_index", watched)
    open_ivf_index(file, facts, (300, 4))
    assert seen == [(4 * 4 * 256 + 4, 4 * int(facts["lists"]))]


def test_memory_given_back_is_read_again(tmp_path: Path) -> None:
    vectors = random_unit(400, 8)
    index = made(tmp_path, Kind.IVF, vectors)
    before = index.search(vectors[7], 400)
    index.release_pages()
    assert index.search(vectors[7], 400) == before
    (tmp_path / "i").unlink()
    index.release_pages()
    assert index.search(vectors[7], 400) == before


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    facts: IndexParameters = {"kind": "ivf", "lists": 1, "nprobe": 1}
    with pytest.raises(Damaged, match="not an index"):
        open_ivf_index(tmp_path / "gone", facts, (1, 1))


def test_a_disk_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    lists = build_ivf_index(random_unit(50, 4), Kind.IVF)
    assert isinstance(lists, IVFIndex)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        lists.write(tmp_path / "folder")
