"""How a unit's dense index is made: its kind, and as few lists a search as recall allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.dense import Facts, Lists, make_lists
from index.errors import BuildFailed
from index.nearest import DenseIndex
from index.plan import Kind, Plan
from index.recall import FLOOR, ROOM, K, Sample, recall, sample

_STEPS = (
    1,
    2,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    384,
    512,
)  # lists looked into, tried in turn

Floats = NDArray[np.float32]


def make_index(file: Path, vectors: Floats, rows: NDArray[np.int32], plan: Plan) -> Facts:
    """Write the index of the texts at these rows of the vectors, unless it is flat; tells what it is.

    Raises:
        BuildFailed: it would miss more than one in twenty of the ten nearest texts.
        OSError: a write failed.
    """
    texts = np.unique(rows)
    kind = plan.kind_of(len(texts))
    if kind is Kind.FLAT:
        return {"kind": kind.value}
    lists = make_lists(vectors, texts, kind)
    found = _choose(DenseIndex(vectors, texts, lists), lists, sample(vectors, texts), plan)
    lists.write(file)
    return {"kind": kind.value, "lists": lists.lists, "nprobe": lists.nprobe, "recall": round(found, 4)}


def _choose(index: DenseIndex, lists: Lists, expected: Sample, plan: Plan) -> float:
    """Set how many lists a search looks into; the recall@10 that this gives."""
    most = lists.lists
    tried = [plan.nprobe] if plan.nprobe else [*(step for step in _STEPS if step < most), most]
    found = 0.0
    for nprobe in tried:
        lists.nprobe = min(nprobe, most)
        found = recall(expected, lambda query: index.nearest(query, K)[0])
        if found >= ROOM:
            break
    if found < FLOOR:
        fact = f"a dense index that looks into {lists.nprobe} of {most} lists has recall {found:.3f}"
        raise BuildFailed(f"{fact}, and {FLOOR} is the least; set QA_NPROBE higher, or QA_INDEX=flat")
    return found
