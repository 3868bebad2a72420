"""What once was answered wrongly is answered rightly, and `python -m fuzz` says what it finds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fuzz.regressions import KEPT, kept_files
from fuzz.seeds import FORMATS
from fuzz.target import WORD, read
from tests.support.repository import ROOT

KINDS = (*FORMATS, WORD)
# Reads the files it is given as atheris would, and stops at what the environment names.
STAND_IN = """
import contextlib, os, pathlib, sys
@contextlib.contextmanager
def instrument_imports(include):
    yield
def Setup(options, one):
    global files, target
    files = sorted(pathlib.Path(options[1]).iterdir())
    target = one
def Fuzz():
    for path in files:
        target(path.read_bytes())
    print("stat::number_of_executed_units:", len(files), file=sys.stderr)
    if os.environ.get("FOUND") == sys.argv[1]:
        raise KeyError("a file of " + sys.argv[1])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_kept_files_become_articles_or_are_refused(kind: str) -> None:
    kept = kept_files(kind)
    outcomes = Counter("read" if read(kind, raw) else "refused" for raw in kept.values())
    print(f"{kind}: {len(kept)} kept files: {dict(outcomes)}")
    assert outcomes["read"] >= 1


def test_every_kept_file_is_of_a_format_that_is_read() -> None:
    folders = {path.name for path in KEPT.iterdir()} if KEPT.is_dir() else set()
    assert folders <= set(KINDS)


def test_a_reader_that_raises_and_sentences_that_lose_text_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = kept_files("txt")["sound-0"]
    assert read("txt", sound)
    monkeypatch.setattr("corpus.sentences._within_limit", lambda text, start, end: [])
    with pytest.raises(AssertionError, match="sentences are not the text"):
        read("txt", sound)
    monkeypatch.setattr("corpus.formats.plain_text.decode", lambda raw: {}[raw])
    with pytest.raises(KeyError):
        read("txt", sound)


def fuzz(folder: Path, *, found: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "atheris.py").write_text(STAND_IN, encoding="utf-8")
    environment = {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "FOUND": found}
    command = [sys.executable, "-m", "fuzz", "1"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_run_that_finds_nothing_ends_with_0_and_one_that_finds_something_with_1(tmp_path: Path) -> None:
    sound = fuzz(tmp_path)
    assert sound.returncode == 0, sound.stderr
    assert [line.split(":")[0] for line in sound.stdout.splitlines()] == list(KINDS)
    assert sound.stdout.splitlines()[0] == f"txt: {len(kept_files('txt'))} files read, sound"
    unsound = fuzz(tmp_path, found="pdf")
    assert unsound.returncode == 1
    assert [line.rpartition(" ")[2] for line in unsound.stdout.splitlines()].count("FOUND") == 1
    assert "KeyError: 'a file of pdf'" in unsound.stderr
    assert "found something in pdf: see" in unsound.stderr
