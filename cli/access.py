"""`qa access`: adds, lists and removes the credentials that QA_ACCESS=password accepts."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import command_group, with_settings
from cli.terminal import fail, print_table, say

if TYPE_CHECKING:
    from qa.settings import Settings

app = command_group("Credentials that QA_ACCESS=password accepts.")

Name = Annotated[str, typer.Argument(help="Letters, digits, - and _.")]


@app.command()
@with_settings("data")
def add(
    settings: Settings,
    name: Name,
    password: Annotated[
        bool, typer.Option("--password", help="A password that people share, typed in or read from a pipe.")
    ] = False,
) -> None:
    """Make a key for a machine and print it, this once; or add a password for people."""
    from web.access.credentials import FILE
    from web.access.credentials import add as add_credential

    secret = add_credential(settings.data / FILE, name, _read_password() if password else None)
    if not password:
        say(secret)


@app.command(name="list")
@with_settings("data")
def list_all(settings: Settings) -> None:
    """List credentials: names, kinds and days. Secrets are stored as hashes only."""
    from web.access.credentials import FILE, load

    credentials = load(settings.data / FILE)
    if not credentials:
        say("no credentials yet; add one with `qa access add NAME`")
        return
    rows = [(credential.name, credential.kind, credential.added) for credential in credentials]
    print_table(("name", "kind", "added"), rows)


@app.command()
@with_settings("data")
def remove(settings: Settings, name: Name) -> None:
    """Remove a credential; a running service rejects it from then on."""
    from web.access.credentials import FILE
    from web.access.credentials import remove as remove_credential

    remove_credential(settings.data / FILE, name)


def _read_password() -> str:
    """Typed twice, or the first line of a pipe; never an argument, which other users could see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        fail("the two passwords differ; run it again")
    return password
