"""Gathering: what is at a place is made whole, and then read as if one machine had read it all.

    files -> shards, those that are there left out -> made, somewhere -> a Reading, and vectors by text

The Reading is the one that `corpus.read` gives of the same files, in the same order; the vectors go to
`index.building.build`, which checks and publishes as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from corpus.article import Unreadable
from corpus.read import Reading, gathered
from corpus.sandbox.pool import Outcome
from corpus.sources.listing import Listed
from corpus.sources.remote import RemoteFolder
from index.building.embed import Block
from index.engine.shard_file import ShardContent, check_parquet, read_shard
from index.engine.shards import Shard, ShardKeyInputs, shards_of
from index.errors import BuildFailed

Run = Callable[[Sequence[Shard]], None]
"""Makes shards and puts them at the place. Called with those alone that are not there."""

TRIES = 2  # one that cannot be read back is made once more


@dataclass(frozen=True, slots=True)
class CollectedShards:
    """What all files came to, and how many shards were there before and made for it."""

    reading: Reading
    shards: Sequence[Shard]
    made: int
    place: RemoteFolder
    recipe: ShardKeyInputs

    def blocks(self) -> Iterator[Block]:
        """Digests and vectors of the texts, a shard at a time; read again, so that few are in memory.

        Raises:
            BuildFailed: a shard was changed or removed since.
        """
        for shard in self.shards:
            content = _read(shard, self.place, self.recipe)
            if content is None:
                raise BuildFailed(f"{shard.name} was changed or removed in {self.place.address} meanwhile")
            yield content.digests, content.vectors


def gather(
    files: Sequence[Listed],
    recipe: ShardKeyInputs,
    place: RemoteFolder,
    run: Run,
    *,
    average: int | None = None,
) -> CollectedShards:
    """Everything in these files. `average` is how many of them a shard has, more or less.

    Raises:
        BuildFailed: pyarrow is missing, or what was made cannot be found or read where it should be.
        Unreached: the files or the place.
    """
    check_parquet()
    shards = shards_of(files, recipe, average=average) if average else shards_of(files, recipe)
    made: set[str] = set()
    for _ in range(TRIES):
        there = set(place.names())
        missing = [shard for shard in shards if shard.name not in there]
        if missing:
            run(missing)
            made.update(shard.key for shard in missing)
        outcomes, unsound = _outcomes(shards, place, recipe)
        if not unsound:
            place.sweep({shard.name for shard in shards})
            ordered = _in_order(files, outcomes)
            return CollectedShards(gathered(ordered), shards, len(made), place, recipe)
        for shard in unsound:
            place.remove(shard.name)
    raise BuildFailed(
        f"{len(unsound)} shards cannot be read back from {place.address}, {unsound[0].name} among them; "
        f"give --shards a folder or address that each node reaches"
    )


def _outcomes(
    shards: Sequence[Shard], place: RemoteFolder, recipe: ShardKeyInputs
) -> tuple[dict[str, Outcome], list[Shard]]:
    """What came of each file by its source, and the shards that are not there or not sound."""
    outcomes: dict[str, Outcome] = {}
    unsound: list[Shard] = []
    for shard in shards:
        content = _read(shard, place, recipe)
        if content is None:
            unsound.append(shard)
        else:
            outcomes.update(content.outcomes)
    return outcomes, unsound


def _read(shard: Shard, place: RemoteFolder, recipe: ShardKeyInputs) -> ShardContent | None:
    try:
        content = read_shard(place.read(shard.name), recipe)
    except FileNotFoundError:
        return None
    if content and [source for source, _ in content.outcomes] == [file.source for file in shard.files]:
        return content
    return None


def _in_order(files: Sequence[Listed], outcomes: dict[str, Outcome]) -> Iterator[tuple[str, Outcome]]:
    for file in files:
        yield file.source, Unreadable(file.reason) if file.reason else outcomes[file.source]
