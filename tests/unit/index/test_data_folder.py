import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.building.build import build
from index.errors import BuildFailed, Damaged, IndexFailure, Locked, NoIndex
from index.generation.articles import article_files
from index.generation.data_folder import CURRENT, DataFolder, Pointer
from index.generation.files import MANIFEST
from index.generation.generation import open_generation
from index.generation.manifest import content_digest, manifest_bytes, read_manifest
from index.storage.arrays import array_bytes
from index.storage.durable_io import Disk, exclusive_lock
from tests.support.fakes import FailingDisk, WordEncoder, article
from tests.support.index_changes import make_writable

ARTICLES = [
    article("first", "Collisions cost 5.14 million. It is a lot.", "Nobody pays it.", heading="Costs"),
    article("second", "The zyzzyva sat on a leaf."),
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("published") / "data"
    build(ARTICLES, WordEncoder(), data)
    return data


@pytest.fixture
def data(published: Path, tmp_path: Path) -> Path:
    shutil.copytree(published, tmp_path / "data", copy_function=shutil.copyfile)  # which makes them writable
    return tmp_path / "data"


def files(data: Path) -> list[Path]:
    """Every file that is read when the published generation is opened."""
    folder = data / DataFolder(data).current().generation
    return [data / CURRENT, *sorted(path for path in folder.rglob("*") if path.is_file())]


def refused(data: Path, place: Path) -> None:
    """The damage is refused, and the message names the file with a reason and a next command."""
    with pytest.raises(IndexFailure) as caught:
        DataFolder(data).open()
    assert isinstance(caught.value, Damaged)
    if place.name == CURRENT:
        assert caught.value.file.name in (CURRENT, MANIFEST)
    else:
        assert caught.value.file == place
    assert caught.value.reason
    message = str(caught.value)
    assert str(caught.value.file) in message
    assert "run `qa" in message
    assert "\n" not in message


def test_missing_extra_and_linked_files_are_refused_by_name(data: Path) -> None:
    for path in files(data)[1:]:
        content = path.read_bytes()
        path.unlink()
        refused(data, path)
        path.symlink_to("/dev/zero")
        refused(data, path)
        path.unlink()
        path.write_bytes(content)
    extra = data / DataFolder(data).current().generation / "lexical" / "sentence" / ".tantivy-meta.lock"
    extra.write_bytes(b"")
    refused(data, extra)


def test_swapped_files_are_refused(data: Path) -> None:
    folder = data / DataFolder(data).current().generation
    one, two = folder / "digests.npy", folder / "sums.npy"
    contents = one.read_bytes(), two.read_bytes()
    one.write_bytes(contents[1])
    two.write_bytes(contents[0])
    refused(data, one)


def test_an_article_that_is_another_is_found_when_it_is_asked_for(data: Path) -> None:
    folder = data / DataFolder(data).current().generation
    content = (folder / "articles.jsonl").read_bytes()
    for bad, reason in (
        (content.replace(b"zyzzyva", b"zyzzyvo"), "line 2: the text of second.md does not match its SHA-256"),
        (content[:-9] + b"garbage}\n", "line 2: not an article"),
    ):
        assert len(bad) == len(content)
        republish(data, "articles.jsonl", bad)
        assert DataFolder(data).open().articles[0] == ARTICLES[0]
        with pytest.raises(Damaged, match=reason):
            DataFolder(data).open().articles[1]
        with pytest.raises(Damaged, match=reason):
            DataFolder(data).verify()


def test_no_index_says_what_to_run(tmp_path: Path) -> None:
    for folder in (DataFolder(tmp_path / "gone"), DataFolder(tmp_path)):
        calls: list[Callable[[], object]] = [folder.current, folder.open, folder.verify, folder.recover]
        for call in calls:
            with pytest.raises(NoIndex, match=r"no index in .*; run `qa index --data .*`"):
                call()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"gen-1",
        b"gen-1-0123456789abcdef " + b"0" * 64,
        b"gen-1-0123456789abcdef " + b"0" * 64 + b"\r\n",
        b"gen-1-0123456789abcdef " + b"0" * 63 + b"\n",
        b"gen-1-0123456789abcdef " + b"0" * 64 + b"\n\n",
        b"../../etc/0123456789abcdef " + b"0" * 64 + b"\n",
        b"\xff" * 100,
    ],
)
def test_a_malformed_pointer_is_refused(data: Path, content: bytes) -> None:
    (data / CURRENT).write_bytes(content)
    with pytest.raises(Damaged, match="CURRENT: does not hold a generation and a SHA-256"):
        DataFolder(data).open()


def test_a_pointer_to_nothing_is_refused_as_such(data: Path) -> None:
    (data / CURRENT).write_bytes(Pointer("gen-9-0123456789abcdef", "0" * 64).to_bytes())
    with pytest.raises(Damaged, match="CURRENT: names gen-9-0123456789abcdef, which is not there"):
        DataFolder(data).open()


