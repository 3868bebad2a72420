"""The `qa` command, put together from its parts.

Each command reads the settings, prints, and turns errors into one line and exit code 2. Heavy libraries are
imported inside the commands, so that `qa --help` is immediate.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from cli.access import app as access_app
from cli.ask import ask
from cli.doctor import doctor, verify
from cli.eval import app as eval_app
from cli.feedback import app as feedback_app
from cli.feedback import forget_questions
from cli.index import build_index
from cli.options import command_group
from cli.serve import serve
from cli.store import app as store_app
from cli.terminal import say

app = command_group(
    "Answer questions with ranked, cited, word-for-word extracts from a folder of articles.", name="qa"
)
app.command("index")(build_index)
app.command()(ask)
app.command()(serve)
app.command()(verify)
app.command()(doctor)
app.add_typer(eval_app, name="eval")
app.add_typer(feedback_app, name="feedback")
app.add_typer(access_app, name="access")
app.add_typer(store_app, name="store")
app.command("forget")(forget_questions)


def main() -> None:
    """Run the `qa` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Articles are printed as UTF-8, whatever the encoding of the terminal.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from qa.settings import package_version

        say(f"pullquote {package_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    pass
