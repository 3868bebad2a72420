"""The store in a folder is there again when it is opened again; the rest of it is the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.engine.contract import Batch
from index.engine.faiss_store import FaissStore
from index.errors import Damaged, NoIndex, StoreRefused

VECTORS = np.eye(3, dtype=np.float32)


def batch() -> Batch:
    facts = [{"years": ["2003"]}, {"years": ["2004"]}, {}]
    return Batch(np.array([5, 6, 7]), VECTORS, ["One ferry.", "Two quays.", "Three ferries."], facts)


def test_what_was_published_is_there_again(tmp_path: Path) -> None:
    store = FaissStore(tmp_path / "store")
    store.add("gen-1-a", batch())
    store.publish("gen-1-a")
    store.close()
    again = FaissStore(tmp_path / "store")
    assert [(one.id, one.score, one.text) for one in again.dense(VECTORS[1], 1)] == [(6, 1.0, "Two quays.")]
    assert [one.id for one in again.lexical("ferry", 5)] == [5, 7]
    assert [one.id for one in again.lexical("ferry", 5, {"years": "2003"})] == [5]


def test_what_was_never_published_is_not(tmp_path: Path) -> None:
    store = FaissStore(tmp_path)
    store.add("gen-1-a", batch())
    with pytest.raises(NoIndex):
        FaissStore(tmp_path).dense(VECTORS[0], 1)
    with pytest.raises(StoreRefused, match="gen-2-b holds no record"):
        store.publish("gen-2-b")


def test_a_changed_text_is_refused(tmp_path: Path) -> None:
    store = FaissStore(tmp_path)
    store.add("gen-1-a", batch())
    store.publish("gen-1-a")
    path = tmp_path / "gen-1-a" / "records.jsonl"
    path.write_text(path.read_text().replace("Two quays", "Two boats"))
    with pytest.raises(Damaged, match="the text of record 6 is not the one its SHA-256 says"):
        FaissStore(tmp_path).dense(VECTORS[0], 1)