def test_a_pointer_is_read_as_written(data: Path) -> None:
    pointer = DataFolder(data).current()
    assert (data / CURRENT).read_bytes() == pointer.to_bytes()
    assert pointer.generation == DataFolder(data).open().id == DataFolder(data).generations()[-1]


def test_verify_counts_what_it_saw(data: Path) -> None:
    report = DataFolder(data).verify()
    sizes = [path.stat().st_size for path in files(data)[1:] if path.name != MANIFEST]
    assert (report.files, report.hashed) == (len(sizes), sum(sizes))
    assert (report.articles, report.sentences, report.passages) == (2, 5, 3)


def republish(data: Path, name: str, content: bytes) -> None:
    """Put other content into a generation with every hash made right: only meaning can tell."""
    pointer = DataFolder(data).current()
    folder = data / pointer.generation
    manifest = read_manifest(folder)
    (folder / name).write_bytes(content)
    manifest = replace(manifest, files={**manifest.files, name: content_digest(content)})
    (folder / MANIFEST).write_bytes(manifest_bytes(manifest))
    digest = content_digest((folder / MANIFEST).read_bytes()).sha256
    (data / CURRENT).write_bytes(Pointer(pointer.generation, digest).to_bytes())


def changed(path: Path, row: int, column: int, by: int) -> bytes:
    array = np.load(path, allow_pickle=False)
    array[row, column] += by
    return array_bytes(array)


@pytest.mark.parametrize(
    ("file", "row", "column", "by", "reason"),
    [
        ("sentences.npy", 0, 0, -1, "an article that is not there"),
        ("sentences.npy", 4, 0, 7, "an article that is not there"),
        ("sentences.npy", 4, 2, 9999, "a span outside its article's text"),
        ("sentences.npy", 0, 1, -1, "a span outside its article's text"),
        ("sentences.npy", 2, 1, -31, "spans out of order"),
        ("sentences.npy", 2, 1, -2, "spans out of order"),
        ("passages.npy", 0, 2, 5, "spans out of order"),
        ("passages.npy", 0, 1, 1, "a sentence that lies in no passage"),
    ],
)
def test_spans_that_fit_nothing_are_refused(
    data: Path, file: str, row: int, column: int, by: int, reason: str
) -> None:
    republish(data, file, changed(data / DataFolder(data).current().generation / file, row, column, by))
    with pytest.raises(Damaged, match=reason) as caught:
        DataFolder(data).open()
    assert caught.value.file.name == file


def test_verify_proves_that_spans_are_the_texts_indexed(data: Path) -> None:
    folder = data / DataFolder(data).current().generation
    republish(data, "sentences.npy", changed(folder / "sentences.npy", 1, 2, -1))
    DataFolder(data).open()
    with pytest.raises(Damaged, match=r"passages.npy: characters 0 to \d+ of first.md are not the text"):
        DataFolder(data).verify()


def test_other_meanings_with_right_hashes_are_refused(data: Path) -> None:
    folder = data / DataFolder(data).current().generation
    for name, content, reason in (
        ("sums.npy", array_bytes(np.zeros((4, 3), dtype=np.float32)), r"expected float32 \(5, 3\)"),
        ("token_starts.npy", array_bytes(np.arange(6)[::-1].copy()), "starts out of order"),
        ("token_starts.npy", array_bytes(np.arange(6)), "ends at 5 of"),
        ("tokens.npy", array_bytes(np.zeros((3, 32), dtype=np.float32)), "expected int8"),
        ("vectors.npy", array_bytes(np.zeros((2, 2), dtype=np.float16)), "expected float16"),
        ("vectors.npy", b"\x80\x04N.", "not an array"),
        ("digests.npy", b"", "not an array"),
        ("articles.jsonl", article_files(ARTICLES[:1])["articles.jsonl"], "does not fit the 2 articles"),
        ("articles.jsonl", b"", "cannot be read"),
        ("article_places.npy", array_bytes(np.zeros((2, 2), dtype=np.int64)), "does not fit the 2 articles"),
        ("facts.json", b"{}", "not a list of facet values"),
        (
            "years.npy",
            array_bytes(np.full((2, 2), 7, dtype=np.int32)),
            "article row or value id out of range",
        ),
        ("authors.npy", array_bytes(np.zeros(3, dtype=np.int32)), "expected int32"),
        ("by_title.npy", array_bytes(np.array([0, 2], dtype=np.int32)), "a row outside 0..1"),
        ("terms.npy", array_bytes(np.full(17, 999, dtype=np.int32)), "expected int32|outside the vocabulary"),
        ("term_starts.npy", array_bytes(np.array([5, 0, 0, 0, 0, 0])), "starts out of order"),
        ("vocabulary.txt", b"\xff\n", "cannot be read"),
        ("lexical/sentence/meta.json", b"{}", "tantivy cannot open it"),
    ):
        before = (folder / name).read_bytes()
        republish(data, name, content)
        with pytest.raises(Damaged, match=reason):
            DataFolder(data).open()
        republish(data, name, before)
    DataFolder(data).verify()


