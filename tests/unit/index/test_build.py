import errno
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from corpus.article import Article, Dropped
from index.building.build import build
from index.embedding.encoder import EncodedPassages, PassageText
from index.errors import BuildFailed, Locked
from index.generation.articles import article_files, open_articles
from index.generation.data_folder import DataFolder
from index.generation.sums import sum_lengths
from index.retrieval.index_type import Kind, Plan
from index.storage.durable_io import exclusive_lock
from tests.support.fakes import FailingDisk, WordEncoder, article, word_vectors
from tests.support.index_changes import make_writable

FIRST = article(
    "first",
    "Collisions cost 5.14 million dollars. It is a lot of money. Nobody pays it.",
    "The trust answers. Nobody pays it.",
    heading="What a collision costs",
)

SECOND = article("second", "The zyzzyva sat on a leaf. Nobody pays it. Its colour was amber.")
THIRD = article("third", "Trains run late. The quokka waited.", heading="Trains")
ENCODED = "encoded-" + "f" * 16


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_what_is_built_is_what_is_opened(data: Path) -> None:
    encoder = WordEncoder()
    built = build([SECOND, FIRST], encoder, data)
    generation = DataFolder(data).open()
    assert (generation.id, built.unchanged, built.reused) == (built.generation, False, 0)
    assert tuple(generation.articles) == (FIRST, SECOND)
    assert [s.text for s in generation.sentences] == [
        "What a collision costs",
        "Collisions cost 5.14 million dollars.",
        "It is a lot of money.",
        "Nobody pays it.",
        "The trust answers.",
        "Nobody pays it.",
        "The zyzzyva sat on a leaf.",
        "Nobody pays it.",
        "Its colour was amber.",
    ]
    assert [s.heading for s in generation.sentences] == [True] + [False] * 8
    assert generation.article_of.tolist() == [0] * 6 + [1] * 3
    for row, sentence in enumerate(generation.sentences):
        passage = generation.passages[generation.passage_of[row]]
        assert sentence.text in passage.text
        assert (passage.article, passage.start <= sentence.start < passage.end) == (sentence.article, True)
    assert built.encoded == len(generation.passages) == len(encoder.encoded)
    assert generation.manifest.counts == {
        "articles": 2,
        "sentences": 9,
        "passages": len(generation.passages),
        "tokens": sum(len(s.text.split()) for s in generation.sentences),
    }


def test_each_passage_is_encoded_once_and_gives_its_sentences_their_vectors(data: Path) -> None:
    encoder = WordEncoder()
    build([FIRST, SECOND, replace(THIRD, text=FIRST.text, sha256=FIRST.sha256)], encoder, data)
    generation = DataFolder(data).open()
    assert len(encoder.encoded) == len(set(encoder.encoded)) < len(generation.passages)
    assert set(encoder.encoded) == {passage.text for passage in generation.passages}
    sentences = [sentence.text for sentence in generation.sentences]
    assert np.allclose(np.asarray(generation.vectors), WordEncoder().encode(sentences), atol=1e-3)
    for row, sentence in enumerate(sentences):
        first, last = generation.token_starts[row : row + 2]
        np.testing.assert_array_equal(generation.tokens[first:last], 127 * word_vectors(sentence))


def test_sums_are_the_lengths_of_what_sentences_windows_and_passages_add_up_to(data: Path) -> None:
    build([FIRST, SECOND], WordEncoder(), data)
    generation = DataFolder(data).open()

    def length(first: int, last: int) -> float:
        words = [word_vectors(sentence.text) for sentence in generation.sentences[first:last]]
        return float(np.linalg.norm(np.concatenate(words).sum(axis=0)))

    for row in range(len(generation.sentences)):
        passage = np.flatnonzero(generation.passage_of == generation.passage_of[row])
        ranges = (row, row + 1), generation.window_of(row), (passage[0], passage[-1] + 1)
        assert generation.sums[row] == pytest.approx([length(*each) for each in ranges], rel=1e-3)


