"""What the parts of the `qa` command share: options, one-line errors, a progress bar, tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from index.embedding.encoder import Encoder
    from index.generation.generation import Generation
    from index.search.rerank import Reranking
    from qa.assistant import Assistant

Data = Annotated[
    Path, typer.Option("--data", envvar="QA_DATA", help="Folder of the index.", show_default=True)
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        envvar="QA_MODEL",
        help="standard, quality, or a sentence-transformers model by name or folder.",
    ),
]
Device = Annotated[str, typer.Option("--device", envvar="QA_DEVICE", help="cpu, cuda or mps.")]
Backend = Annotated[
    str,
    typer.Option(
        "--backend", envvar="QA_BACKEND", help="auto, torch, bf16 or openvino: what runs the model."
    ),
]
Reranker = Annotated[
    str,
    typer.Option(
        "--reranker",
        envvar="QA_RERANKER",
        help="none, or a cross-encoder by name or folder; the shipped one otherwise.",
    ),
]
Ray = Annotated[
    str,
    typer.Option("--ray", help="Read and encode on this Ray cluster: host:6379, or local for this machine."),
]
Shards = Annotated[
    str,
    typer.Option(
        "--shards",
        help="With --ray: folder or address (s3://…) for what is finished, which each node reaches; "
        "beside the data folder otherwise.",
    ),
]
DEFAULT_DATA = Path("data")

# A table on its way into a file or a pipe is not folded at a terminal's width.
_WIDE = 200


def say(message: str, *, error: bool = False) -> None:
    """Print a line, whatever is in it."""
    line = message.encode("utf-8", "backslashreplace").decode()
    print(line, file=sys.stderr if error else sys.stdout, flush=True)


def fail(message: str) -> NoReturn:
    """Say in one line what is wrong and end with 2."""
    say(f"qa: {message}", error=True)
    raise typer.Exit(2)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn the rooms' errors into one line each."""
    from corpus.article import CorpusError
    from eval.errors import EvalFailure
    from index.errors import IndexFailure
    from qa.errors import QaFailure
    from web.errors import WebFailure

    try:
        yield
    except (CorpusError, IndexFailure, QaFailure, EvalFailure, WebFailure) as error:
        fail(str(error))


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left on a terminal, nothing elsewhere.

    What it yields takes what is done and what is to be done.
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
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def count(things: Sequence[object], noun: str) -> str:
    """ "1 file", "3 files"."""
    return f"{len(things):,} {noun}{'' if len(things) == 1 else 's'}"


def load_encoder(model: str, device: str, data: Path = DEFAULT_DATA, *, backend: str = "") -> Encoder:
    """The encoder of a model, the default one for ""; what is unpacked for it lies in the data folder.

    The backend is the environment's where none is named.
    """
    from index.embedding.load import load_encoder as load
    from index.embedding.shipped_models import MODELS
    from web.settings import read_settings

    backend = backend or read_settings().backend
    return load(model or None, device=device or None, models=data / MODELS, backend=backend)


def load_models(model: str, device: str, reranker: str) -> tuple[Encoder, Reranking | None]:
    """Encoder and reranking for work without an index."""
    from app import load_reranking
    from web.settings import read_settings

    settings = replace(read_settings(), device=device)
    settings = replace(settings, reranker=reranker or settings.reranker)
    return load_encoder(model, device), load_reranking(settings)


def open_assistant(
    data: Path, model: str, device: str, reranker: str = "", *, backend: str = "", calibrated: bool = True
) -> Assistant:
    """The assistant of the published generation, with its calibration or without.

    Reranker and backend are the environment's where none is named.
    """
    from app import open_assistant as opened
    from web.settings import read_settings

    settings = replace(read_settings(), data=data, model=model, device=device)
    settings = replace(settings, reranker=reranker or settings.reranker, backend=backend or settings.backend)
    return opened(settings, calibrated=calibrated)


def open_index(data: Path) -> Generation:
    """The published generation, of the engine if one is named in the environment, else of the data folder."""
    from index.published import open_published
    from web.settings import read_settings

    return open_published(data, read_settings().store).open()


def code_facts() -> dict[str, str]:
    """When, and with which state of this code, something was measured."""
    from web.settings import package_version

    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": package_version(),
        "commit": _commit(),
    }


def _commit() -> str:
    """The commit this code is at, with "+" when files differ from it; "" where there is no git."""
    git = ["git", "-C", str(Path(__file__).parents[1])]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
