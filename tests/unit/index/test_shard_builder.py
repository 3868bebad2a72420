"""A shard is made of its files, once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus.article import Article
from corpus.read import read_articles
from corpus.sources.listing import listed_files
from corpus.sources.remote import RemoteFolder
from index.building.layout import plan_generation
from index.engine.shard_builder import BuiltShard, ShardBuilder
from index.engine.shard_file import read_shard
from index.engine.shards import Shard, key_inputs_of, split_into_shards
from tests.support.fakes import WordEncoder

RECIPE = key_inputs_of(WordEncoder(), "torch")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "articles"
    root.mkdir()
    (root / "a.md").write_text("# Ferries\n\nThe ferry sails at nine. It is green.\n", encoding="utf-8")
    (root / "b.md").write_text("# Ferries\n\nThe ferry sails at nine. It is late.\n", encoding="utf-8")
    (root / "c.txt").write_text("\n", encoding="utf-8")
    return root


def whole(folder: Path) -> Shard:
    (shard,) = split_into_shards(listed_files([str(folder)]), RECIPE, average=1 << 40)
    return shard


def test_a_shard_holds_each_outcome_and_each_passage(folder: Path, tmp_path: Path) -> None:
    encoder, place = WordEncoder(), RemoteFolder(str(tmp_path / "shards"))
    shard = whole(folder)
    with ShardBuilder(encoder, place, RECIPE) as maker:
        made = maker.build(shard)
    assert place.names() == [shard.name]
    content = read_shard(place.read(shard.name), RECIPE)
    assert content is not None
    assert encoder.encoded == [
        "Ferries\n\nThe ferry sails at nine. It is green.",
        "Ferries\n\nThe ferry sails at nine. It is late.",
    ]
    assert made == BuiltShard(shard.key, 3, 2, False)
    assert list(content.counts) == [1, 1, 0]
    outcomes = dict(content.outcomes)
    articles = [outcome for outcome in outcomes.values() if isinstance(outcome, Article)]
    assert articles == list(read_articles([folder]).articles)
    assert str(outcomes["c.txt"]) == "is empty"


def test_its_passages_are_those_of_a_generation(folder: Path, tmp_path: Path) -> None:
    sentence = " ".join(f"word{n}" for n in range(60))  # longer than a passage may be
    (folder / "d.txt").write_text(f"{sentence}. And so on.\n\nAnd so forth.", encoding="utf-8")
    place, shard = RemoteFolder(str(tmp_path / "shards")), whole(folder)
    with ShardBuilder(WordEncoder(), place, RECIPE) as maker:
        maker.build(shard)
    content = read_shard(place.read(shard.name), RECIPE)
    assert content is not None
    plan = plan_generation(read_articles([folder]).articles, WordEncoder())
    expected = WordEncoder().encode_passages(list(plan.passage_texts()))
    assert 0 in expected.counts  # the rest of the long sentence
    order = [content.digests.tolist().index(digest) for digest in plan.digests.tolist()]
    read = content.passages.take(np.array(order))
    for name in ("counts", "vectors", "lengths", "token_counts", "tokens"):
        np.testing.assert_array_equal(getattr(read, name), getattr(expected, name), err_msg=name)
    assert len(content.passages) == len(expected)


def test_a_shard_that_is_there_is_not_made_again_unless_it_is_damaged(folder: Path, tmp_path: Path) -> None:
    encoder, place = WordEncoder(), RemoteFolder(str(tmp_path / "shards"))
    shard = whole(folder)
    with ShardBuilder(encoder, place, RECIPE) as maker:
        maker.build(shard)
        sound = place.read(shard.name)
        encoder.encoded.clear()
        assert maker.build(shard) == BuiltShard(shard.key, 3, 0, True)
        assert encoder.encoded == []
        place.write(shard.name, sound[:-9])
        assert maker.build(shard) == BuiltShard(shard.key, 3, 2, False)
    assert place.read(shard.name) == sound
