"""`qa store copy` from an engine into a folder: what it may write, and what it leaves alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.sources.remote import RemoteFolder
from index.building.build import build
from index.engine.client import Milvus
from index.engine.collections import MilvusStore
from index.engine.download import download
from index.errors import Altered, IndexFailure
from index.generation.data_folder import CURRENT, DataFolder
from index.generation.files import MANIFEST
from index.generation.manifest import FileDigest, manifest_bytes
from tests.support.fake_engine import FolderEngine
from tests.support.fakes import WordEncoder
from tests.support.index_changes import CHANGES, FERRIES, HARBOUR, LISTS, Steps

OUTSIDE = [
    "../../outside",
    "/tmp/outside",
    "lexical/../../../outside",
    "CURRENT",
    "lexical/sentence/..",
    "x.npy",
    "",
]


@pytest.fixture
def engine(tmp_path: Path) -> FolderEngine:
    build([HARBOUR], WordEncoder(), tmp_path / "source")
    engine = FolderEngine(tmp_path / "source", tmp_path / "files")
    engine.upload()
    return engine


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_copy_of_the_published_generation_changes_nothing(engine: FolderEngine, tmp_path: Path) -> None:
    data, steps = tmp_path / "data", Steps()
    assert download(engine, data) == engine.source.id
    before = below(data)
    assert download(engine, data, disk=steps) == engine.source.id
    assert [operation for operation, _ in steps.steps if operation != "remove"] == []
    assert below(data) == before


def test_a_damaged_copy_gets_a_new_name_and_the_old_one_stays_until_then(
    engine: FolderEngine, tmp_path: Path
) -> None:
    data, steps = tmp_path / "data", Steps()
    download(engine, data)
    articles = data / engine.source.id / "articles.jsonl"
    articles.unlink()
    articles.write_bytes(b"{")
    name = download(engine, data, disk=steps)
    assert name != engine.source.id
    assert DataFolder(data).open().articles[0] == HARBOUR
    published = [operation for operation, _ in steps.steps].index("replace")
    assert (data / engine.source.id) not in [path for _, path in steps.steps[:published]]


def test_copies_keep_the_last_two_generations_and_no_leftovers(engine: FolderEngine, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for articles in CHANGES.values():
        build(articles.after, WordEncoder(), data)
    (data / "tmp-0123456789abcdef" / "x").mkdir(parents=True)
    name = download(engine, data)
    assert DataFolder(data).current().generation == name
    assert len(DataFolder(data).generations()) == 2
    assert list(data.glob("tmp-*")) == []


def test_a_copy_with_lists_verifies(tmp_path: Path) -> None:
    build(FERRIES, WordEncoder(), tmp_path / "source", plan=LISTS.plan)
    engine = FolderEngine(tmp_path / "source", tmp_path / "files")
    engine.upload()
    for _ in range(2):  # FAISS may write other bytes than the engine's manifest has; then the name is another
        name = download(engine, tmp_path / "data")
        assert DataFolder(tmp_path / "data").verify().articles == len(FERRIES)
        assert DataFolder(tmp_path / "data").generations()[-1] == name


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_that_names_another_file_is_refused_before_anything_is_read(
    engine: FolderEngine, tmp_path: Path, name: str
) -> None:
    files = {**engine.source.manifest.files, name: FileDigest(1, "0" * 64)}
    shared = RemoteFolder(f"{engine.address.files}/articles/{engine.source.id}")
    shared.write(MANIFEST, manifest_bytes(replace(engine.source.manifest, files=files)))
    before = below(tmp_path)
    with pytest.raises(IndexFailure, match="which no generation has"):
        download(engine, tmp_path / "data")
    assert below(tmp_path) - before == {"data", "data/LOCK"}


class Scripted(Milvus):
    """Answers that the published generation is called so."""

    def __init__(self, store: MilvusStore, collection: str) -> None:
        super().__init__(store.address)
        self._collection = collection

    def alias_target(self, alias: str) -> str | None:
        return self._collection

    def names(self) -> list[str]:
        return [self._collection]


@pytest.mark.parametrize(
    "name", ["../../outside", "gen_1_5f/../../../outside", "gen_1_5f/..", "", "GEN_1_5f"]
)
def test_an_engine_that_names_another_folder_is_refused(
    engine: FolderEngine, tmp_path: Path, name: str
) -> None:
    store = MilvusStore(engine.address)
    store.client = Scripted(store, f"articles__{name}")
    before = below(tmp_path)
    with pytest.raises(Altered, match="no name of a generation"):
        download(store, tmp_path / "data")
    assert below(tmp_path) == before


def test_the_copy_is_the_folder_again(engine: FolderEngine, tmp_path: Path) -> None:
    source = engine.source.folder.parent
    download(engine, tmp_path / "data")
    assert (tmp_path / "data" / CURRENT).read_bytes() == (source / CURRENT).read_bytes()
    assert json.loads((tmp_path / "data" / engine.source.id / MANIFEST).read_text()) == json.loads(
        (engine.source.folder / MANIFEST).read_text()
    )
