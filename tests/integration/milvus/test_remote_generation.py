"""A generation read from an engine gives the answers that its folder gives, and goes back word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.building.build import build
from index.engine.address import Address
from index.engine.collections import MilvusStore
from index.engine.download import download
from index.engine.files import ChunkedFiles, piece_row
from index.engine.source import MilvusSource
from index.engine.upload import upload
from index.errors import Altered, BuildFailed, Damaged, Missing, NoIndex, Unreachable
from index.generation.data_folder import CURRENT, DataFolder
from index.generation.generation import Generation
from index.retrieval.filter import Filter
from qa.assistant import Assistant
from tests.support.fakes import WordEncoder
from tests.support.milvus_server import ferry_articles
from tests.support.repository import GOLD, ROOT

pytestmark = pytest.mark.engine

ALIKE = 0.98
"""Share of questions that must have the same extracts in the same order."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    build(ferry_articles(1), WordEncoder(), folder)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def local(data: Path) -> Generation:
    return DataFolder(data).open()


@pytest.fixture(scope="module")
def store(address: Address, local: Generation) -> Iterator[MilvusStore]:
    """An engine in which the generation is published."""
    opened = MilvusStore(address, words=False)
    carried = upload(local, opened)
    assert (carried.sent, carried.unchanged) == (local.manifest.counts["vectors"], False)
    assert carried.recall >= 0.95
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served(store: MilvusStore) -> Generation:
    return MilvusSource(store).open()


def test_nothing_long_is_kept_here(served: Generation, local: Generation) -> None:
    names = {path.name for path in served.folder.rglob("*") if path.is_file()}
    assert not names & {"vectors.npy", "articles.jsonl", "sentences.faiss", "passages.faiss"}
    assert served.id == local.id
    assert list(served.articles) == list(local.articles)
    assert (served.vectors[[3, 0, 3]] == local.vectors[[3, 0, 3]]).all()
    assert (served.vectors[5] == local.vectors[5]).all()


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
    store: MilvusStore, local: Generation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(ferry_articles(2, articles=300), WordEncoder(), tmp_path)  # type: ignore[arg-type]
    new, count = DataFolder(tmp_path).open(), 0
    monkeypatch.setattr("index.engine.upload.BLOCK", 200)
    whole = new.manifest.counts["vectors"]
    assert whole > 800

    def die(done: int, total: int) -> None:
        nonlocal count
        count = done
        if done >= 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(new, store, progress=die)
    assert store.published() == local.id
    assert MilvusSource(store).open().id == local.id
    carried = upload(new, store)
    assert carried.sent == whole - count
    assert store.published() == new.id
    assert store.generations() == sorted([local.id, new.id])


def test_what_arrived_otherwise_is_not_published(store: MilvusStore, tmp_path: Path) -> None:
    """The folder's own vectors are others than those it sends: what is probed does not find itself."""
    build(ferry_articles(3), WordEncoder(), tmp_path)  # type: ignore[arg-type]
    new, before = DataFolder(tmp_path).open(), store.published()

    class Lossy(MilvusStore):
        def seal(self, generation: str) -> int:
            self.delete(generation, [0, 1])
            return super().seal(generation)

    lossy = Lossy(store.address, words=False)
    with pytest.raises(BuildFailed, match=r"holds .* records, but .* were sent"):
        upload(new, lossy)
    assert store.published() == before
    lossy.close()


def test_a_changed_text_is_refused_and_counted(store: MilvusStore, tmp_path: Path) -> None:
    build(ferry_articles(4, articles=3), WordEncoder(), tmp_path)  # type: ignore[arg-type]
    new = DataFolder(tmp_path).open()
    upload(new, store)
    pieces = ChunkedFiles(store, new.id)
    told = store.client.get(store.files(new.id), 'file == "articles.jsonl"', ("id", "content"), limit=1)[0]
    changed = piece_row(told["id"], "articles.jsonl", told["content"].replace("ferry", "barge").encode())
    sealed = store.client.get(store.files(new.id), f"id in [{told['id']}]", ("sha256",), limit=1)[0]["sha256"]
    pieces.put([{**changed, "sha256": sealed}])
    store.client.seal(store.files(new.id))
    served, before = MilvusSource(store).open(), store.refused
    with pytest.raises(
        Altered, match=r"altered: piece \d+ of gen-\S+, of articles\.jsonl, in .* is not the one"
    ):
        served.articles[0]
    assert store.refused == before + 1
    # With a hash of its own it passes as a piece, and is refused as an article.
    pieces.put([changed])
    store.client.seal(store.files(new.id))
    with pytest.raises(Damaged, match=r"the text of a0\.md does not match its SHA-256"):
        MilvusSource(store).open().articles[0]


def test_what_is_not_there_is_told(store: MilvusStore) -> None:
    with pytest.raises((Missing, Unreachable)):
        ChunkedFiles(store, "gen-99-ff").manifest()
    if not store.address.local:
        from tests.support.milvus_server import server_address

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
    """The shipped articles with the real models; every tenth read by the reranker too, as `qa ask` does."""
    store = MilvusStore(address, words=False)
    carried = upload(sample.generation, store)
    served = MilvusSource(store).open()
    read = sample, sample.with_generation(served)
    ranked = tuple(Assistant(one, sample.encoder) for one in (sample.generation, served))
    asked, differing = questions(), []
    assert len(asked) >= 70
    for number, question in enumerate(asked):
        here, there = read if number % 10 == 0 else ranked
        if there.ask(question) != here.ask(question):
            differing.append(question)
    share = 1 - len(differing) / len(asked)
    with capsys.disabled():
        print(f"\n{len(asked)} questions, {share:.1%} answered alike; recall@10 {carried.recall:.3f}")
    assert share >= ALIKE, differing
    store.close()
