"""A generation read from an engine gives the answers that its folder gives, and goes back word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.sources.remote import RemoteFolder
from index.building.build import build
from index.engine.address import Address
from index.engine.collections import MilvusStore
from index.engine.download import download
from index.engine.files import GenerationFiles
from index.engine.source import MilvusSource
from index.engine.upload import upload
from index.errors import Altered, BuildFailed, Damaged, Missing, NoIndex
from index.generation.data_folder import CURRENT, DataFolder
from index.generation.files import MANIFEST
from index.generation.generation import Generation
from index.generation.manifest import FORMAT, manifest_bytes
from index.retrieval.filter import Filter, FilterIds
from index.storage.arrays import RowIds, Vectors
from qa.assistant import Assistant
from tests.support.fakes import WordEncoder
from tests.support.milvus_server import ferry_articles, server_address
from tests.support.repository import GOLD, ROOT
from tests.support.tiers import full

pytestmark = [full, pytest.mark.engine]

ALIKE = 0.98
"""Share of questions that must have the same extracts in the same order."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    build(ferry_articles(1), WordEncoder(), folder)
    return folder


@pytest.fixture(scope="module")
def local(data: Path) -> Generation:
    return DataFolder(data).open()


@pytest.fixture(scope="module")
def store(address: Address, local: Generation) -> Iterator[MilvusStore]:
    """An engine in which the generation is published."""
    opened = MilvusStore(address)
    carried = upload(local, opened)
    assert (carried.sent, carried.unchanged) == (len(local.sentences), False)
    assert carried.recall >= 0.95
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served(store: MilvusStore) -> Generation:
    return MilvusSource(store).open()


def test_vectors_are_not_copied(served: Generation, local: Generation) -> None:
    names = {path.name for path in served.folder.rglob("*") if path.is_file()}
    assert not names & {"vectors.npy", "sentences.faiss"}
    assert served.id == local.id
    assert list(served.articles) == list(local.articles)
    assert (served.vectors[[3, 0, 3]] == local.vectors[[3, 0, 3]]).all()
    assert (served.vectors[5] == local.vectors[5]).all()
    for name in ("sums", "tokens", "token_starts", "digests"):
        assert (getattr(served, name) == getattr(local, name)).all(), name
    assert len(served.tokens) > len(served.sentences)


@pytest.mark.parametrize(
    "where",
    [
        Filter(),
        Filter(publishers=("the gazette",)),
        Filter(articles=("a3", "a77")),
        Filter(years=("2024",), authors=("Ada Lovelace",)),
        Filter(years=("1999",)),
    ],
)
@pytest.mark.parametrize(
    "question",
    ["Which ferry sails from quay number7?", "dredging the basin number5", '"Nobody minded"', "zeppelin"],
)
def test_answers_are_the_folders(local: Generation, served: Generation, question: str, where: Filter) -> None:
    encoder = WordEncoder()
    expected = Assistant(local, encoder).ask(question, 10, where)
    assert Assistant(served, encoder).ask(question, 10, where) == expected


def test_publishing_it_again_sends_nothing(local: Generation, store: MilvusStore) -> None:
    again = upload(local, store)
    assert (again.sent, again.unchanged) == (0, True)


def test_it_is_the_folder_again(store: MilvusStore, data: Path, tmp_path: Path) -> None:
    name = download(store, tmp_path / "back")
    assert (tmp_path / "back" / CURRENT).read_bytes() == (data / CURRENT).read_bytes()
    assert DataFolder(tmp_path / "back").verify().generation == name
    files = [path.relative_to(data / name) for path in (data / name).rglob("*") if path.is_file()]
    assert all(
        (data / name / one).read_bytes() == (tmp_path / "back" / name / one).read_bytes() for one in files
    )


def test_it_verifies_to_the_last_vector(store: MilvusStore, local: Generation) -> None:
    report = MilvusSource(store).verify()
    assert (report.articles, report.sentences) == (len(local.articles), len(local.sentences))
    assert MilvusSource(store).current() == DataFolder(local.folder.parent).current()


def test_a_build_that_died_goes_on_and_the_old_one_answers_meanwhile(
    store: MilvusStore, local: Generation, tmp_path: Path
) -> None:
    build(ferry_articles(2, count=300), WordEncoder(), tmp_path)
    new, count = DataFolder(tmp_path).open(), 0
    whole = len(new.sentences)
    assert whole > 800

    def die(done: int, total: int) -> None:
        nonlocal count
        count = done
        if done >= 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(new, store, progress=die, block=200)
    assert store.published() == local.id
    assert MilvusSource(store).open().id == local.id
    carried = upload(new, store, block=200)
    assert carried.sent == whole - count
    assert store.published() == new.id
    assert store.generations() == sorted([local.id, new.id])


