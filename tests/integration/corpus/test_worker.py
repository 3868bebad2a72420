"""The reading process itself, run as the house runs it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from corpus.article import Unreadable
from corpus.sandbox.limits import Limits
from corpus.sandbox.pool import Workers
from corpus.sandbox.protocol import Fault, frame, frame_length, question, read_answer
from corpus.sources.listing import listed_files
from tests.support.repository import ROOT

SOUND = b"The harbour office keeps a ledger of every boat that enters the bay."


def answers(files: Sequence[tuple[str, bytes]], *, limits: Limits, before: str = "") -> list[bytes]:
    """Each answer to these files (suffix, bytes), until the process ends. `before` is run in it first."""
    code = f"import runpy, sys; sys.argv[1:] = {list(map(str, (limits.seconds, limits.memory, limits.answer)))}\n"
    code += f"{before}\nrunpy.run_module('corpus.sandbox.worker', run_name='__main__', alter_sys=True)"
    asked = b"".join(
        frame(question(number, suffix, "a" + suffix)) + frame(raw)
        for number, (suffix, raw) in enumerate(files)
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        input=asked,
        capture_output=True,
        env={"PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    said = io.BytesIO(ran.stdout)
    found = []
    while header := said.read(8):
        found.append(said.read(frame_length(header)))
    assert found[0] == b""
    return found[1:]


LIMITS = Limits(seconds=20, memory=1 << 30, answer=1_000_000)
# Reading a file whose text is code runs it: what a library may be made to do by a file.
POSSESSED = """
import corpus.formats.registry
def possessed(suffix, raw, source):
    exec(raw.decode())
    raise corpus.formats.registry.Unreadable("went through")
corpus.formats.registry.read_article = possessed
"""


def told(code: str, *, limits: Limits = LIMITS) -> str:
    """What is answered to a file that makes its reader run this code."""
    (answer,) = answers([(".txt", code.encode())], limits=limits, before=POSSESSED)
    with pytest.raises(Unreadable) as reason:
        read_answer(answer, 0, "a.txt")
    return str(reason.value)


def test_files_are_answered_one_by_one() -> None:
    files = [(".txt", SOUND), (".md", b""), (".md", b"# Boats\n\n" + SOUND), (".pdf", b"%PDF-1.4 no")]
    found = answers(files, limits=LIMITS)
    assert read_answer(found[0], 0, "a.txt").text == SOUND.decode()
    for number, reason in ((1, "is empty"), (3, "is a damaged PDF")):
        with pytest.raises(Unreadable, match=reason) as refused:
            read_answer(found[number], number, "a.md")
        assert not isinstance(refused.value, Fault)
    assert read_answer(found[2], 2, "a.md").title == "Boats"


def test_what_a_library_prints_is_no_answer() -> None:
    assert told("print('words', flush=True); import os; os.write(1, b'words')") == "went through"


def test_an_error_of_the_reader_is_told_with_its_place_and_ends_it() -> None:
    files = [(".odd", SOUND), (".txt", SOUND)]
    (answer,) = answers(files, limits=LIMITS)
    with pytest.raises(
        Fault, match=r"^stopped its reader \(KeyError in corpus/formats/registry.py, line \d+\)$"
    ):
        read_answer(answer, 0, "a.odd")


def test_memory_has_an_end() -> None:
    assert told("bytearray(2 << 30)") == "needs more than 1,024 MB of memory to read; split it"
    assert told("bytearray(1 << 29)") == "went through"
    grow = "held = []\nwhile True: held.append(' ' * 1_000_000)"
    assert told(grow, limits=Limits(20, 1 << 29, 1000)) == (
        "needs more than 512 MB of memory to read; split it"
    )


def test_time_has_an_end() -> None:
    assert answers([(".txt", b"while True: pass")], limits=Limits(1, 1 << 30, 1000), before=POSSESSED) == []


def test_an_answer_has_an_end() -> None:
    (answer,) = answers([(".txt", SOUND * 20_000)], limits=LIMITS)
    with pytest.raises(Unreadable, match=r"^holds more than 1 MB of text; split it$"):
        read_answer(answer, 0, "a.txt")


REFUSED = "stopped its reader (PermissionError in corpus/sandbox/worker.py"


@pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"),
    reason="system calls are filtered on Linux only, on x86-64 and ARM",
)
@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.socketpair()",
        "import socket; socket.create_connection(('127.0.0.1', 1))",
        "import ctypes, os; r = ctypes.CDLL(None, use_errno=True).socket(2, 1, 0); e = ctypes.get_errno()\n"
        "if r < 0: raise PermissionError(e, '') if e == 1 else OSError(e, '')",
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['/bin/true'])",
    ],
)
def test_there_is_no_network_and_no_other_program(code: str) -> None:
    assert told(code).startswith(REFUSED)


def test_nothing_is_written(tmp_path: Path) -> None:
    code = f"import os; os.write(os.open({str(tmp_path / 'a')!r}, os.O_CREAT | os.O_WRONLY), b'x')"
    assert told(code).startswith(REFUSED)
    assert not (tmp_path / "a").exists()


def test_without_the_limits_all_of_it_goes_through(tmp_path: Path) -> None:
    """The test of the test: with the guard taken out, what was refused above is done."""
    free = (
        POSSESSED
        + "\nimport corpus.sandbox.confinement\ncorpus.sandbox.confinement.confine = lambda limits: None\n"
    )
    code = (
        "import socket; socket.socket().close(); bytearray(300 << 20)\n"
        f"open({str(tmp_path / 'a')!r}, 'w').write('x')\n"
        "import subprocess; subprocess.run(['/bin/true'], check=True)"
    )
    tight = Limits(seconds=20, memory=256 << 20, answer=1_000_000)
    assert told("bytearray(300 << 20)", limits=tight).startswith("needs more than 256 MB")
    (answer,) = answers([(".txt", code.encode())], limits=tight, before=free)
    with pytest.raises(Unreadable, match=r"^went through$"):
        read_answer(answer, 0, "a.txt")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_it_works_from_anywhere_and_with_nothing_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the folder was run')", encoding="utf-8")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "a.txt").write_bytes(SOUND)
    monkeypatch.chdir(tmp_path)
    with Workers(most=1) as pool:
        ((_, outcome),) = list(pool.read(listed_files(["a.txt"])))
    assert getattr(outcome, "text", outcome) == SOUND.decode()
