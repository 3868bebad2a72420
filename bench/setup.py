"""The peers' environments, each its own, below bench/.venvs: `make bench-setup`.

What cannot be installed here is told and left out; the measurement says so too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.competitors import ENVIRONMENTS, PEERS
from bench.peer_process import ROOT

_TOOLS = "profile"
_STAMP = "installed.txt"


def set_up(*, say: Callable[[str], None] = print) -> bool:
    """Make every environment whose pins have changed; whether all are there."""
    pinned = {name: ROOT / "bench" / "peers" / f"{name}.txt" for name in PEERS}
    pinned[_TOOLS] = ROOT / "bench" / f"{_TOOLS}.txt"
    made = [_install(name, pins, say) for name, pins in pinned.items()]  # all are tried, whatever fails
    return all(made)


def _install(name: str, pins: Path, say: Callable[[str], None]) -> bool:
    folder, pinned = ENVIRONMENTS / name, pins.read_text(encoding="utf-8")
    stamp = folder / _STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8") == pinned:
        return True
    say(f"installing {name}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", "--no-input", "-r", str(pins)]
    ended = subprocess.run(pip, capture_output=True, text=True)
    if ended.returncode:
        say(f"{name} cannot be installed: {ended.stderr.strip().rpartition(chr(10))[2]}")
        return False
    stamp.write_text(pinned, encoding="utf-8")
    return True
