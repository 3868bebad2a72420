"""Renders a run as one HTML page: tables, plots, and every question with extracts and evidence.

The page holds its style, script and plots; its policy forbids loading anything. Jinja escapes everything but
the plots.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from eval.abstention import reliability, risk_coverage
from eval.gold import ALL_QUESTIONS
from eval.measures import SECONDS, standard_measures
from eval.report.failure_reason import Outcome, explain, outcome
from eval.report.plots import by_type, latency, reliability_diagram, risk_coverage_curve
from eval.run import JudgedText, QuestionResult, Run
from eval.summary import (
    Line,
    columns,
    confidence_and_right,
    seconds,
    summarise,
    values_of,
)
from eval.tables import format_cell, format_interval, type_table
from qa.answer import State

HERE = Path(__file__).parent
HEADLINES = (
    "hit@1", "hit@3", "answered@1", "answered precision", "refusal recall", "wrong refusals", "unsure",
    "AUROC", "citation violations",
)  # fmt: skip
_NOWHERE = 1_000_000


class Picture(NamedTuple):
    """A plot, its title, and how to read it."""

    svg: str
    title: str
    reading: str


def render_report(run: Run, *, name: str) -> str:
    """The page; `name` is its heading."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        parts=_parts,
        outcome=outcome,
        explain=explain,
        rank=_rank,
        value=format_cell,
        interval=format_interval,
    )
    lines, outcomes = summarise(run), [outcome(row) for row in run.rows]
    script = (HERE / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        name=name,
        lead=_lead(run),
        run=run,
        style=(HERE / "report.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        headlines=_headlines(lines, run),
        types=type_table(lines, run),
        lines=lines,
        whole=ALL_QUESTIONS,
        pictures=_pictures(run, lines),
        outcomes={kind: count for kind in Outcome if (count := outcomes.count(kind))},
        type_names=list(dict.fromkeys(row.type for row in run.rows)),
    )


def _lead(run: Run) -> str:
    """What was measured, in one sentence."""
    unit = "documents" if run.documents else "extracts"
    questions = " of ".join(filter(None, ["questions", run.facts.get("gold", run.facts.get("collection"))]))
    ranking = f", {run.facts['ranking']} ranking" if "ranking" in run.facts else ""
    return f"{len(run.rows):,} {questions}{ranking}, each judged by its first {run.k} {unit}."


def _rank(row: QuestionResult) -> int:
    """The rank of the evidence where it was shown, else in the last stage that has it."""
    ranks = [rank for rank in row.ranks.values() if rank]
    return row.ranks.get("shown") or (ranks[-1] if ranks else _NOWHERE)


def _headlines(lines: Sequence[Line], run: Run) -> list[Line]:
    by_name = {line.measure.name: line for line in lines}
    chosen = standard_measures(run.k) if run.documents else HEADLINES
    return [by_name[name] for name in chosen if name in by_name]


def _pictures(run: Run, lines: Sequence[Line]) -> list[Picture]:
    pictures = []
    bars = {
        line.measure.name: {name: each for name, each in line.estimates.items() if name != ALL_QUESTIONS}
        for line in lines
        if line.measure.name in ("hit@1", "hit@3")
    }
    if any(bars.values()):
        reading = "Share of questions; the thin line is the 95 % interval."
        pictures.append(Picture(by_type(bars), "By type of question", reading))
    if any(row.confidence is not None for row in run.rows):
        bins = reliability(*columns(run.rows, confidence_and_right))
        reading = (
            "On the dashed line it does; below it the system is too sure of itself. Numbers count questions, "
            "dotted lines are where a state or a band begins."
        )
        diagram = reliability_diagram(bins, _thresholds(run))
        pictures.append(Picture(diagram, "Does confidence mean what it says?", reading))
        points = risk_coverage(*columns(run.rows, confidence_and_right))
        reading = (
            "Answering only the surest questions: the further left, "
            "the fewer answers and the fewer wrong ones."
        )
        pictures.append(
            Picture(risk_coverage_curve(points, _operating_point(run)), "What answering less buys", reading)
        )
    times = latency(values_of(run.rows, SECONDS.name), *seconds(run))
    return [*pictures, Picture(times, "Time per question", "From question to answer.")]


def _thresholds(run: Run) -> dict[str, float]:
    """Where states and bands of the run begin, as far as it says so."""
    names = ("unsure_from", "answered_from", "strong_from")
    return {name.replace("_", " "): float(run.facts[name]) for name in names if name in run.facts}


def _operating_point(run: Run) -> tuple[float, float] | None:
    """Coverage and risk of the questions that were answered."""
    answered = [row for row in run.rows if row.state is State.ANSWERED]
    wrong = sum(not row.measures.get("hit@1") for row in answered)
    return (len(answered) / len(run.rows), wrong / len(answered)) if answered else None


def _parts(cited: JudgedText) -> tuple[str, str, str]:
    """Before, marked, after."""
    return cited.text[: cited.start], cited.text[cited.start : cited.end], cited.text[cited.end :]
