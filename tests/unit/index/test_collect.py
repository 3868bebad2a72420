"""Shards, collect and built, are the index that one machine makes of the same files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.read import read_articles
from corpus.sources.listing import listed_files
from corpus.sources.remote import RemoteFolder
from index.building.build import build
from index.embedding.encoder import PassageText
from index.engine.collect import CollectedShards, collect_shards
from index.engine.shard_builder import ShardBuilder
from index.engine.shards import Shard, key_inputs_of
from index.errors import BuildFailed
from index.generation.data_folder import DataFolder
from tests.support.fakes import WordEncoder

RECIPE = key_inputs_of(WordEncoder(), "torch")


class Bench:
    """A folder of articles, a place for their shards, and how often each shard was made."""

    def __init__(self, root: Path) -> None:
        self.articles, self.place = root / "articles", RemoteFolder(str(root / "shards"))
        self.articles.mkdir()
        self.made: list[str] = []
        for n in range(12):
            self.write(
                f"{n:02}.md", f"# Ferry {n}\n\nFerry number {n} sails. It is green. Nobody waits for it.\n"
            )
        self.write("13.md", "# Ferry 3\n\nFerry number 3 sails. It is green. Nobody waits for it.\n")
        self.write("14.txt", "")

    def write(self, name: str, text: str) -> None:
        (self.articles / name).write_text(text, encoding="utf-8")

    def run(self, shards: Sequence[Shard]) -> None:
        with ShardBuilder(WordEncoder(), self.place, RECIPE) as maker:
            for shard in shards:
                maker.build(shard)
                self.made.append(shard.name)

    def gather(self) -> CollectedShards:
        self.made.clear()
        return collect_shards(listed_files([str(self.articles)]), RECIPE, self.place, self.run, average=2)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_index_is_the_one_that_one_machine_makes(bench: Bench, tmp_path: Path) -> None:
    collect = bench.gather()
    local = read_articles([bench.articles])
    assert collect.reading == local
    assert [(one.source, one.reason) for one in local.skipped] == [
        ("13.md", "same text as 03.md"),
        ("14.txt", "is empty"),
    ]
    encoder = WordEncoder()
    built = build(collect.reading.articles, encoder, tmp_path / "data", precomputed=collect.blocks())
    assert (encoder.encoded, built.encoded, built.unchanged) == ([], 0, False)
    build(local.articles, WordEncoder(), tmp_path / "local")
    one, other = DataFolder(tmp_path / "data").open(), DataFolder(tmp_path / "local").open()
    assert list(one.articles) == list(other.articles)
    assert list(one.passages) == list(other.passages)
    for name in ("vectors", "sums", "tokens", "token_starts", "digests"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert built.reused == len(other.passages)


def test_what_is_there_is_not_made_again(bench: Bench) -> None:
    first = bench.gather()
    assert len(first.shards) > 3
    assert sorted(bench.made) == sorted(shard.name for shard in first.shards) == bench.place.names()
    assert first.built == len(first.shards)
    again = bench.gather()
    assert (again.built, bench.made, again.reading) == (0, [], first.reading)


def test_a_file_that_changes_makes_its_shard_again_and_no_other(bench: Bench) -> None:
    bench.gather()
    bench.write("05.md", "# Ferry 5\n\nFerry number 5 has sunk.\n")
    again = bench.gather()
    (name,) = bench.made
    (shard,) = (one for one in again.shards if one.name == name)
    assert "05.md" in [file.source for file in shard.files]
    assert "has sunk" in next(one.text for one in again.reading.articles if one.source == "05.md")


def test_a_damaged_shard_is_made_again(bench: Bench) -> None:
    first = bench.gather()
    name = first.shards[1].name
    bench.place.write(name, bench.place.read(name)[:-1] + b"?")
    assert bench.gather().reading == first.reading
    assert bench.made == [name]


def test_a_shard_of_other_files_is_not_taken_for_one(bench: Bench) -> None:
    first = bench.gather()
    one, other = first.shards[0].name, first.shards[1].name
    bench.place.write(one, bench.place.read(other))
    assert bench.gather().reading == first.reading
    assert bench.made == [one]


def test_shards_that_are_not_found_where_they_should_be_fail_the_build(bench: Bench) -> None:
    calls: list[int] = []
    with pytest.raises(BuildFailed, match=r"shards cannot be read back .*; give --shards a folder"):
        collect_shards(
            listed_files([str(bench.articles)]), RECIPE, bench.place, lambda shards: calls.append(len(shards))
        )
    assert len(calls) == 2
    assert calls[0] == calls[1]


def test_a_shard_that_goes_before_its_vectors_are_read_fails_the_build(bench: Bench, tmp_path: Path) -> None:
    collect = bench.gather()
    bench.place.remove(collect.shards[2].name)
    with pytest.raises(BuildFailed, match="was changed or removed"):
        build(collect.reading.articles, WordEncoder(), tmp_path / "data", precomputed=collect.blocks())


def test_vectors_that_are_none_fail_the_build(bench: Bench, tmp_path: Path) -> None:
    articles, digests = read_articles([bench.articles]).articles, np.zeros((2, 32), np.uint8)
    sound = WordEncoder().encode_passages([PassageText("Green.", ((0, 6),))] * 2)
    for passages, told in (
        (replace(sound, vectors=np.ones((2, 3), np.float32)), r"vectors of \(3, 32\) numbers"),
        (replace(sound, tokens=np.zeros((2, 5), np.int8)), r"vectors of \(32, 5\) numbers"),
        (sound.take(np.array([1])), "of 1 passages are not of words"),
        (replace(sound, vectors=2 * sound.vectors), "length is not 1"),
    ):
        with pytest.raises(BuildFailed, match=told):
            build(articles, WordEncoder(), tmp_path / "data", precomputed=[(digests, passages)])


def test_only_what_the_published_generation_lacks_is_taken_over(bench: Bench, tmp_path: Path) -> None:
    collect = bench.gather()
    build(collect.reading.articles, WordEncoder(), tmp_path / "data", precomputed=collect.blocks())
    bench.write("05.md", "# Ferry 5\n\nFerry number 5 has sunk.\n")
    again, encoder = bench.gather(), WordEncoder()
    built = build(again.reading.articles, encoder, tmp_path / "data", precomputed=again.blocks())
    assert (encoder.encoded, built.encoded) == ([], 0)
    assert "Ferry number 5 has sunk." in [
        sentence.text for sentence in DataFolder(tmp_path / "data").open().sentences
    ]
