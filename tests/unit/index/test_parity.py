from __future__ import annotations

import numpy as np
import pytest

from index.embedding.parity import MIN_COSINE, PROBES, least_cosine


def test_the_least_of_worked_cosines() -> None:
    reference = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    vectors = np.array([[1, 0], [0.6, 0.8], [0.8, 0.6]], dtype=np.float32)
    assert least_cosine(vectors, reference) == pytest.approx(0.8, abs=1e-6)
    assert least_cosine(reference, reference) == pytest.approx(1, abs=1e-6)


def test_what_is_no_vector_agrees_in_nothing() -> None:
    reference = np.eye(2, dtype=np.float32)
    assert least_cosine(reference[:1], reference) == -1
    assert least_cosine(np.array([[1, 0], [np.nan, 1]], dtype=np.float32), reference) == -1
    infinite = np.array([[np.inf, 0], [0, 1]], dtype=np.float32)
    assert least_cosine(infinite, reference) == -1


def test_the_minimum_tells_bfloat16_from_another_model() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((50, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # bfloat16 keeps 8 bits of a number: the upper half of its float32.
    bfloat16 = (vectors.view(np.uint32) & 0xFFFF0000).view(np.float32)
    bfloat16 /= np.linalg.norm(bfloat16, axis=1, keepdims=True)
    assert least_cosine(bfloat16, vectors) >= MIN_COSINE
    moved = vectors + 0.0025 * random.standard_normal(vectors.shape).astype(np.float32)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    assert least_cosine(moved, vectors) < MIN_COSINE


def test_probes_are_short_long_and_all_different() -> None:
    assert len(set(PROBES)) == len(PROBES)
    assert min(map(len, PROBES)) == 0
    assert max(len(probe.split()) for probe in PROBES) > 512
