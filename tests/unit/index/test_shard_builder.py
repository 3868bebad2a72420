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
from index.engine.shard_builder import BuiltShard, ShardBuilder, distinct_texts
from index.engine.shard_file import read_shard
from index.engine.shards import Shard, key_inputs_of, split_into_shards
from tests.support.fakes import WordEncoder, article

FERRY = article("ferry", "The ferry sails. It is green. It is late.", "Nobody waits.", heading="Ferries")
LONG = article("long", " ".join(f"word{n}" for n in range(60)) + ". And so on.")
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


def test_an_article_has_the_texts_that_a_generation_gives_vectors() -> None:
    encoder = WordEncoder()
    for articles in ([FERRY], [LONG], [FERRY, LONG]):
        laid = plan_generation(articles, encoder)
        texts = {digest: text for one in articles for digest, text in distinct_texts(one, encoder).items()}
        assert len(laid.digests) == len(laid.texts)
        assert texts == {digest.tobytes(): laid.texts[row] for row, digest in enumerate(laid.digests)}


def test_a_shard_holds_each_outcome_and_each_text_once(folder: Path, tmp_path: Path) -> None:
    encoder, place = WordEncoder(), RemoteFolder(str(tmp_path / "shards"))
    shard = whole(folder)
    with ShardBuilder(encoder, place, RECIPE) as maker:
        made = maker.build(shard)
    assert place.names() == [shard.name]
    content = read_shard(place.read(shard.name), RECIPE)
    assert content is not None
    # a: the heading, two sentences, their window, the heading's, the passage. b shares three of these.
    assert sorted(encoder.encoded) == sorted(
        [
            "Ferries",
            "The ferry sails at nine.",
            "It is green.",
            "The ferry sails at nine. It is green.",
            "Ferries\n\nThe ferry sails at nine.",
            "Ferries\n\nThe ferry sails at nine. It is green.",
            "It is late.",
            "The ferry sails at nine. It is late.",
            "Ferries\n\nThe ferry sails at nine. It is late.",
        ]
    )
    assert made == BuiltShard(shard.key, 3, 9, False)
    assert list(content.counts) == [6, 3, 0]
    outcomes = dict(content.outcomes)
    articles = [outcome for outcome in outcomes.values() if isinstance(outcome, Article)]
    assert articles == list(read_articles([folder]).articles)
    assert str(outcomes["c.txt"]) == "is empty"
    np.testing.assert_array_equal(content.vectors, WordEncoder().encode(encoder.encoded))


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
        assert maker.build(shard) == BuiltShard(shard.key, 3, 9, False)
    assert place.read(shard.name) == sound
