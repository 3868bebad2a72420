"""`qa access`: adds, lists and removes the credentials that QA_ACCESS=password accepts."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Data, command_group
from cli.terminal import fail, one_line_errors, print_table, say

app = command_group("Credentials that QA_ACCESS=password accepts.")

Name = Annotated[str, typer.Argument(help="Letters, digits, - and _.")]


@app.command()
def add(
    name: Name,
    password: Annotated[
        bool, typer.Option("--password", help="A password that people share, typed in or read from a pipe.")
    ] = False,
    data: Data = None,
) -> None:
    """Make a key for a machine and print it, this once; or add a password for people."""
    from web.access.credentials import add as add_credential

    with one_line_errors():
        secret = add_credential(_file(data), name, _read_password() if password else None)
    if not password:
        say(secret)


@app.command(name="list")
def list_all(data: Data = None) -> None:
    """List credentials: names, kinds and days. Secrets are stored as hashes only."""
    from web.access.credentials import load

    with one_line_errors():
        credentials = load(_file(data))
    if not credentials:
        say("no credentials yet; add one with `qa access add NAME`")
        return
    rows = [(credential.name, credential.kind, credential.added) for credential in credentials]
    print_table(("name", "kind", "added"), rows)


@app.command()
def remove(name: Name, data: Data = None) -> None:
    """Remove a credential; a running service rejects it from then on."""
    from web.access.credentials import remove as remove_credential

    with one_line_errors():
        remove_credential(_file(data), name)


def _file(data: Path | None) -> Path:
    from qa.settings import Settings
    from web.access.credentials import FILE

    return Settings.from_environment(data=data).data / FILE


def _read_password() -> str:
    """Typed twice, or the first line of a pipe; never an argument, which other users could see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        fail("the two passwords differ; run it again")
    return password
