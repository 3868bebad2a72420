"""The product at growing sizes: time to build, time to search, memory, and the exponents they grow with.

Each step is a process of its own, so that no size pays for another's memory. Each size is built once, and its
index removed when it has been measured: a million passages take some 13 GB of disk while they last.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.errors import PeerFailed
from bench.growth_step import Case
from bench.peer_process import run_module
from bench.statistics import exponent, measured

GROWING = ("build_s", "search_ms", "dense_ms", "rss_mb", "build_peak_mb", "open_s")

Sizes = dict[str, dict[str, Any]]
"""Passages, as text -> measure -> median, low, high and rounds; or "failed" -> the reason."""


def measure_size(case: Case, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """All steps of one size."""
    values: dict[str, Any] = {}
    try:
        for step in ("prepare", "build", "ask", "recall"):
            values |= run_module(
                "bench.growth_step", step, document=asdict(case), name=f"{case.passages:,} passages"
            )
            say(f"{case.passages:,} passages: {step}")
    except PeerFailed as error:
        values["failed"] = error.reason
        say(str(error))
    finally:
        shutil.rmtree(case.index, ignore_errors=True)
    return {name: _summed(value) for name, value in values.items()}


def exponents(sizes: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Measure -> slope of its logarithm over that of the size, for what was measured at two sizes or more."""
    slopes = {}
    for measure in GROWING:
        here = {
            int(size): measures[measure]["median"] for size, measures in sizes.items() if measure in measures
        }
        if len(here) > 1:
            slopes[measure] = exponent(list(here), list(here.values()))
    return slopes


def _summed(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return measured(value if isinstance(value, Sequence) else [value]).record()
