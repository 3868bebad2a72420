"""`python -m fuzz [SECONDS]`: every format for so many seconds (12), one after another; 1 when one was found.

What was found lies in `fuzz/found/`; once mended, it moves to `fuzz/kept/` and is read by the tests from then
on.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.regressions import FOUND, KEPT, kept_files
from fuzz.seeds import FORMATS
from fuzz.target import WORD

_OPTIONS = ("-timeout=20", "-rss_limit_mb=2048", "-max_len=20000", "-print_final_stats=1", "-verbosity=1")
_RUNS = re.compile(r"number_of_executed_units:\s*(\d+)")
_SHOWN = 30  # lines of what a run that found something said


def main() -> None:
    """Run all and tell what came of it."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    FOUND.mkdir(exist_ok=True)
    failing = [kind for kind in (*FORMATS, WORD) if not _sound(kind, seconds)]
    if failing:
        print(f"found something in {', '.join(failing)}: see {FOUND}", file=sys.stderr)
    raise SystemExit(1 if failing else 0)


def _sound(kind: str, seconds: int) -> bool:
    with TemporaryDirectory() as new:
        for name, raw in kept_files(kind).items():
            (Path(new) / name).write_bytes(raw)
        command = [sys.executable, "-m", "fuzz.target", kind, new, f"-artifact_prefix={FOUND}/{kind}-"]
        done = subprocess.run(
            [*command, f"-max_total_time={seconds}", *_OPTIONS],
            cwd=KEPT.parents[1],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    output = done.stdout + done.stderr
    runs = _RUNS.search(output)
    print(f"{kind}: {runs[1] if runs else 'no'} files read, {'sound' if done.returncode == 0 else 'FOUND'}")
    if done.returncode:
        print("\n".join(output.splitlines()[-_SHOWN:]), file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    main()