def test_sums_are_the_same_in_blocks_of_any_size(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build([FIRST, SECOND], WordEncoder(), data)
    generation = DataFolder(data).open()
    vectors, lengths = np.asarray(generation.vectors), generation.sums[:, 0]
    for size in (1, 2, 3, 5):
        monkeypatch.setattr("index.generation.sums._BLOCK", size)
        sums = sum_lengths(vectors, lengths, generation.sentences.spans, generation.passages.spans)
        np.testing.assert_allclose(sums, generation.sums, rtol=1e-5)


def test_both_indexes_find_a_sentence_by_its_row(data: Path) -> None:
    build([FIRST, SECOND], WordEncoder(), data)
    generation = DataFolder(data).open()
    zyzzyva = WordEncoder().encode(["The zyzzyva sat on a leaf."])[0]
    ((row, score),) = generation.dense.search(zyzzyva, 1)
    assert row == 6
    assert score == pytest.approx(1, abs=1e-3)
    assert [row for row, _ in generation.lexical.search("sentence", ["zyzzyva"], 5)] == [6]
    (passage, _), *_ = generation.lexical.search("passage", ["zyzzyva"], 5)
    assert passage == generation.passage_of[6]


def test_windows_begin_with_a_heading_and_stop_at_articles(data: Path) -> None:
    build([FIRST, SECOND], WordEncoder(), data)
    generation = DataFolder(data).open()
    texts = [
        generation.articles[generation.article_of[row]].text[slice(*generation.window(row))]
        for row in (1, 2, 6)
    ]
    assert texts == [
        "What a collision costs\n\nCollisions cost 5.14 million dollars. It is a lot of money.",
        "Collisions cost 5.14 million dollars. It is a lot of money. Nobody pays it.",
        "The zyzzyva sat on a leaf. Nobody pays it.",
    ]
    assert [generation.window_of(row) for row in (0, 1, 2, 5, 6, 8)] == [
        (0, 2),
        (0, 3),
        (1, 4),
        (4, 6),
        (6, 8),
        (7, 9),
    ]


def test_terms_are_counted_by_sentence(data: Path) -> None:
    build([SECOND], WordEncoder(), data)
    generation = DataFolder(data).open()
    terms = generation.terms
    said = [terms.vocabulary[number] for number in terms.ids[terms.starts[1] : terms.starts[3]]]
    assert said == ["nobodi", "pay", "it", "it", "colour", "was", "amber"]
    assert (terms.vocabulary[terms.number("amber")], terms.number("ambergris")) == ("amber", -1)
    # Sentences of 6, 3 and 4 terms; windows of 9, 13 and 7; one passage.
    lengths = generation.mean_lengths
    assert (lengths.sentence, lengths.window, lengths.passage) == pytest.approx((13 / 3, 29 / 3, 13))


def test_every_field_of_an_article_is_kept(tmp_path: Path) -> None:
    odd = Article(
        id="a",
        title="“Quotes” \u2028 \ud800",
        text="é\n\nb",
        source="dir/ü \udcff.md",
        url="",
        author="",
        publisher="",
        published="2024",
        sha256=article("x", "é\n\nb").sha256,
        headings=((0, 1), (3, 4)),
        metadata=MappingProxyType({"k": "v"}),
        dropped=(Dropped("Share this", "share"),),
    )
    for name, content in article_files([FIRST, odd, SECOND]).items():
        (tmp_path / name).write_bytes(content)
    first, read, second = open_articles(tmp_path, 3)
    assert (first, second) == (FIRST, SECOND)
    assert read == odd
    assert read.dropped == odd.dropped


def test_nothing_new_publishes_nothing_and_encodes_nothing(data: Path) -> None:
    first = build([FIRST, SECOND], WordEncoder(), data)
    before = sorted((path, path.stat().st_mtime_ns) for path in data.rglob("*"))
    encoder = WordEncoder()
    again = build([SECOND, FIRST], encoder, data)
    assert (again.generation, again.unchanged, again.encoded) == (first.generation, True, 0)
    assert again.reused == first.encoded
    assert encoder.encoded == []
    assert sorted((path, path.stat().st_mtime_ns) for path in data.rglob("*")) == before


def test_a_changed_fact_publishes_without_encoding(data: Path) -> None:
    build([FIRST], WordEncoder(), data)
    encoder = WordEncoder()
    built = build([replace(FIRST, author="Bob")], encoder, data)
    assert (built.unchanged, built.encoded, encoder.encoded) == (False, 0, [])
    assert DataFolder(data).open().articles[0].author == "Bob"


def test_a_changed_article_encodes_its_new_passages_only(data: Path) -> None:
    build([FIRST, THIRD], WordEncoder(), data)
    changed = replace(THIRD, text=THIRD.text.replace("late", "early"))
    changed = replace(changed, sha256=article("x", changed.text).sha256)
    encoder = WordEncoder()
    calls: list[tuple[int, int]] = []
    built = build([FIRST, changed], encoder, data, progress=lambda done, total: calls.append((done, total)))
    generation = DataFolder(data).open()
    assert encoder.encoded == ["Trains\n\nTrains run early. The quokka waited."]
    assert (built.encoded, built.reused) == (1, len(generation.passages) - 1)
    assert calls == [(1, 1)]
    assert build([FIRST, changed], WordEncoder(), data.with_name("whole")).encoded == len(generation.passages)
    whole = DataFolder(data.with_name("whole")).open()
    for name in ("vectors", "sums", "tokens", "token_starts"):
        np.testing.assert_array_equal(getattr(generation, name), getattr(whole, name))


def test_another_kind_of_index_is_another_generation(data: Path) -> None:
    first = build([FIRST], WordEncoder(), data)
    again = build([FIRST], WordEncoder(), data, plan=Plan(Kind.IVF))
    assert (again.unchanged, again.encoded, again.reused) == (False, 0, first.encoded)
    assert build([FIRST], WordEncoder(), data, plan=Plan(Kind.IVF)).unchanged


def test_an_index_without_token_vectors_reuses_one_with_them_but_not_the_other_way(data: Path) -> None:
    first, bare = build([FIRST], WordEncoder(), data), Plan(token_vectors=False)
    without = build([FIRST], WordEncoder(), data, plan=bare)
    assert (without.encoded, without.unchanged) == (0, False)
    assert build([FIRST], WordEncoder(), data, plan=bare).unchanged
    again = build([FIRST], WordEncoder(), data)
    assert (again.encoded, len(DataFolder(data).open().tokens) > 0) == (first.encoded, True)


def test_another_model_reuses_nothing(data: Path) -> None:
    first = build([FIRST], WordEncoder(), data)
    built = build([FIRST], WordEncoder(fingerprint="e" * 64), data)
    assert (built.encoded, built.reused, built.unchanged) == (first.encoded, 0, False)


def test_a_removed_article_is_in_no_byte_of_the_new_generation(data: Path) -> None:
    build([FIRST, SECOND], WordEncoder(), data)
    needles = [b"zyzzyva", b"second", b"amber"]

    def holding(name: str) -> set[bytes]:
        contents = [path.read_bytes().lower() for path in (data / name).rglob("*") if path.is_file()]
        return {needle for needle in needles if any(needle in content for content in contents)}

    assert holding(DataFolder(data).current().generation) == set(needles)
    build([FIRST], WordEncoder(), data)
    assert holding(DataFolder(data).current().generation) == set()
    generation = DataFolder(data).open()
    assert generation.lexical.document_frequency("sentence", "zyzzyva") == 0
    gone = WordEncoder().encode(["Its colour was amber."])[0]
    assert not (generation.vectors == gone).all(axis=1).any()


def test_the_last_two_generations_are_kept(data: Path) -> None:
    names = [build(articles, WordEncoder(), data).generation for articles in ([FIRST], [SECOND], [THIRD])]
    assert DataFolder(data).generations() == names[1:]
    assert [name.split("-")[1] for name in names] == ["1", "2", "3"]
    assert sorted(path.name for path in data.iterdir()) == sorted(["CURRENT", "LOCK", *names[1:]])


def test_what_dead_builds_left_is_swept(data: Path) -> None:
    name = build([FIRST], WordEncoder(), data).generation
    (data / "tmp-0123456789abcdef" / "lexical").mkdir(parents=True)
    (data / "gen-7-0123456789abcdef").mkdir()
    (data / "CURRENT.tmp").write_bytes(b"gen-7")
    assert build([FIRST], WordEncoder(), data).unchanged
    assert sorted(path.name for path in data.iterdir()) == ["CURRENT", "LOCK", name]


def test_a_damaged_generation_is_replaced_and_nothing_of_it_reused(data: Path) -> None:
    first = build([FIRST], WordEncoder(), data)
    vectors = data / first.generation / "vectors.npy"
    content = vectors.read_bytes()
    make_writable(data)
    vectors.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    built = build([FIRST], WordEncoder(), data)
    assert (built.encoded, built.reused, built.unchanged) == (first.encoded, 0, False)
    assert DataFolder(data).open().id == built.generation


def test_a_second_builder_is_refused(data: Path) -> None:
    build([FIRST], WordEncoder(), data)
    with exclusive_lock(data / "LOCK"), pytest.raises(Locked, match=str(data / "LOCK")):
        build([SECOND], WordEncoder(), data)
    assert tuple(DataFolder(data).open().articles) == (FIRST,)


@pytest.mark.parametrize(
    ("articles", "reason"),
    [
        ([], "there is no article to index"),
        ([article("empty", "")], "the articles hold no sentence"),
        ([FIRST, article("first", "Another.")], "two articles have the id first: first.md and first.md"),
    ],
)
def test_articles_that_make_no_index_are_refused_in_one_line(
    data: Path, articles: Sequence[Article], reason: str
) -> None:
    with pytest.raises(BuildFailed, match=reason) as caught:
        build(articles, WordEncoder(), data)
    assert "\n" not in str(caught.value)
    assert not data.exists()


def test_a_text_that_its_hash_denies_is_refused(data: Path) -> None:
    changed = replace(FIRST, text=FIRST.text + " More.")
    with pytest.raises(BuildFailed, match=r"the text of first\.md does not match its SHA-256"):
        build([changed], WordEncoder(), data)


class LongEncoder(WordEncoder):
    factor = 2.0

    def encode_passages(self, passages: Sequence[PassageText], **options: object) -> EncodedPassages:
        encoded = super().encode_passages(passages)
        return replace(encoded, vectors=encoded.vectors * np.float32(self.factor))


class BrokenEncoder(LongEncoder):
    factor = float("nan")


@pytest.mark.parametrize("encoder", [LongEncoder(), BrokenEncoder()])
def test_a_model_whose_vectors_are_not_one_long_is_refused(data: Path, encoder: WordEncoder) -> None:
    with pytest.raises(BuildFailed, match="whose length is not 1"):
        build([FIRST], encoder, data)
    assert DataFolder(data).generations() == []


class FullDisk(FailingDisk):
    def free(self, folder: Path) -> int:
        return 1 << 20


def test_too_little_space_is_found_before_anything_is_encoded(data: Path) -> None:
    encoder = WordEncoder()
    with pytest.raises(BuildFailed, match="1 MB are free") as caught:
        build([FIRST], encoder, data, disk=FullDisk(OSError(), at=-1))
    assert (caught.value.errno, caught.value.path, encoder.encoded) == (errno.ENOSPC, data, [])


def test_a_failed_last_fsync_is_reported_and_leaves_a_whole_index(tmp_path: Path) -> None:
    counting = FailingDisk(OSError(), at=-1)
    build([FIRST], WordEncoder(), tmp_path / "count", disk=counting)
    last = [operation for operation, _ in counting.steps].index("replace") + 1
    assert counting.steps[last] == ("fsync", tmp_path / "count")
    disk = FailingDisk(OSError(errno.EIO, "Input/output error"), at=last)
    with pytest.raises(BuildFailed):
        build([FIRST], WordEncoder(), tmp_path / "data", disk=disk)
    assert tuple(DataFolder(tmp_path / "data").open().articles) == (FIRST,)


def test_the_first_build_that_fails_leaves_no_index_and_the_next_succeeds(data: Path) -> None:
    disk = FailingDisk(OSError(errno.ENOSPC, "No space left on device"), at=20)
    with pytest.raises(BuildFailed):
        build([FIRST], WordEncoder(), data, disk=disk)
    assert sorted(path.name for path in data.iterdir()) == ["LOCK", ENCODED]
    built = build([FIRST], WordEncoder(), data)
    assert (built.encoded, built.reused > 0) == (0, True)
    assert sorted(path.name for path in data.iterdir()) == ["CURRENT", "LOCK", built.generation]


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(BuildFailed) as caught:
        build([FIRST], WordEncoder(), tmp_path / "data")
    assert caught.value.errno == errno.ENOTDIR
    assert str(tmp_path / "data") in str(caught.value)


def test_a_disk_that_really_is_full_is_named(tmp_path: Path) -> None:
    code = f"""
import resource, signal, sys
from pathlib import Path
from corpus.article import Article
from index.building.build import build
from index.errors import BuildFailed
from tests.support.fakes import WordEncoder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (0, 200, 1000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        build([{FIRST!r}], WordEncoder(), Path({str(tmp_path)!r}) / "data")
    except BuildFailed as error:
        sys.stdout.write(f"{{error.errno}} {{error.path}}\\n")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{errno.EFBIG} {tmp_path}/data/{ENCODED}/") for line in lines)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["LOCK", ENCODED]
