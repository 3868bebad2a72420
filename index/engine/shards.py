"""Splits a corpus into shards: groups of files that are read and encoded together, on any machine.

The key of a shard is the hash of its inputs: source and state of each file, fingerprint of the model,
settings and reading code. A stored shard is therefore never outdated: a rebuild builds missing shards only.

Whether a file ends a shard depends on its own name, so adding or removing one changes only its own shard. If
b and d end shards:

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

FORMAT = 3
"""Raised when the content of a shard changes its meaning. 3: encoded passages instead of vectors of texts."""
AVERAGE = 16
"""Files per shard; with a few pages each, half a minute of work for one core."""

_MAX_AVERAGES = 8  # files in a shard, in multiples of the average
_MAX_BYTES = 32_000_000
_KEY = 40  # hexadecimal digits


@dataclass(frozen=True, slots=True)
class ShardKeyInputs:
    """What decides the content of a shard besides its files.

    `code` is the SHA-256 of the code that reads and splits; `backend` is the requested one.
    """

    fingerprint: str
    dimension: int
    token_dimension: int
    max_tokens: int
    backend: str
    code: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Shard:
    """Files that are read and encoded together, in order of their article ids."""

    key: str
    files: tuple[Listed, ...]

    @property
    def name(self) -> str:
        """The file name."""
        return f"{self.key}.parquet"

    def to_json(self) -> str:
        """The shard as JSON, for another machine."""
        return json.dumps([self.key, [asdict(file) for file in self.files]])


def shard_from_json(text: str) -> Shard:
    """The shard of `Shard.to_json`."""
    key, files = json.loads(text)
    return Shard(key, tuple(Listed(**fields) for fields in files))


def key_inputs_of(encoder: Encoder, backend: str) -> ShardKeyInputs:
    """The key inputs of shards that this machine would build now."""
    return ShardKeyInputs(
        fingerprint=encoder.fingerprint,
        dimension=encoder.dimension,
        token_dimension=encoder.token_dimension,
        max_tokens=encoder.max_tokens,
        backend=backend,
        code=code_digest(Path(__file__).parents[2] / "corpus"),
    )


def split_into_shards(
    files: Sequence[Listed], inputs: ShardKeyInputs, *, average: int = AVERAGE
) -> list[Shard]:
    """Group the readable files in order of their article ids.

    That is the order of a generation, so its passages are later read from one shard after the other.
    """
    readable = sorted((file for file in files if not file.reason), key=lambda file: identifier(file.source))
    return [Shard(_key(group, inputs), tuple(group)) for group in _groups(readable, average)]


def _groups(files: Sequence[Listed], average: int) -> Iterator[list[Listed]]:
    group: list[Listed] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.size
        if _ends(file, average) or len(group) == _MAX_AVERAGES * average or size >= _MAX_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _ends(file: Listed, average: int) -> bool:
    digest = hashlib.sha256(file.source.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:8], "big") % average == 0


def _key(files: Sequence[Listed], inputs: ShardKeyInputs) -> str:
    states = [(file.source, file.root, file.name, file.size, _state(file)) for file in files]
    return hashlib.sha256(json.dumps([asdict(inputs), states]).encode()).hexdigest()[:_KEY]


def _state(file: Listed) -> str:
    """What changes with the content; the hash of the content if the storage reports no version."""
    return file.state or hashlib.sha256(file.raw()).hexdigest()


def code_digest(package: Path) -> str:
    """The SHA-256 of all Python files of a package, sub-packages included."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
