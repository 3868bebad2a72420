"""While questions are answered nothing is sent, started, unpickled or written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from index.embedding.shipped_models import file_sha256
from tests.support.audit_hook import LOUD
from tests.support.repository import ROOT

PHASES = ("opening", "answering", "provoked")
QUESTIONS = [
    "Why did Devon find wraparound services hard?",
    "what is a childrens trust pathfindr",
    '"wraparound services"',
    "How do I bake sourdough bread?",
    "\x00 <script> ' OR 1=1 \U0001f600",
]
PROVOKED = {
    "socket.getaddrinfo", "socket.connect", "socket.gethostbyname", "subprocess.Popen", "os.system", "os.posix_spawn",
    "os.fork", "os.exec", "pickle.find_class", "open for writing", "os.remove",
}  # fmt: skip


def written(folder: Path) -> dict[str, str]:
    """Every file and its SHA-256."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def test_answering_is_quiet(sample_index: Path, tmp_path: Path) -> None:
    before = written(sample_index)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.audit_hook", str(sample_index), str(tmp_path / "written")],
        input="\n".join(QUESTIONS),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    print({phase: dict(Counter(told[phase])) for phase in PHASES}, told["extracts"])
    assert told["answering"] == []
    assert told["left"] == []
    assert written(sample_index) == before
    assert len(told["extracts"]) == len(QUESTIONS)
    assert all(told["extracts"][:3])
    assert LOUD & set(told["opening"]) == set()  # what is imported and unpacked may be written
    assert set(told["provoked"]) == PROVOKED
