"""Names of collections and filter expressions; tests/integration/milvus runs them against engines."""

from __future__ import annotations

import numpy as np
import pytest

from index.engine.address import read_address
from index.engine.collections import MilvusStore, expression
from index.retrieval.filter import FilterIds


def test_a_generation_has_a_collection() -> None:
    store = MilvusStore(read_address("e.db"))
    assert store.collection("gen-2-5f") == "pullquote__gen_2_5f"


@pytest.mark.parametrize(
    ("filter_ids", "expected"),
    [
        ({}, ""),
        ({"years": [3]}, "(array_contains_any(years, [3]))"),
        ({"years": (3, 4)}, "(array_contains_any(years, [3, 4]))"),
        (
            {"authors": np.array([2]), "articles": [7, -1]},
            "(array_contains_any(authors, [2])) and (array_contains_any(articles, [7, -1]))",
        ),
    ],
)
def test_a_filter_as_an_expression(filter_ids: FilterIds, expected: str) -> None:
    assert expression(filter_ids) == expected


def test_a_text_in_place_of_an_id_is_never_part_of_an_expression() -> None:
    with pytest.raises(ValueError, match="invalid literal for int"):
        expression({"years": ["0]) or id >= 0 or array_contains_any(years, [1"]})  # type: ignore[list-item]


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="no field 'colour': there are publishers, authors"):
        expression({"colour": [0]})


def test_records_of_unequal_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        MilvusStore(read_address("e.db")).add("gen-1-a", np.array([7, 8]), np.ones((2, 2), np.float32), [{}])
