"""Shards: a corpus cut into parts that are read and encoded apart, on whichever machine, and kept.

A shard is a few files. Its key is the hash of what goes into it: each file's source and state, the model's
fingerprint, the settings and the code that reads. So what is kept under a key is never out of date, and who
builds again makes only what is not there yet.

Where one shard ends is a matter of the file before the cut alone, so that a file that comes or goes changes
its own shard and no other. With one file in two ending a shard, and b and d those that do:

    a b c d e  ->  [a b] [c d] [e]        without a  ->  [b] [c d] [e]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from corpus.article import identifier
from corpus.sources.listing import Listed
from index.embedding.encoder import Encoder

FORMAT = 1
AVERAGE = 16
"""Files of a shard, where most have a few pages: about half a minute of one core's work."""

_MOST = 8  # times the average that a shard holds at most
_MOST_BYTES = 32_000_000
_KEY = 40  # letters of the hash in a name


@dataclass(frozen=True, slots=True)
class ShardKeyInputs:
    """What decides, besides the files, what is in a shard: a shard of another recipe is no use.

    `code` is the SHA-256 of the code that reads and splits; `backend` is the one asked for.
    """

    fingerprint: str
    dimension: int
    max_tokens: int
    backend: str
    code: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Shard:
    """Files that are read and encoded together, in order of the ids of their articles."""

    key: str
    files: tuple[Listed, ...]

    @property
    def name(self) -> str:
        """The name it is kept under."""
        return f"{self.key}.parquet"

    def to_json(self) -> str:
        """As JSON, to be sent to another machine."""
        return json.dumps([self.key, [asdict(file) for file in self.files]])


def read_spelt(spelt: str) -> Shard:
    """What `Shard.spelt` spelt."""
    key, files = json.loads(spelt)
    return Shard(key, tuple(Listed(**fields) for fields in files))


def recipe_of(encoder: Encoder, backend: str) -> ShardKeyInputs:
    """The recipe of what this machine would make now."""
    return ShardKeyInputs(
        fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        max_tokens=encoder.max_tokens,
        backend=backend,
        code=_code(),
    )


def shards_of(files: Sequence[Listed], recipe: ShardKeyInputs, *, average: int = AVERAGE) -> list[Shard]:
    """The files that are to be read, in shards, in the order of the ids their articles will have.

    That is the order of a generation: its vectors are later taken out of one shard after the other.
    """
    wanted = sorted((file for file in files if not file.reason), key=lambda file: identifier(file.source))
    return [Shard(_key(group, recipe), tuple(group)) for group in _groups(wanted, average)]


def _groups(files: Sequence[Listed], average: int) -> Iterator[list[Listed]]:
    group: list[Listed] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.size
        if _ends(file, average) or len(group) == _MOST * average or size >= _MOST_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _ends(file: Listed, average: int) -> bool:
    digest = hashlib.sha256(file.source.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") % average == 0


def _key(files: Sequence[Listed], recipe: ShardKeyInputs) -> str:
    states = [(file.source, file.root, file.name, file.size, _state(file)) for file in files]
    return hashlib.sha256(json.dumps([asdict(recipe), states]).encode()).hexdigest()[:_KEY]


def _state(file: Listed) -> str:
    """What changes with the content; where a store tells nothing that does, the content's hash."""
    return file.state or hashlib.sha256(file.raw()).hexdigest()


def _code() -> str:
    """The SHA-256 of the room that reads, cleans and splits."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[2].joinpath("corpus").rglob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
