"""The results as Markdown for the README: medians, in brackets the spread over the rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.competitors import PEERS, PULLQUOTE
from bench.results import Part, against_best, sizes_in_order

_SYSTEMS = {
    "build_per_s": "passages/s built",
    "p50_ms": "question p50, ms",
    "p95_ms": "p95, ms",
    "over_encode": "p50 / encoding",
    "qps_1": "questions/s, 1 client",
    "qps_8": "8",
    "qps_32": "32",
    "cold_s": "cold start, s",
    "change_s": "one text changed, s",
    "peak_mb": "peak MB, build",
    "answering_mb": "answering MB",
    "bytes_per_passage": "bytes/passage",
    "recall": "recall@10",
}
_SIZES = {
    "build_s": "build, s",
    "search_ms": "search, ms",
    "dense_ms": "nearest passages, ms",
    "ask_ms": "question, ms",
    "rss_mb": "resident MB",
    "anonymous_mb": "not files, MB",
    "build_peak_mb": "peak MB, build",
    "open_s": "open, s",
    "recall": "recall@10",
}
_AGAINST = {
    "build_s": "build",
    "p50_ms": "question p50",
    "cold_s": "cold start",
    "change_s": "one text changed",
}


def markdown(results: Part) -> str:
    """All parts that were measured, a table each."""
    parts = [_systems(results), _against(results), _floors(results), _growth(results), _summary(results)]
    return "\n\n".join(filter(None, parts)) + "\n"


def number(value: float) -> str:
    """Three digits, or all before the point: 0.01234 -> 0.0123, 12345.6 -> 12,346."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(measure: Mapping[str, Any] | None) -> str:
    """ "12 [11, 14]"; without the spread where there was one round."""
    if not measure:
        return ""
    median = number(measure["median"])
    if len(measure["values"]) == 1:
        return median
    return f"{median} [{number(measure['low'])}, {number(measure['high'])}]"


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _systems(results: Part) -> str:
    systems = results.get("peers", {}).get("systems", {})
    if not systems:
        return ""
    rows = [
        [name, *(cell(measures.get(measure)) for measure in _SYSTEMS)] for name, measures in systems.items()
    ]
    failed = [f"{name} could not be measured: {why}" for name, why in results["peers"]["failed"].items()]
    return "\n\n".join([_rows(["system", *_SYSTEMS.values()], rows), *failed])


def _against(results: Part) -> str:
    systems = results.get("peers", {}).get("systems", {})
    ratios = {label: against_best(systems, measure) for measure, label in _AGAINST.items()}
    rows = [[label, cell(ratio.record())] for label, ratio in ratios.items() if ratio]
    return _rows([f"time, {PULLQUOTE.name} / best of {', '.join(PEERS)}", "ratio"], rows) if rows else ""


def _floors(results: Part) -> str:
    rounds = results.get("floors", {}).get("measures", {})
    return (
        _rows(["floor", "measured"], [[name, cell(measure)] for name, measure in rounds.items()])
        if rounds
        else ""
    )


def _growth(results: Part) -> str:
    sizes = sizes_in_order(results)
    if not sizes:
        return ""
    rows = [[f"{size:,}", *(cell(measures.get(measure)) for measure in _SIZES)] for size, measures in sizes]
    slopes = results["growth"].get("exponents", {})
    rows.append(["exponent", *(number(slopes[name]) if name in slopes else "" for name in _SIZES)])
    failed = [f"{size:,} passages: {measures['failed']}" for size, measures in sizes if "failed" in measures]
    return "\n\n".join([_rows(["passages", *_SIZES.values()], rows), *failed])


def _summary(results: Part) -> str:
    values = {name: value for name, value in results.get("summary", {}).items() if value is not None}
    return _rows(["summary", ""], [[name, number(value)] for name, value in values.items()]) if values else ""
