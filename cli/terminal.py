"""Prints lines, one-line errors, progress bars and tables."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import typer

# Columns of a table in a file or a pipe, so that rows are not wrapped.
_WIDE = 200


def say(message: str, *, error: bool = False) -> None:
    """Print a line; lone surrogates are escaped."""
    line = message.encode("utf-8", "backslashreplace").decode()
    print(line, file=sys.stderr if error else sys.stdout, flush=True)


def fail(message: str, *, code: int = 2) -> NoReturn:
    """Print one line and exit with a code."""
    say(f"qa: {message}", error=True)
    raise typer.Exit(code)


@contextmanager
def one_line_errors(data: object = None, *, damage: int = 2) -> Iterator[None]:
    """Turn the rooms' errors into one line each; exit with 2, or with `damage` for a damaged index.

    Commands in the message get the `--data` that was given.
    """
    from corpus.article import CorpusError
    from eval.errors import EvalFailure
    from index.errors import Altered, Damaged, IndexFailure
    from qa.errors import QaFailure
    from web.errors import WebFailure

    try:
        yield
    except (CorpusError, IndexFailure, QaFailure, EvalFailure, WebFailure) as error:
        option = f" --data {shlex.quote(str(data))}" if data else ""
        message = re.sub("`qa (index|verify --recover)(?=`)", lambda match: match[0] + option, str(error))
        fail(message, code=damage if isinstance(error, Altered | Damaged) else 2)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left on a terminal, nothing elsewhere.

    Yields a function of the amounts done and in all.
    """
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None, rate="")

        def advance(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:,.0f} a second" if speed else "")

        yield advance


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def count(items: Sequence[object], noun: str) -> str:
    """ "1 file", "3 files"."""
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"


def code_facts() -> dict[str, str]:
    """Time, version and commit of a measurement."""
    from qa.settings import package_version

    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": package_version(),
        "commit": _commit(),
    }


def _commit() -> str:
    """The commit of this code, with "+" if files differ from it; "" without git."""
    git = ["git", "-C", str(Path(__file__).parents[1])]
    commands = ["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]
    try:
        head, changes = (
            subprocess.run([*git, *command], capture_output=True, text=True, check=True).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changes else "")
