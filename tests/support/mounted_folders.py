"""Runs Python code in a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.repository import ROOT

BUILD = """
import resource, sys
from pathlib import Path
from index.building.build import build
from index.errors import BuildFailed, IndexFailure
from index.generation.data_folder import DataFolder
from tests.support.fakes import WordEncoder, article
data = Path(sys.argv[1])
words = [article(f"a{n}", f"Ferry {n} sails. It is green.") for n in range(int(sys.argv[2]))]
"""


def run_mounted(code: str, *arguments: str | Path, mount: str = "") -> Sequence[str]:
    """The lines that a script prints in a process of its own, where `mount` (a shell command) holds for it alone."""
    script = [sys.executable, "-c", BUILD + code, *map(str, arguments)]
    command = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh", *script] if mount else script
    root = ROOT
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return tried.returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="nothing can be mounted here")
