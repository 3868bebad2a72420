"""The `qa feedback` commands: export, forget. A door like `cli.py`; exit codes: 0 done, 2 bad input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import DEFAULT_DATA, Data, count, fail, one_line_errors, open_index, say

if TYPE_CHECKING:
    from qa.feedback.store import FeedbackStore

CSV, GOLD = "judgements.csv", "candidates.jsonl"
_COLUMNS = (
    "at",
    "answer_id",
    "question",
    "verdict",
    "reason",
    "article",
    "title",
    "start",
    "end",
    "generation",
    "outcome",
)

app = typer.Typer(
    help="What people did with answers: export it, forget it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command()
def export(
    out: Annotated[
        Path | None,
        typer.Option(help=f"A folder for {CSV} and {GOLD}, or one file that ends in .csv or .jsonl."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="File for all judgements.")] = None,
    gold: Annotated[Path | None, typer.Option(help="File for gold lines to be completed.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write all judgements as CSV, and declined and judged questions as gold lines to be completed."""
    sheets, candidates = _places(out, csv, gold)
    if not sheets and not candidates:
        fail("nothing to write: give --out FOLDER, --csv FILE or --gold FILE")
    for place in (*sheets, *candidates):
        if place.exists():
            fail(f"{place} exists already; name another file, or remove that one")
    with one_line_errors(), _store(data) as store:
        for place in sheets:
            _export_judgements(store, place)
        for place in candidates:
            _export_candidates(store, place, data)


@app.command()
def forget(
    before: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only what was asked before this day (UTC)."),
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Delete questions and all that was said about them: before a day, or all of it."""
    with one_line_errors(), _store(data) as store:
        deleted = store.forget(before.date() if before else None)
        say(f"Forgot {count(range(deleted), 'question')} and what was said about them.")


def forget_questions(
    containing: Annotated[
        str, typer.Option(help="Questions that hold this text, or a reason given with them does.")
    ] = "",
    before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="What was asked before this day (UTC).")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of it.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Delete questions kept on this disk, with all that was said about them.

    A running service may keep the last QA_CACHE answers in memory until it ends; exported files are yours.
    """
    if [bool(containing.strip()), before is not None, everything].count(True) != 1:
        fail("say what to forget: --containing TEXT, --before DATE or --all (one of them)")
    with one_line_errors(), _store(data) as store:
        with store.reading() as feedback:
            total, silent = feedback.execute("SELECT count(*), sum(question IS NULL) FROM asked").fetchone()
        deleted = store.forget(before.date() if before else None, containing=containing.strip())
        say(f"Forgot {count(range(deleted), 'question')} of {total:,} and what was said about them.")
        if containing and silent:
            say(f"{count(range(silent), 'question')} had no text to look at: it was not kept.")


def _places(out: Path | None, csv: Path | None, gold: Path | None) -> tuple[list[Path], list[Path]]:
    """Where judgements go and where candidates go; `out` names one of them by its ending, or both."""
    sheets, candidates = ([path] if path else [] for path in (csv, gold))
    if out and out.suffix != ".jsonl":
        sheets.append(out if out.suffix == ".csv" else out / CSV)
    if out and out.suffix != ".csv":
        candidates.append(out if out.suffix == ".jsonl" else out / GOLD)
    return sheets, candidates


@contextmanager
def _store(data: Path) -> Iterator[FeedbackStore]:
    from qa.feedback.database import FEEDBACK
    from qa.feedback.store import FeedbackStore

    if not (data / FEEDBACK).is_file():
        fail(f"there is no feedback in {data}; `qa serve` keeps it there unless QA_FEEDBACK is off")
    with closing(FeedbackStore(data / FEEDBACK)) as store:
        yield store


def _export_judgements(store: FeedbackStore, place: Path) -> None:
    from qa.feedback.safe_csv import sheet
    from qa.feedback.statistics import judgements

    with store.reading() as feedback:
        rows = [tuple(getattr(one, column) for column in _COLUMNS) for one in judgements(feedback)]
    _write(place, sheet(_COLUMNS, rows))
    say(f"{place}: {count(rows, 'judgement')}.")


def _export_candidates(store: FeedbackStore, place: Path, data: Path) -> None:
    from eval.gold_candidates import candidates, judged_records, without_text

    articles = open_index(data).articles
    with store.reading() as feedback:
        lines = list(candidates(judged_records(feedback, articles)))
        silent = without_text(feedback)
    _write(place, _json_lines(lines))
    say(
        f"{place}: {count(lines, 'gold line')} to be completed; "
        f"`qa eval check {place}` tells what is missing."
    )
    if silent:
        say(
            f"{count(range(silent), 'question')} left out: the text was not kept. "
            f"QA_QUESTION_LOG=1 keeps that of questions asked from then on."
        )


def _json_lines(lines: Iterable[object]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _write(place: Path, content: str) -> None:
    """A new file; one that an evaluator has worked on is never written over."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8", newline="") as file:
            file.write(content)
    except OSError as error:
        fail(f"{place} cannot be written: {error.strerror}; name another file")
