"""Collects the shards of a corpus, has missing ones built, and joins them to one Reading.

    files -> shards -> missing ones built, on any machines -> a Reading, and encoded passages

The Reading is what `corpus.read` returns for the same files in the same order; the passages go to
`index.building.build`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from corpus.article import Unreadable
from corpus.read import Reading, collect
from corpus.sandbox.pool import Outcome
from corpus.sources.listing import Listed
from corpus.sources.remote import RemoteFolder
from index.building.embed import Block
from index.engine.shard_file import ShardContent, check_parquet, read_shard
from index.engine.shards import AVERAGE, Shard, ShardKeyInputs, split_into_shards
from index.errors import BuildFailed

BuildShards = Callable[[Sequence[Shard]], None]
"""Builds the missing shards and stores them in the folder."""

_TRIES = 2  # a shard that cannot be read back is built once more


@dataclass(frozen=True, slots=True)
class CollectedShards:
    """The articles of all files, their shards, and how many of these were built now."""

    reading: Reading
    shards: Sequence[Shard]
    built: int
    folder: RemoteFolder
    inputs: ShardKeyInputs

    def blocks(self) -> Iterator[Block]:
        """Digests of the passages and what was made of them, one shard in memory at a time.

        Raises BuildFailed: a shard was changed or removed meanwhile.
        """
        for shard in self.shards:
            content = _read(shard, self.folder, self.inputs)
            if content is None:
                raise BuildFailed(f"{shard.name} was changed or removed in {self.folder.address} meanwhile")
            yield content.digests, content.passages


def collect_shards(
    files: Sequence[Listed],
    inputs: ShardKeyInputs,
    folder: RemoteFolder,
    build: BuildShards,
    *,
    average: int = AVERAGE,
) -> CollectedShards:
    """Read and encode these files through `build`; a shard has about `average` of them.

    Raises:
        BuildFailed: pyarrow is missing, or a built shard cannot be read back.
        Unreached: the files, or the folder of shards.
    """
    check_parquet()
    shards = split_into_shards(files, inputs, average=average)
    built: set[str] = set()
    for _ in range(_TRIES):
        stored = set(folder.names())
        missing = [shard for shard in shards if shard.name not in stored]
        if missing:
            build(missing)
            built.update(shard.key for shard in missing)
        outcomes, unsound = _outcomes(shards, folder, inputs)
        if not unsound:
            folder.sweep({shard.name for shard in shards})
            ordered = _in_order(files, outcomes)
            return CollectedShards(collect(ordered), shards, len(built), folder, inputs)
        for shard in unsound:
            folder.remove(shard.name)
    raise BuildFailed(
        f"{len(unsound)} shards cannot be read back from {folder.address}, {unsound[0].name} among them; "
        f"give --shards a folder or address that each node reaches"
    )


def _outcomes(
    shards: Sequence[Shard], folder: RemoteFolder, inputs: ShardKeyInputs
) -> tuple[dict[str, Outcome], list[Shard]]:
    """The outcome of each file by source, and the shards that are missing or damaged."""
    outcomes: dict[str, Outcome] = {}
    unsound: list[Shard] = []
    for shard in shards:
        content = _read(shard, folder, inputs)
        if content is None:
            unsound.append(shard)
        else:
            outcomes.update(content.outcomes)
    return outcomes, unsound


def _read(shard: Shard, folder: RemoteFolder, inputs: ShardKeyInputs) -> ShardContent | None:
    try:
        content = read_shard(folder.read(shard.name), inputs)
    except FileNotFoundError:
        return None
    if content and [source for source, _ in content.outcomes] == [file.source for file in shard.files]:
        return content
    return None


def _in_order(files: Sequence[Listed], outcomes: dict[str, Outcome]) -> Iterator[tuple[str, Outcome]]:
    for file in files:
        yield file.source, Unreadable(file.reason) if file.reason else outcomes[file.source]
