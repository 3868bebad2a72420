"""`qa feedback` and `qa forget`: exports feedback and deletes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command_group, with_settings
from cli.terminal import count, fail, say

if TYPE_CHECKING:
    from qa.feedback.store import FeedbackStore
    from qa.settings import Settings

CSV, GOLD = "judgements.csv", "candidates.jsonl"
_COLUMNS = "at answer_id question verdict reason article title start end generation outcome".split()

app = command_group("Feedback on answers: export it, delete it.")

Before = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only questions asked before this day (UTC).")
]


@app.command()
@with_settings("data")
def export(
    settings: Settings,
    out: Annotated[
        Path | None,
        typer.Option(help=f"A folder for {CSV} and {GOLD}, or one file that ends in .csv or .jsonl."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="File for all judgements.")] = None,
    gold: Annotated[Path | None, typer.Option(help="File for gold lines to be completed.")] = None,
) -> None:
    """Write all judgements as CSV, and declined and judged questions as gold lines to be completed."""
    tables, candidates = _paths(out, csv, gold)
    if not tables and not candidates:
        fail("nothing to write: give --out FOLDER, --csv FILE or --gold FILE")
    for path in (*tables, *candidates):
        if path.exists():
            fail(f"{path} exists already; name another file, or remove that one")
    with _open_store(settings) as store:
        for path in tables:
            _export_judgements(store, path)
        for path in candidates:
            _export_candidates(store, path, settings)


@app.command()
@with_settings("data")
def forget(settings: Settings, before: Before = None) -> None:
    """Delete questions and all feedback on them: before a day, or all of it."""
    with _open_store(settings) as store:
        deleted = store.forget(before.date() if before else None)
        say(f"Deleted {count(range(deleted), 'question')} and all feedback on them.")


@with_settings("data")
def forget_questions(
    settings: Settings,
    containing: Annotated[
        str, typer.Option(help="Only questions that contain this text, or whose feedback does.")
    ] = "",
    before: Before = None,
    everything: Annotated[bool, typer.Option("--all", help="All questions.")] = False,
) -> None:
    """Delete questions stored on this disk, with all feedback on them.

    A running service may keep the last QA_CACHE answers in memory until it ends; exported files are yours.
    """
    if [bool(containing.strip()), before is not None, everything].count(True) != 1:
        fail("choose one of --containing TEXT, --before DATE and --all")
    with _open_store(settings) as store:
        with store.reading() as feedback:
            total, silent = feedback.execute("SELECT count(*), sum(question IS NULL) FROM asked").fetchone()
        deleted = store.forget(before.date() if before else None, containing=containing.strip())
        say(f"Deleted {count(range(deleted), 'question')} of {total:,} and all feedback on them.")
        if containing and silent:
            say(f"{count(range(silent), 'question')} could not be searched: the text was not kept.")


def _paths(out: Path | None, csv: Path | None, gold: Path | None) -> tuple[list[Path], list[Path]]:
    """Files for judgements and files for candidates; the suffix of `out` selects one kind, or both."""
    tables, candidates = ([path] if path else [] for path in (csv, gold))
    if out and out.suffix != ".jsonl":
        tables.append(out if out.suffix == ".csv" else out / CSV)
    if out and out.suffix != ".csv":
        candidates.append(out if out.suffix == ".jsonl" else out / GOLD)
    return tables, candidates


@contextmanager
def _open_store(settings: Settings) -> Iterator[FeedbackStore]:
    from qa.feedback.database import FEEDBACK
    from qa.feedback.store import FeedbackStore

    file = settings.data / FEEDBACK
    if not file.is_file():
        fail(f"no feedback in {settings.data}; `qa serve` collects it unless QA_FEEDBACK is off")
    with closing(FeedbackStore(file)) as store:
        yield store


def _export_judgements(store: FeedbackStore, path: Path) -> None:
    from qa.feedback.safe_csv import csv_table
    from qa.feedback.statistics import judgements

    with store.reading() as feedback:
        rows = list(map(attrgetter(*_COLUMNS), judgements(feedback)))
    _write(path, csv_table(_COLUMNS, rows))
    say(f"{path}: {count(rows, 'judgement')}.")


def _export_candidates(store: FeedbackStore, path: Path, settings: Settings) -> None:
    from eval.gold_candidates import candidates, judged_answers, without_text
    from qa.loading import open_index

    articles = open_index(settings).articles
    with store.reading() as feedback:
        lines = list(candidates(judged_answers(feedback, articles)))
        silent = without_text(feedback)
    _write(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    say(f"{path}: {count(lines, 'gold line')} to be completed; `qa eval check {path}` lists what is missing.")
    if silent:
        say(
            f"{count(range(silent), 'question')} left out: the text was not kept. "
            f"QA_QUESTION_LOG=1 keeps it for new questions."
        )


def _write(path: Path, content: str) -> None:
    """Write a new file; never over one that an evaluator has worked on."""
    from index.storage.durable_io import Disk

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Disk().replace(path, content.encode(), mode=0o600)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}; name another file")
