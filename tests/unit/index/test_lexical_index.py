from __future__ import annotations

import contextlib
import math
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from index.errors import Damaged, IndexFailure
from index.retrieval.filter import Granularity
from index.retrieval.lexical_index import Analyzer, IndexedText, LexicalIndex, linked, without_filters

SENTENCES = [
    "The cost of collisions is 5.14 dollars",
    "cost cost of fire",
    "fire in the house",
    "A collision with fire costs cost",
]
PASSAGES = ["The cost of collisions is 5.14 dollars. cost cost of fire", "fire in the house"]


@pytest.fixture
def lexical(tmp_path: Path) -> LexicalIndex:
    return create(tmp_path / "lexical", SENTENCES, PASSAGES)


def create(folder: Path, sentences: Sequence[str], passages: Sequence[str] = ()) -> LexicalIndex:
    folder.mkdir()
    LexicalIndex.create(folder, without_filters(sentences), without_filters(passages))
    return LexicalIndex.open(folder)


def bm25(query: Sequence[str], texts: Sequence[str]) -> list[tuple[int, float]]:
    """The formula as the index's page gives it, over term lists."""
    documents = [Analyzer().terms(text) for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    found = []
    for row, terms in enumerate(documents):
        score = 0.0
        for term in query:
            n = sum(term in other for other in documents)
            idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
            tf = terms.count(term)
            score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(terms) / mean))
        if any(term in terms for term in query):
            found.append((row, score))
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))


def same(found: Sequence[tuple[int, float]], expected: Sequence[tuple[int, float]]) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=2e-4)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The café’s COLLISION costs $5.14 million", ["the", "cafe", "collis", "cost", "5.14", "million"]),
        ("don't don’t", ["don", "don"]),
        ("1,000,000 and 1,234.5 and 2020,2021", ["1,000,000", "and", "1,234.5", "and", "2020", "2021"]),
        ("It ends at 5.8.", ["it", "end", "at", "5.8"]),
        ("3rd x2 1.5bn", ["3rd", "x2", "1.5", "bn"]),
        ("İstanbul naïve Straße e\u0301t\u00e9", ["istanbul", "naiv", "strass", "ete"]),
        ("“well-known” — trusts/trust", ["well", "known", "trust", "trust"]),
        ("中文", ["中文"]),
        ("", []),
        ("?!… — \x00 \ud800", []),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert Analyzer().terms(text) == terms


def test_scores_worked_by_hand(lexical: LexicalIndex) -> None:
    # "5.14" is in 1 of 4 sentences: idf = ln(1 + 3.5 / 1.5) = 1.20397. Row 0 has 7 terms, the mean is
    # (7 + 4 + 4 + 6) / 4 = 5.25: 2.2 / (1 + 1.2 * (0.25 + 0.75 * 7 / 5.25)) = 0.88. Product: 1.05950.
    same(lexical.search("sentence", ["5.14"], 5), [(0, 1.0595)])
    # "cost" is in 3 of 4: idf = ln(1 + 1.5 / 3.5) = 0.35667; twice in row 1 of 4 terms:
    # 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / 5.25)) = 1.47368. Product: 0.52562.
    assert dict(lexical.search("sentence", ["cost"], 5))[1] == pytest.approx(0.52562, abs=1e-4)


@pytest.mark.parametrize(
    "query",
    [["cost"], ["cost", "collis"], ["fire", "hous", "5.14"], ["cost", "cost", "fire"], ["absent"], []],
)
def test_scores_agree_with_the_formula(lexical: LexicalIndex, query: list[str]) -> None:
    same(lexical.search(Granularity.SENTENCE, query, 10), bm25(query, SENTENCES))
    same(lexical.search(Granularity.PASSAGE, query, 10), bm25(query, PASSAGES))


def test_user_text_is_no_query_language(lexical: LexicalIndex) -> None:
    for text in ('cost AND "fire', "text:cost^5", "*", "-cost", "row:1", "[a TO z]", "/.*/", "co*"):
        lexical.search("sentence", [text], 5)
        assert lexical.search("sentence", [text], 5) == []


def test_phrases(lexical: LexicalIndex) -> None:
    assert lexical.phrase("sentence", ["cost", "of"], 5) == [1, 0]
    assert lexical.phrase("sentence", ["of", "cost"], 5) == []
    assert lexical.phrase("passage", lexical.terms("5.14 dollars"), 5) == [0]
    assert lexical.phrase("sentence", ["hous"], 5) == [2]
    assert lexical.phrase("sentence", [], 5) == []
    assert lexical.phrase("sentence", ["cost", "of"], 1) == [1]


def test_a_stop_word_leaves_no_gap_in_a_phrase(tmp_path: Path) -> None:
    lexical = create(tmp_path / "l", ["The earth’s crust doesn’t move"])
    assert lexical.phrase("sentence", lexical.terms("earth's crust doesn't move"), 1) == [0]


def test_counts(lexical: LexicalIndex) -> None:
    assert (lexical.count("sentence"), lexical.count("passage")) == (4, 2)
    assert lexical.document_frequency("sentence", "cost") == 3
    assert lexical.document_frequency("passage", "cost") == 1
    assert lexical.document_frequency("passage", "absent") == 0
    with pytest.raises(ValueError, match="paragraph"):
        lexical.count("paragraph")