def test_an_array_of_objects_is_never_unpickled(data: Path) -> None:
    folder = data / DataFolder(data).current().generation
    np.save(folder / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    content = (folder / "x.npy").read_bytes()
    (folder / "x.npy").unlink()
    republish(data, "digests.npy", content)
    with pytest.raises(Damaged, match=r"digests.npy: not an array"):
        DataFolder(data).open()


def test_recover_goes_back_to_the_newest_sound_generation(data: Path) -> None:
    old = DataFolder(data).current().generation
    new = build([*ARTICLES, article("third", "A quokka.")], WordEncoder(), data).generation
    assert DataFolder(data).recover() == new
    make_writable(data / new)
    with (data / new / "vectors.npy").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(Damaged):
        DataFolder(data).open()
    assert DataFolder(data).recover() == old
    assert tuple(DataFolder(data).open().articles) == tuple(ARTICLES)
    DataFolder(data).verify()


def test_recover_finds_a_changed_manifest_without_a_pointer(data: Path) -> None:
    old = DataFolder(data).current().generation
    new = build([*ARTICLES, article("third", "A quokka.")], WordEncoder(), data).generation
    manifest = data / new / MANIFEST
    make_writable(data / new)
    manifest.write_bytes(manifest.read_bytes().replace(b'"model": "words"', b'"model": "wordz"'))
    (data / CURRENT).unlink()
    assert DataFolder(data).recover() == old


def test_recover_with_nothing_sound_names_the_newest_fault(data: Path) -> None:
    name = DataFolder(data).current().generation
    (data / name / "digests.npy").unlink()
    with pytest.raises(Damaged, match=r"digests.npy: missing"):
        DataFolder(data).recover()
    assert DataFolder(data).current().generation == name


def test_recover_waits_for_no_build_and_reports_a_failed_write(data: Path) -> None:
    with exclusive_lock(data / "LOCK"), pytest.raises(Locked):
        DataFolder(data).recover()
    with pytest.raises(BuildFailed, match="errno 30"):
        DataFolder(data).recover(disk=FailingDisk(OSError(30, "Read-only file system"), at=0))


def test_an_open_generation_answers_after_it_was_removed(data: Path) -> None:
    generation = DataFolder(data).open()
    before = generation.dense.search(np.asarray(generation.vectors[0]), 3)
    for text in ("A quokka.", "An axolotl."):
        build([*ARTICLES, article("third", text)], WordEncoder(), data)
    assert not generation.folder.exists()
    assert generation.dense.search(np.asarray(generation.vectors[0]), 3) == before
    assert [row for row, _ in generation.lexical.search("sentence", ["zyzzyva"], 1)] == [4]
    assert generation.vectors[-1].shape == (32,)


def test_readers_during_publishing_see_whole_generations(data: Path) -> None:
    """Each generation has one number as its whole text; a reader must never see two."""
    stop = threading.Event()
    seen: list[set[str]] = []
    failures: list[IndexFailure] = []

    def read() -> None:
        while not stop.is_set():
            try:
                generation = DataFolder(data).open()
                seen.append({one.text for one in generation.articles})
            except IndexFailure as error:
                failures.append(error)

    build([article("a", "Number 0."), article("b", "Number 0.")], WordEncoder(), data)
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 8):
        build([article(name, f"Number {number}.") for name in "ab"], WordEncoder(), data)
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len({text for texts in seen for text in texts}) > 1
    assert all(len(texts) == 1 for texts in seen)


def test_the_folder_is_only_read(data: Path) -> None:
    before = sorted((str(path), path.stat().st_mtime_ns) for path in data.rglob("*"))
    DataFolder(data).verify()
    DataFolder(data).open().lexical.search("sentence", ["cost"], 3)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in data.rglob("*")) == before


def test_an_opened_generation_cannot_be_changed(data: Path) -> None:
    generation = DataFolder(data).open()
    vectors = np.asarray(generation.vectors)
    for array in (vectors, generation.sums, generation.tokens, generation.passage_of, generation.digests):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    folder = data / generation.id
    assert open_generation(folder, generation.manifest).id == generation.id


def test_names_beside_generations_are_left_alone(data: Path) -> None:
    for name in ("gen-1", "gen-x-0123456789abcdef", "gen-0-0123456789abcdef", "notes"):
        (data / name).mkdir()
    os.mkfifo(data / "fifo")
    build([ARTICLES[0]], WordEncoder(), data)
    assert {"gen-1", "gen-x-0123456789abcdef", "gen-0-0123456789abcdef", "notes", "fifo"} <= {
        path.name for path in data.iterdir()
    }
    Disk().remove(data / "fifo")
