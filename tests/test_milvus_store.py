"""Names and expressions of a store in Milvus; what it does beside a server is in tests/engine."""

from __future__ import annotations

import pytest

from index.address import read_address
from index.errors import Altered
from index.milvus_store import MilvusStore, expression, unit_bits


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
