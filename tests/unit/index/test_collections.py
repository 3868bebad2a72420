"""Names and expressions of a store in Milvus; what it does beside a server is in tests/engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from index.engine.address import read_address
from index.engine.collections import MilvusStore, expression, unit_bits
from index.engine.contract import MOST_TEXT_BYTES, MOST_VALUES, Batch, wanted
from index.errors import Altered


def test_a_generation_has_a_name_in_the_engine() -> None:
    store = MilvusStore(read_address("milvus://h/articles"))
    assert store.collection("gen-2-5f") == "articles__gen_2_5f"
    assert store.files("gen-2-5f") == "articles_files__gen_2_5f"


def test_units_are_bits() -> None:
    assert [
        unit_bits(units) for units in ([], ["sentence"], ["window", "passage"], ["passage", "passage"])
    ] == [
        0,
        1,
        6,
        4,
    ]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, ""),
        ({"units": "passage"}, "(units in [4, 5, 6, 7])"),
        ({"units": ["sentence", "window"]}, "(units in [1, 2, 3, 5, 6, 7])"),
        ({"units": "chapter"}, "(units in [-1])"),
        ({"years": ["2003"]}, '(array_contains_any(years, ["2003"]))'),
        (
            {"units": "sentence", "articles": ["7", "*"]},
            '(units in [1, 3, 5, 7]) and (array_contains_any(articles, ["7", "*"]))',
        ),
    ],
)
def test_a_filter_in_the_words_of_milvus(where: dict[str, str | list[str]], expected: str) -> None:
    assert expression(where) == expected


def test_a_text_of_another_hash_is_refused_and_counted() -> None:
    store = MilvusStore(read_address("milvus://h:1/articles"))
    with pytest.raises(
        Altered, match=r"altered: the text of record 7 in milvus://h:1/articles is not the one"
    ):
        store._found(7, 0.5, {"text": "changed", "sha256": "0" * 64})
    assert store.refused == 1


def batch(text: str = "", facts: Mapping[str, Sequence[str]] | None = None) -> Batch:
    return Batch(np.array([7]), np.ones((1, 2), dtype=np.float32), [text], [facts or {}])


def test_a_batch_of_unequal_lists_is_refused() -> None:
    with pytest.raises(ValueError, match=r"different lengths: \[1, 2\]"):
        Batch(np.array([7, 8]), np.ones((2, 2), dtype=np.float32), ["one"], [{}, {}])


@pytest.mark.parametrize(
    ("text", "facts", "told"),
    [
        ("é" * (MOST_TEXT_BYTES // 2 + 1), {}, "the text of record 7 is longer than 65,535 bytes"),
        ("", {"colour": ["green"]}, "record 7 has an unknown fact: 'colour'"),
        ("", {"years": ["2003"] * (MOST_VALUES + 1)}, "record 7 has more than 1,000 years"),
        ("", {"authors": ["x" * 1_001]}, "record 7 has a value of authors above 1,000 bytes"),
        ("", {"units": ["chapter"]}, "record 7 is the text of no known unit: 'chapter'"),
    ],
)
def test_what_no_store_could_hold_is_refused(
    text: str, facts: Mapping[str, Sequence[str]], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        batch(text, facts)


def test_what_just_fits_is_taken() -> None:
    assert len(batch("e" * MOST_TEXT_BYTES, {"years": ["2003"] * MOST_VALUES, "units": ["window"]})) == 1


def test_a_filter_is_lists() -> None:
    assert wanted({"years": "2003", "authors": ["Ann", "Bob"]}) == {
        "years": ("2003",),
        "authors": ("Ann", "Bob"),
    }
    assert wanted({}) == {}
    with pytest.raises(ValueError, match="no fact 'colour': there are units, publishers"):
        wanted({"colour": "green"})
