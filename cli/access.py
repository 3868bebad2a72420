"""The `qa access` commands: add, list, remove. A door like `cli.py`; exit codes: 0 done, 2 bad input."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from cli.terminal import DEFAULT_DATA, Data, fail, one_line_errors, print_table, say

app = typer.Typer(
    help="Who is let in with QA_ACCESS=password.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Letters, digits, - and _.")]


@app.command()
def add(
    name: Name,
    password: Annotated[
        bool, typer.Option("--password", help="A password that people share, asked for or read from a pipe.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a key for a machine and print it, this once; or let in people by a password."""
    from web.access.credentials import FILE
    from web.access.credentials import add as let_in

    with one_line_errors():
        secret = let_in(data / FILE, name, _password() if password else None)
    if not password:
        say(secret)


@app.command(name="list")
def list_all(data: Data = DEFAULT_DATA) -> None:
    """Show who is let in: names, kinds and days, no secrets, as none is kept."""
    from web.access.credentials import FILE, load

    with one_line_errors():
        known = load(data / FILE)
    if not known:
        say("nobody is listed; `qa access add NAME` lets somebody in")
        return
    print_table(("name", "kind", "added"), [(one.name, one.kind, one.added) for one in known])


@app.command()
def remove(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Let in no more, at once: a running service notices."""
    from web.access.credentials import FILE
    from web.access.credentials import remove as shut_out

    with one_line_errors():
        shut_out(data / FILE, name)


def _password() -> str:
    """Typed twice, or the first line of what is piped in; never an argument, which others could see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    typed = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != typed:
        fail("the two are not the same; run it again")
    return typed