def test_what_arrived_otherwise_is_not_published(store: MilvusStore, tmp_path: Path) -> None:
    build(ferry_articles(3), WordEncoder(), tmp_path)
    new, before = DataFolder(tmp_path).open(), store.published()

    class Lossy(MilvusStore):
        def add(
            self, generation: str, ids: RowIds, vectors: Vectors, filter_ids: Sequence[FilterIds]
        ) -> None:
            super().add(generation, ids[2:], vectors[2:], filter_ids[2:])

    lossy = Lossy(store.address)
    with pytest.raises(BuildFailed, match=r"holds .* records, but .* were sent"):
        upload(new, lossy)
    assert store.published() == before
    assert MilvusSource(store).recover() != new.id
    store.point(before)
    lossy.close()


def stored_folder(store: MilvusStore, generation: str) -> RemoteFolder:
    return RemoteFolder(f"{store.address.files}/{store.address.collection}/{generation}")


def test_a_damaged_file_is_refused_and_an_older_generation_recovers(
    store: MilvusStore, tmp_path: Path
) -> None:
    for state in (3, 4):
        build(ferry_articles(state, count=3), WordEncoder(), tmp_path)
    new, before = DataFolder(tmp_path).open(), store.published()
    assert (new.id[:6], before[:6]) == ("gen-2-", "gen-1-")
    upload(new, store)
    folder, source = stored_folder(store, new.id), MilvusSource(store)
    content = folder.read("articles.jsonl")
    folder.write("articles.jsonl", content.replace(b"ferry", b"barge", 1))
    for read in (source.open, source.verify):
        with pytest.raises(
            Altered, match=r"articles\.jsonl has another SHA-256 than in its manifest; run `qa index`"
        ):
            read()
    assert source.recover() != new.id
    assert source.open().id != new.id
    store.point(new.id)
    assert upload(new, store).repaired == 1
    assert (folder.read("articles.jsonl"), source.open().id) == (content, new.id)
    assert upload(new, store).repaired == 0
    assert source.recover() == new.id


def test_a_generation_of_an_older_format_is_refused_in_one_line(store: MilvusStore, tmp_path: Path) -> None:
    build(ferry_articles(8, count=3), WordEncoder(), tmp_path)
    old, before, source = DataFolder(tmp_path).open(), store.published(), MilvusSource(store)
    upload(old, store)
    manifest = replace(old.manifest, format=FORMAT - 1)
    stored_folder(store, old.id).write(MANIFEST, manifest_bytes(manifest))
    line = f"{old.id} has format {FORMAT - 1}, but this version reads {FORMAT}; run `qa index` again"
    for read in (source.open, source.manifest, source.verify):
        with pytest.raises(Damaged, match=line) as refused:
            read()
        assert "\n" not in str(refused.value)
    store.point(before)
    assert source.open().id == before


def test_a_lost_vector_is_refused_and_counted(store: MilvusStore, local: Generation) -> None:
    generation = MilvusSource(store).open()
    refused = store.refused
    with pytest.raises(Altered, match="record 1000000 of gen-"):
        generation.vectors[[0, 1_000_000]]
    assert store.refused == refused + 1


def test_files_of_a_retired_generation_are_removed(store: MilvusStore, tmp_path: Path) -> None:
    for state in (5, 6, 7):
        build(ferry_articles(state, count=3), WordEncoder(), tmp_path)
        upload(DataFolder(tmp_path).open(), store)
    collection = RemoteFolder(f"{store.address.files}/{store.address.collection}")
    assert len(store.generations()) == 2
    assert collection.names() == store.generations()


def test_a_missing_generation_is_one_line(store: MilvusStore) -> None:
    with pytest.raises(Missing, match="does not have this generation"):
        GenerationFiles(store.address, "gen-99-ff").manifest()
    if not store.address.local:
        with pytest.raises(NoIndex, match=r"no index in milvus://"):
            MilvusStore(server_address()).published()


def questions() -> list[str]:
    """The development questions: the project's own, and those beside the checkout if they are there."""
    files = [ROOT / "eval" / "gold.jsonl", GOLD / "dev.jsonl"]
    lines = [
        line for file in files if file.exists() for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return [json.loads(line)["question"] for line in lines]


def test_the_development_questions_are_answered_alike(
    address: Address, sample: Assistant, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped articles with the real model, as `qa ask` does."""
    store = MilvusStore(address)
    carried = upload(sample.generation, store)
    there = sample.with_generation(MilvusSource(store).open())
    asked = questions()
    assert len(asked) >= 70
    differing = [question for question in asked if there.ask(question) != sample.ask(question)]
    share = 1 - len(differing) / len(asked)
    with capsys.disabled():
        print(f"\n{len(asked)} questions, {share:.1%} answered alike; recall@10 {carried.recall:.3f}")
    assert share >= ALIKE, differing
    store.close()
