"""Stores a run as a folder.

run.json          provenance, and the SHA-256 of questions.jsonl
questions.jsonl   a row per question (see `eval.run`)
summary.json      every measure by type, with 95 % intervals
run.trec          rankings for trec_eval: query Q0 document rank score tag
qrels.trec        judgements for trec_eval: query 0 document grade
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.errors import RunError
from eval.measures import by_rank
from eval.run import JudgedText, QuestionResult, Run
from eval.summary import Line, summarise
from index.storage.durable_io import atomic_folder
from qa.answer import State
from qa.confidence import seal_of

FORMAT = 1
ABOUT, QUESTIONS, SUMMARY = "run.json", "questions.jsonl", "summary.json"
RANKINGS, JUDGEMENTS = "run.trec", "qrels.trec"
TAG = "pullquote"


def check_free(folder: Path) -> None:
    """Raises RunError if a run cannot be written to this folder; an existing one is never overwritten."""
    try:
        if os.path.lexists(folder):
            raise RunError(f"{folder} exists already; name another folder for this run, or remove that one")
        folder.parent.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent)).rmdir()
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}; name another folder") from error


def write_run(folder: Path, run: Run, lines: Sequence[Line] | None = None) -> None:
    """Write a run atomically; `lines` is its summary, if already computed. Raises RunError."""
    check_free(folder)
    questions = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in run.rows).encode()
    header = {
        "format": FORMAT,
        "k": run.k,
        "documents": run.documents,
        "questions": len(run.rows),
        "questions_sha256": hashlib.sha256(questions).hexdigest(),
        "facts": dict(run.facts),
    }
    contents = {
        QUESTIONS: questions,
        SUMMARY: _json_bytes(_summary(summarise(run) if lines is None else lines)),
        RANKINGS: "".join(
            f"{row.id} Q0 {document} {rank} {score:g} {TAG}\n"
            for row in run.rows
            for rank, (document, score) in enumerate(by_rank(row.ranking).items(), start=1)
        ).encode(),
        JUDGEMENTS: "".join(
            f"{row.id} 0 {document} {grade}\n" for row in run.rows for document, grade in row.judged.items()
        ).encode(),
        ABOUT: _json_bytes({**header, "seal": seal_of(header)}),
    }
    try:
        with atomic_folder(folder) as new:
            for name, content in contents.items():
                (new / name).write_bytes(content)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}; name another folder") from error


def read_run(folder: Path) -> Run:
    """Read a run. Raises RunError if it is missing, incomplete, or was changed."""
    header = _json(folder / ABOUT)
    if header.pop("seal", "") != seal_of(header):
        raise RunError(f"{folder / ABOUT} is not what the run wrote; run it again")
    if header.get("format") != FORMAT:
        raise RunError(
            f"{folder / ABOUT} has format {header.get('format')}, this version reads {FORMAT}; run it again"
        )
    try:
        questions = (folder / QUESTIONS).read_bytes()
    except OSError as error:
        raise RunError(f"{folder / QUESTIONS} cannot be read: {error.strerror}; run it again") from error
    if hashlib.sha256(questions).hexdigest() != header.get("questions_sha256"):
        raise RunError(f"{folder / QUESTIONS} is not what the run wrote; run it again")
    try:
        rows = tuple(_row(json.loads(line)) for line in questions.decode().split("\n") if line)
        return Run(rows, int(header["k"]), bool(header["documents"]), dict(header["facts"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RunError(f"{folder} was not written by this version; run it again") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(
            f"{path.parent} holds no run ({path.name}: {error.strerror}); "
            f"`qa eval run GOLD --out {path.parent}` makes one"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is not JSON; run it again") from error
    return value if isinstance(value, dict) else {}


def _row(written: dict[str, Any]) -> QuestionResult:
    if "abstained" in written:  # before there were three states
        written["state"] = State.NONE if written.pop("abstained") else State.ANSWERED
    cited = {name: tuple(JudgedText(**fields) for fields in written[name]) for name in ("evidence", "shown")}
    state, ranking = State(written["state"]), tuple(written["ranking"])
    return QuestionResult(**{**written, **cited, "state": state, "ranking": ranking})


def _summary(lines: Sequence[Line]) -> dict[str, Any]:
    return {
        line.measure.name: {
            "definition": line.measure.definition,
            "slices": {
                name: {
                    "value": each.value,
                    "low": _bound(each.low),
                    "high": _bound(each.high),
                    "n": each.count,
                }
                for name, each in line.estimates.items()
            },
        }
        for line in lines
    }


def _bound(value: float) -> float | None:
    return None if math.isnan(value) else value


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
