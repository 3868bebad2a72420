"""Where generations are published: a data folder, or Milvus (its own tests are in tests/integration/milvus)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from index.building.build import build
from index.engine.address import read_address
from index.engine.source import MilvusSource
from index.errors import NoIndex
from index.generation.data_folder import DataFolder
from index.published import open_published
from tests.support.fakes import WordEncoder, article

FOLDER_ONLY = """
import sys
from pathlib import Path
from index.published import open_published
open_published(Path(sys.argv[1]), None).open()
engine = {name for name in sys.modules if name.startswith(("index.engine.", "pymilvus", "grpc", "ray."))}
print(sorted(engine - {"index.engine.address"}))
"""


def test_a_folder_reports_its_published_generation(tmp_path: Path) -> None:
    built = build([article("a", "The ferry sails.")], WordEncoder(), tmp_path)
    folder = open_published(tmp_path, None)
    assert folder == DataFolder(tmp_path)
    assert folder.current().generation == folder.manifest().generation == folder.open().id == built.generation
    assert folder.verify().sentences == 1
    assert (folder.location, folder.refused) == (str(tmp_path), 0)
    folder.probe(folder.open())


def test_an_empty_folder_has_no_index(tmp_path: Path) -> None:
    with pytest.raises(NoIndex):
        open_published(tmp_path, None).current()


def test_a_folder_loads_no_engine(tmp_path: Path) -> None:
    build([article("a", "The ferry sails.")], WordEncoder(), tmp_path)
    command = [sys.executable, "-c", FOLDER_ONLY, str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == "[]"


def test_an_address_opens_milvus_without_connecting(tmp_path: Path) -> None:
    source = open_published(tmp_path, read_address("milvus://nowhere.invalid/a", files="/mnt/none"))
    assert isinstance(source, MilvusSource)
    assert (source.location, source.refused) == ("milvus://nowhere.invalid:19530/a", 0)
