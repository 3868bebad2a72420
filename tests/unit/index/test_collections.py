"""Names of collections and filter expressions; tests/integration/milvus runs them against engines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from index.engine.address import read_address
from index.engine.collections import MilvusStore, expression, unit_mask


def test_a_generation_has_a_collection() -> None:
    store = MilvusStore(read_address("e.db"))
    assert store.collection("gen-2-5f") == "pullquote__gen_2_5f"


@pytest.mark.parametrize(
    ("units", "mask"), [([], 0), (["sentence"], 1), (["window", "passage"], 6), (["passage", "passage"], 4)]
)
def test_granularities_are_bits(units: Sequence[str], mask: int) -> None:
    assert unit_mask(units) == mask


def test_an_unknown_granularity_is_refused() -> None:
    with pytest.raises(ValueError, match="tuple"):
        unit_mask(["chapter"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ""),
        ({"units": ["passage"]}, "(units in [4, 5, 6, 7])"),
        ({"units": ["sentence", "window"]}, "(units in [1, 2, 3, 5, 6, 7])"),
        ({"units": ["chapter"]}, "(units in [-1])"),
        ({"years": ["2003"]}, '(array_contains_any(years, ["2003"]))'),
        (
            {"units": ["sentence"], "articles": ["7", "*"]},
            '(units in [1, 3, 5, 7]) and (array_contains_any(articles, ["7", "*"]))',
        ),
    ],
)
def test_a_filter_as_an_expression(values: dict[str, list[str]], expected: str) -> None:
    assert expression(values) == expected


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="no field 'colour': there are units, publishers"):
        expression({"colour": ["green"]})


def test_records_of_unequal_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        MilvusStore(read_address("e.db")).add("gen-1-a", np.array([7, 8]), np.ones((2, 2), np.float32), [{}])