def test_equals_come_in_order_of_row_also_at_the_cut(tmp_path: Path) -> None:
    lexical = create(tmp_path / "l", ["fire in the house"] * 100 + ["fire"])
    for k in (1, 5, 60, 100):
        assert [row for row, _ in lexical.search("sentence", ["fire"], k)] == [100, *range(k - 1)]
    assert len(lexical.search("sentence", ["fire"], 1000)) == 101
    assert lexical.search("sentence", ["fire"], 0) == []
    assert lexical.search("sentence", ["fire"], -1) == []


def test_a_filter_changes_what_is_found_and_no_score(tmp_path: Path) -> None:
    texts = [f"fire number {row} {'fire ' * (row % 7)}" for row in range(300)]
    marks = [{"articles": [row // 2], "years": [row % 3], "authors": [row % 5, 9]} for row in range(300)]
    (tmp_path / "l").mkdir()
    LexicalIndex.create(tmp_path / "l", zip(texts, marks, strict=True), [])
    lexical = LexicalIndex.open(tmp_path / "l")
    everything = lexical.search("sentence", ["fire", "12"], 300)
    assert len(everything) == 300
    wanted: list[dict[str, list[int]]] = [
        {"years": [1]},
        {"years": [0, 2], "authors": [4]},
        {"authors": [9]},
        {"articles": [6, 149, 5000]},
        {"articles": [6], "years": [7]},
        {"publishers": [0]},
        {"years": []},
    ]
    for filter_ids in wanted:
        allowed = {
            row
            for row in range(300)
            if all(set(marks[row].get(k, ())) & set(some) for k, some in filter_ids.items())
        }
        expected = [hit for hit in everything if hit[0] in allowed]
        for k in (1, 3, 300):
            assert lexical.search("sentence", ["fire", "12"], k, filter_ids=filter_ids) == expected[:k]
        found = lexical.phrase("sentence", ["fire", "fire"], 300, filter_ids=filter_ids)
        assert sorted(found) == sorted(row for row in allowed if row % 7 > 1)


def test_a_lock_that_comes_late_finds_no_folder(tmp_path: Path) -> None:
    """tantivy watches what it writes in a thread of its own, which may lock when all is written."""
    folder = tmp_path / "lexical"
    folder.mkdir()
    locks = [folder / f"{granularity}-made" / ".tantivy-meta.lock" for granularity in Granularity]

    def locked(lock: Path, texts: Sequence[str]) -> Iterator[IndexedText]:
        yield from without_filters(texts)
        lock.touch()

    LexicalIndex.create(folder, *map(locked, locks, (SENTENCES, PASSAGES)))
    for lock in locks:
        with pytest.raises(FileNotFoundError):
            lock.touch()
    assert [*folder.rglob(".tantivy-*.lock")] == []
    assert LexicalIndex.open(folder).count("sentence") == len(SENTENCES)


def test_a_lock_beside_an_opened_index_does_not_keep_its_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that puts the lock back again and again, as tantivy's may, until there is no folder for it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def lock_until_gone(lock: Path, started: threading.Event) -> None:
        with contextlib.suppress(FileNotFoundError):
            while True:
                lock.touch()
                started.set()

    for _ in range(50):
        started = threading.Event()
        with linked(tmp_path) as links:
            thread = threading.Thread(target=lock_until_gone, args=(links / ".tantivy-meta.lock", started))
            thread.start()
            assert started.wait(20)
        thread.join(20)
        assert not thread.is_alive()
        assert [*temporary.iterdir()] == []


def test_the_same_texts_give_the_same_rows_and_scores(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    sentences = [" ".join(f"w{n}" for n in random.zipf(1.5, 12) if n < 1000) for _ in range(400)]
    one, two = create(tmp_path / "a", sentences), create(tmp_path / "b", sentences)
    for query in (["w1"], ["w1", "w2", "w30"], ["w7", "w999"]):
        assert one.search("sentence", query, 100) == two.search("sentence", query, 100)
        found = one.search("sentence", query, 400)
        assert found[:100] == one.search("sentence", query, 100)
        documents = [len(Analyzer().terms(text)) for text in sentences]
        assert max(documents) <= 40  # tantivy keeps lengths up to 40 exactly
        same(found[:1], [max(bm25(query, sentences), key=lambda hit: (round(hit[1], 4), -hit[0]))])


def test_opening_and_searching_leave_the_folder_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "l"
    create(folder, SENTENCES, PASSAGES)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}
    assert not [path for path in before if path.name.endswith(".lock")]
    lexical = LexicalIndex.open(folder)
    lexical.search("sentence", ["cost"], 5)
    lexical.phrase("passage", ["cost", "of"], 5)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")} == before


def test_an_open_index_outlives_its_files(tmp_path: Path) -> None:
    lexical = create(tmp_path / "l", SENTENCES)
    before = lexical.search("sentence", ["cost", "fire"], 5)
    for path in sorted((tmp_path / "l").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert lexical.search("sentence", ["cost", "fire"], 5) == before


def test_an_empty_unit_finds_nothing(tmp_path: Path) -> None:
    lexical = create(tmp_path / "l", ["fire"])
    assert lexical.count("passage") == 0
    assert lexical.search("passage", ["fire"], 5) == []


def test_a_folder_that_holds_no_index_is_damage(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="sentence: tantivy cannot open it"):
        LexicalIndex.open(tmp_path)


def test_no_temporary_folder_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "l", SENTENCES)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(IndexFailure, match="set TMPDIR to a folder"):
        LexicalIndex.open(tmp_path / "l")


def test_importing_the_room_loads_no_heavy_library() -> None:
    heavy = {"faiss", "tantivy", "torch", "transformers", "sentence_transformers", "huggingface_hub"}
    code = f"import sys, index.building.build, index.search.searcher; print(sorted({heavy} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
