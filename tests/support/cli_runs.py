"""Runs the `qa` command in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from tests.support.repository import ROOT


@dataclass(frozen=True)
class CommandOutput:
    """What a run printed."""

    stdout: str
    stderr: str


_QUICK = {"QA_BACKEND": "torch"}  # starts soonest: no backend is compared with another


def qa(*arguments: str | Path, stdin: str = "", code: int = 0) -> CommandOutput:
    """Run the command in this process, so that the libraries are imported once."""
    done = CliRunner(env=_QUICK).invoke(app, [*map(str, arguments)], input=stdin)
    assert done.exit_code == code, done.output + repr(done.exception)
    return CommandOutput(done.stdout, done.stderr)


def qa_process(*arguments: str | Path, code: int = 0) -> CommandOutput:
    """Run the command as a person does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return CommandOutput(done.stdout, done.stderr)
