"""The results file: one part a measurement, each merged in when it was taken, and a summary of all.

    {"peers": {...}, "floors": {...}, "growth": {...}, "summary": {name: number or null}}

Each part says under "taken" when, where and with what. A measure is its median, its spread (low, high) and
the value of each round.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.competitors import PEERS, PULLQUOTE, WHOLE
from bench.peer_process import ROOT
from bench.statistics import Measured, measured
from cli.terminal import code_facts

FOLDER = ROOT / "bench" / "results"
FILE = "results.json"
_LIBRARIES = ("torch", "sentence-transformers", "transformers", "faiss-cpu", "tantivy", "numpy")
_MILLION = "1000000"

Part = dict[str, Any]


def provenance() -> dict[str, Any]:
    """When, where and with what: date, commit, versions, cores, load average of 1, 5 and 15 minutes."""
    return {
        **code_facts(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "peers": {name: _pinned(name) for name in PEERS},
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": {name: value for name, value in os.environ.items() if name.startswith("OMP_")},
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def _pinned(peer: str) -> list[str]:
    """The packages a peer's file names before its first blank line: what it is, not what that needs."""
    lines = (ROOT / "bench" / "peers" / f"{peer}.txt").read_text(encoding="utf-8").splitlines()
    named = lines[: lines.index("")] if "" in lines else lines
    return [line for line in named if not line.startswith("#")]


def records(rounds: Mapping[str, Iterable[float]]) -> dict[str, Any]:
    """Measure -> its record."""
    return {name: measured(values).record() for name, values in rounds.items()}


def read_results(folder: Path = FOLDER) -> Part:
    """What was measured so far."""
    file = folder / FILE
    results: Part = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return results


def merge(part: str, content: Part, *, folder: Path = FOLDER) -> Part:
    """Put a part in place of what was there, sum up anew, write; all results."""
    results = {**read_results(folder), part: content}
    results["summary"] = summary(results)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return results


def summary(results: Part) -> dict[str, float | None]:
    """The numbers that count, None for what was not measured; the first four are times over times.

    build_vs_best_peer         Pullquote against the peer that builds quickest
    question_p50_vs_best_peer  against the peer that answers quickest
    question_p50_vs_encode     the same question over the encoding of one
    build_vs_forward_pass      a build over the model's forward passes on the same texts
    qps32_vs_qps1              questions a second with 32 clients over those with 1
    recall_1e6, search_ms_1e6, rss_mb_1e6    at a million passages; a search is all but the encoding
    """
    systems = results.get("peers", {}).get("systems", {})
    million = results.get("growth", {}).get("sizes", {}).get(_MILLION, {})
    pullquote = systems.get(PULLQUOTE.name, {})
    return {
        "build_vs_best_peer": _median(against_best(systems, "build_s")),
        "question_p50_vs_best_peer": _median(against_best(systems, "p50_ms")),
        "question_p50_vs_encode": pullquote.get("over_encode", {}).get("median"),
        "qps32_vs_qps1": _median(_over(pullquote.get("qps_32"), pullquote.get("qps_1"))),
        "build_vs_forward_pass": _median(
            _over(pullquote.get("build_s"), systems.get(WHOLE.name, {}).get("build_s"))
        ),
        "recall_1e6": million.get("recall", {}).get("median"),
        "search_ms_1e6": million.get("search_ms", {}).get("median"),
        "rss_mb_1e6": million.get("rss_mb", {}).get("median"),
    }


def against_best(systems: Mapping[str, Part], measure: str) -> Measured | None:
    """Pullquote over the peer with the least median of a measure, or None where nothing is to be compared."""
    peers = [systems[name][measure] for name in PEERS if measure in systems.get(name, {})]
    best = min(peers, key=lambda measures: float(measures["median"]), default=None)
    return _over(systems.get(PULLQUOTE.name, {}).get(measure), best)


def _over(numerator: Part | None, other: Part | None) -> Measured | None:
    if not numerator or not other:
        return None
    return measured(numerator["values"]).over(measured(other["values"]))


def _median(values: Measured | None) -> float | None:
    return None if values is None else round(values.median, 3)


def sizes_in_order(results: Part) -> Sequence[tuple[int, Part]]:
    """The sizes measured, smallest first."""
    sizes = results.get("growth", {}).get("sizes", {})
    return sorted((int(size), measures) for size, measures in sizes.items())
