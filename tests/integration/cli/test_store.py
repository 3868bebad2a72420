"""`qa store`, and the other commands with an engine named; the engine is Milvus Lite, in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from index.generation.data_folder import CURRENT
from tests.support.cli_runs import qa
from tests.support.repository import ROOT
from tests.support.tiers import full

DEVON = "why did Devon find wraparound services hard?"
needs_lite = pytest.mark.skipif(
    find_spec("pymilvus") is None or find_spec("milvus_lite") is None,
    reason="Milvus Lite is not installed: make setup ENGINE=1",
)


@pytest.fixture
def engine(tmp_path: Path, sample_index: Path) -> str:
    """A file of Milvus Lite with the shipped articles published."""
    file = str(tmp_path / "engine.db")
    told = qa("store", "copy", sample_index, file).stdout
    assert " sentences, " in told
    return file


def test_two_folders_are_no_matter_of_a_store(tmp_path: Path) -> None:
    assert "copy them as files" in qa("store", "copy", tmp_path / "a", tmp_path / "b", code=2).stderr


def test_no_engine_is_told() -> None:
    assert "set QA_STORE=milvus://" in qa("store", "list", code=2).stderr


@needs_lite
@pytest.mark.engine
def test_a_server_with_no_folder_answers_as_the_folder_does(
    engine: str, sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = json.loads(qa("ask", DEVON, "--json", "--data", sample_index).stdout)
    narrowed = json.loads(qa("ask", DEVON, "--json", "--year", "2026", "--data", sample_index).stdout)
    monkeypatch.setenv("QA_STORE", engine)
    nowhere = tmp_path / "nowhere"
    assert json.loads(qa("ask", DEVON, "--json", "--data", nowhere).stdout) == expected
    assert json.loads(qa("ask", DEVON, "--json", "--year", "2026", "--data", nowhere).stdout) == narrowed
    assert expected["extracts"]
    assert not (nowhere / CURRENT).exists()
    assert qa("verify", "--data", nowhere).stdout.startswith("ok: gen-1-")
    assert "store: engine.db" in qa("doctor", "--data", nowhere).stdout
    assert "published" in qa("store", "list").stdout


@full
@needs_lite
@pytest.mark.engine
@pytest.mark.slow
def test_what_one_process_publishes_in_a_file_another_one_reads(sample_index: Path, tmp_path: Path) -> None:
    """As people use it: a command is a process."""

    def command(*arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-c", "from cli.main import app; app()", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "QA_STORE": file},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    file = str(tmp_path / "engine.db")
    assert " sentences, " in command("store", "copy", sample_index, file)
    assert "rural county" in command("ask", DEVON)
    assert command("verify").startswith("ok: gen-1-")
    assert "from engine.db" in command("store", "copy", file, tmp_path / "back")


@full
@needs_lite
@pytest.mark.engine
def test_it_comes_back_byte_for_byte(engine: str, sample_index: Path, tmp_path: Path) -> None:
    back = tmp_path / "back"
    assert f"in {back}, from engine.db" in qa("store", "copy", engine, back).stdout
    assert (back / CURRENT).read_bytes() == (sample_index / CURRENT).read_bytes()
    assert qa("verify", "--data", back).stdout.startswith("ok: ")
    again = qa("store", "copy", back, engine).stdout
    assert "is published at engine.db already" in again


@needs_lite
@pytest.mark.engine
def test_an_engine_that_is_away_is_one_line_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.engine.collections.QUESTION_TIMEOUT", 1.0)
    monkeypatch.setenv("QA_STORE", "milvus://127.0.0.1:9/articles")
    monkeypatch.setenv("QA_STORE_FILES", "/mnt/none")
    monkeypatch.setenv("QA_STORE_TOKEN", "ann:hunter2")
    done = qa("ask", DEVON, code=2)
    assert done.stderr.startswith("qa: the engine at milvus://127.0.0.1:9/articles does not answer")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stdout + done.stderr
