"""What is published in a folder, seen as what is published anywhere; engines are in tests/engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.building.build import build
from index.engine.address import read_address
from index.errors import NoIndex
from index.generation.data_folder import current, verify
from index.published import DataFolder, MilvusSource, open_published
from tests.support.fakes import WordEncoder, article


def test_a_folder_is_asked_as_before(tmp_path: Path) -> None:
    build([article("a", "The ferry sails.")], WordEncoder(), tmp_path)
    folder = DataFolder(tmp_path)
    assert folder.current() == current(tmp_path)
    assert folder.manifest().generation == folder.open().id == folder.current().generation
    assert folder.verify() == verify(tmp_path)
    assert (folder.place, folder.refused) == (str(tmp_path), 0)
    folder.probe(folder.open())


def test_nothing_published_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoIndex):
        DataFolder(tmp_path).current()


def test_a_named_engine_is_asked_and_nothing_is_connected_before(tmp_path: Path) -> None:
    assert open_published(tmp_path, None) == DataFolder(tmp_path)
    served = open_published(tmp_path, read_address("milvus://nowhere.invalid/a"))
    assert isinstance(served, MilvusSource)
    assert (served.place, served.refused) == ("milvus://nowhere.invalid:19530/a", 0)
