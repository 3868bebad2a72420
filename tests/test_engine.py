"""What a store is given, checked before it is sent anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from index.engine import MOST_TEXT_BYTES, MOST_VALUES, Batch, wanted


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
