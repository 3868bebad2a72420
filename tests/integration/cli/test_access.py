"""`qa access`, and `qa serve` on an address of the network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from web.access.credentials import FILE, Keyring, Kind

PASSWORD = "correct horse battery"


def run(*arguments: str, given: str = "", data: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--data", str(data)], input=given)
    return result.exit_code, result.stdout, result.stderr


def test_a_key_is_printed_once_and_lets_a_machine_in(tmp_path: Path) -> None:
    code, key, _ = run("access", "add", "reports", data=tmp_path)
    assert (code, re.fullmatch(r"reports\.[\w-]{43}\n", key) is not None) == (0, True)
    assert Keyring(tmp_path / FILE).authenticate(Kind.KEY, key.strip()) is not None


def test_a_password_is_read_from_a_pipe_and_not_printed(tmp_path: Path) -> None:
    assert run("access", "add", "staff", "--password", given=f"{PASSWORD}\n", data=tmp_path) == (0, "", "")
    assert Keyring(tmp_path / FILE).authenticate(Kind.PASSWORD, PASSWORD) is not None


def test_the_list_tells_no_secret(tmp_path: Path) -> None:
    _, key, _ = run("access", "add", "reports", data=tmp_path)
    run("access", "add", "staff", "--password", given=PASSWORD, data=tmp_path)
    code, listed, _ = run("access", "list", data=tmp_path)
    assert code == 0
    assert re.findall(r"^ ?(\w+) +(\w+) +\d{4}-\d\d-\d\d", listed, re.MULTILINE) == [
        ("reports", "key"),
        ("staff", "password"),
    ]
    assert key.split(".")[1].strip() not in listed


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    run("access", "add", "reports", data=tmp_path)
    assert run("access", "remove", "reports", data=tmp_path)[0] == 0
    assert run("access", "remove", "reports", data=tmp_path) == (
        2,
        "",
        f"qa: {tmp_path / FILE} has no reports; run `qa access list`\n",
    )


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("add", "a b"), "", "takes no name such as 'a b'; use letters, digits, - and _, 40 at most"),
        (("add", "staff", "--password"), "short\n", "takes no password of 5 characters; give 12 or more"),
        (("add", "staff", "--password"), "", "takes no password of 0 characters; give 12 or more"),
    ],
)
def test_what_cannot_be_added_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], given: str, told: str
) -> None:
    assert run("access", *arguments, given=given, data=tmp_path) == (2, "", f"qa: {tmp_path / FILE} {told}\n")


def test_serving_a_network_needs_a_decision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before a model is loaded or anything is indexed."""
    code, out, told = run("serve", "--host", "0.0.0.0", "--port", "0", data=tmp_path)
    assert (code, out) == (2, "")
    assert told == (
        "qa: whoever reaches 0.0.0.0 could read every article; set QA_ACCESS to password or proxy, "
        "or let everybody in with --open (QA_OPEN=1)\n"
    )
    monkeypatch.setenv("QA_ACCESS", "password")
    code, out, told = run("serve", "--host", "0.0.0.0", "--port", "0", data=tmp_path)
    assert (code, out, told) == (2, "", f"qa: {tmp_path / FILE} lets nobody in; run `qa access add NAME`\n")
    assert list(tmp_path.iterdir()) == []
