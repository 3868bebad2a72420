"""Which files go together, and what a shard's key stands for."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from corpus.article import identifier
from corpus.sources.listing import Listed, listed_files
from corpus.sources.remote import RemoteFolder
from index.engine.shards import ShardKeyInputs, code_digest, key_inputs_of, shard_from_json, split_into_shards
from tests.support.fakes import WordEncoder
from tests.support.repository import ROOT

CORPUS = ROOT / "corpus"
RECIPE = ShardKeyInputs("f" * 64, 32, 8, 24, "torch", "c" * 64)
FILES = [Listed(f"in/{n:03}.md", "/articles", f"in/{n:03}.md", 100, f"written at {n}") for n in range(200)]


def keys(files: list[Listed], recipe: ShardKeyInputs = RECIPE) -> set[str]:
    return {shard.key for shard in split_into_shards(files, recipe, average=4)}


def test_every_file_that_can_be_read_is_in_one_shard_in_order_of_the_ids() -> None:
    skipped = Listed("x.png", "/articles", "x.png", reason="not an article: .png")
    shards = split_into_shards([*reversed(FILES), skipped], RECIPE, average=4)
    sources = [file.source for shard in shards for file in shard.files]
    assert sorted(sources) == [file.source for file in FILES]
    assert sources == sorted(sources, key=identifier)
    assert 30 <= len(shards) <= 75  # 50 on average
    assert len({shard.name for shard in shards}) == len(shards)


def test_a_shard_ends_at_32_megabytes_at_the_latest() -> None:
    assert [len(one.files) for one in split_into_shards(FILES[:20], RECIPE, average=1)] == [1] * 20
    # None of these ends a shard by its own hash where one in 2**40 does.
    whole = split_into_shards(FILES, RECIPE, average=1 << 40)
    assert [len(one.files) for one in whole] == [200]
    large = [replace(file, size=16_000_000) for file in FILES[:5]]
    assert [len(one.files) for one in split_into_shards(large, RECIPE, average=1 << 40)] == [2, 2, 1]


def test_a_shard_ends_at_eight_times_the_average_at_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.engine.shards._ends", lambda file, average: False)
    assert [len(one.files) for one in split_into_shards(FILES, RECIPE, average=10)] == [80, 80, 40]


@pytest.mark.parametrize("place", [0, 57, 199])
def test_a_file_that_comes_goes_or_changes_concerns_its_own_shard_alone(place: int) -> None:
    before = keys(FILES)
    without = keys(FILES[:place] + FILES[place + 1 :])
    # Where it ended a shard, the next one grows by what was before it.
    assert 1 <= len(before - without) <= 2
    assert len(without - before) <= 1
    changed = keys([*FILES[:place], replace(FILES[place], state="written later"), *FILES[place + 1 :]])
    assert (len(before - changed), len(changed - before)) == (1, 1)


@pytest.mark.parametrize("field", [field.name for field in fields(ShardKeyInputs)])
def test_another_recipe_makes_other_shards(field: str) -> None:
    changed: dict[str, Any] = {field: 7 if isinstance(getattr(RECIPE, field), int) else "other"}
    other = replace(RECIPE, **changed)
    assert keys(FILES, other).isdisjoint(keys(FILES))


@pytest.mark.parametrize("field", ["source", "root", "name", "state"])
def test_each_fact_of_a_file_counts(field: str) -> None:
    (one,) = keys(FILES[:1])
    changed: dict[str, Any] = {field: "other"}
    assert keys([replace(FILES[0], **changed)]) != {one}


def test_the_content_counts_where_a_store_tells_nothing_of_when_it_was_written() -> None:
    place = RemoteFolder(f"memory://{secrets.token_hex(8)}")
    place.write("a.md", b"one")
    (listed,) = listed_files([place.address])
    stateless = [replace(listed, state="")]
    first = keys(stateless)
    assert keys(stateless) == first
    place.write("a.md", b"two")
    assert keys(stateless) != first


def test_a_shard_is_sent_as_it_is() -> None:
    odd = [Listed("a\\udcff “ü”.md", "/ü", "a\udcff “ü”.md", 3, "s")]
    for shard in [*split_into_shards(FILES, RECIPE), *split_into_shards(odd, RECIPE)]:
        assert shard_from_json(shard.to_json()) == shard


@pytest.mark.parametrize("package", sorted({"", *(path.parent.name for path in CORPUS.glob("*/*.py"))}))
def test_a_change_in_any_package_of_corpus_changes_the_key(tmp_path: Path, package: str) -> None:
    copy = tmp_path / "corpus"
    shutil.copytree(CORPUS, copy, ignore=shutil.ignore_patterns("articles", "__pycache__"))
    before = code_digest(copy)
    assert before == code_digest(CORPUS) == key_inputs_of(WordEncoder(), "torch").code
    with min((copy / package).glob("*.py")).open("a") as stream:
        stream.write("# changed\n")
    changed = replace(RECIPE, code=code_digest(copy))
    assert changed.code != before
    assert not keys(FILES, changed) & keys(FILES, replace(RECIPE, code=before))


def test_the_recipe_is_of_the_model_and_the_code() -> None:
    recipe = key_inputs_of(WordEncoder(), "torch")
    assert (recipe.fingerprint, recipe.dimension, recipe.token_dimension) == ("f" * 64, 32, 32)
    assert recipe.max_tokens == 24
    assert recipe == key_inputs_of(WordEncoder(), "torch")
    assert len(recipe.code) == 64
    assert key_inputs_of(WordEncoder(), "bf16") != recipe
