"""Files in pieces: where they lie, and bytes that come back as they went, or not at all."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from index.engine.address import read_address
from index.engine.collections import MilvusStore
from index.engine.files import PIECE, ChunkedFiles, ChunkRange, RemoteBytes, piece_row, places
from index.errors import Altered
from index.generation.manifest import FileDigest


class Shelf:
    """Rows in memory, in the place of the client; `asked` lists the ids of each call."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.asked: list[list[int]] = []

    def upsert(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.rows |= {row["id"]: row for row in rows}

    def get(self, name: str, expression: str, fields: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
        ids = [int(one) for one in expression.removeprefix("id in [").rstrip("]").split(",")]
        self.asked.append(ids)
        assert len(ids) <= limit
        return [self.rows[one] for one in reversed(ids) if one in self.rows]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def pieces(shelf: Shelf) -> ChunkedFiles:
    store = MilvusStore(read_address("milvus://h:1/articles"))
    store.client = shelf  # type: ignore[assignment]
    return ChunkedFiles(store, "gen-1-ff")


def put(pieces: ChunkedFiles, name: str, content: bytes) -> ChunkRange:
    place = ChunkRange(32, len(content))
    pieces.put(
        [piece_row(32 + one, name, content[one * PIECE : (one + 1) * PIECE]) for one in range(place.count)]
    )
    return place


def test_places_follow_from_the_sizes() -> None:
    sizes = {"b.npy": 1, "a.npy": 2 * PIECE + 1, "c.npy": 0, "d.npy": PIECE}
    found = places({name: FileDigest(size, "") for name, size in sizes.items()})
    assert {name: (place.first, place.count) for name, place in found.items()} == {
        "a.npy": (32, 3),
        "b.npy": (35, 1),
        "c.npy": (36, 0),
        "d.npy": (36, 1),
    }


def test_bytes_come_back_whole_and_in_part(pieces: ChunkedFiles) -> None:
    content = random.Random(3).randbytes(2 * PIECE + 77)
    place = put(pieces, "x.npy", content)
    assert b"".join(pieces.read(place)) == content
    for start, end in ((0, 1), (PIECE - 1, PIECE + 1), (PIECE, 2 * PIECE), (0, len(content)), (5, 5)):
        assert pieces.cut(place, start, end) == content[start:end]
        assert RemoteBytes(pieces, place)[start:end].tobytes() == content[start:end]
    assert len(RemoteBytes(pieces, place)) == len(content)


def test_text_stays_readable_in_the_engine_and_fits_a_field(shelf: Shelf, pieces: ChunkedFiles) -> None:
    put(pieces, "articles.jsonl", b'{"title": "Quay"}\n')
    put(pieces, "x.npy", b"\xff" * PIECE)
    assert len(shelf.rows[32]["content"]) == 64_000 < 65_535
    put(pieces, "articles.jsonl", b'{"title": "Quay"}\n')
    assert shelf.rows[32]["content"] == '{"title": "Quay"}\n'


def test_a_piece_is_fetched_once_while_it_is_kept(shelf: Shelf, pieces: ChunkedFiles) -> None:
    place = put(pieces, "articles.jsonl", b"a" * (PIECE + 9))
    pieces.cut(place, 0, 5)
    pieces.cut(place, 3, 9)
    pieces.cut(place, PIECE - 1, PIECE + 3)
    assert shelf.asked == [[32], [33]]


@pytest.mark.parametrize(
    "change",
    [{"content": "QUJD"}, {"content": "no base64!"}, {"sha256": "0" * 64}, {"plain": True, "content": "ABC"}],
)
def test_a_changed_piece_is_refused_and_counted(
    shelf: Shelf, pieces: ChunkedFiles, change: dict[str, object]
) -> None:
    place = put(pieces, "x.npy", b"123456")
    shelf.rows[32] |= change
    with pytest.raises(Altered, match=r"altered: piece 32 of gen-1-ff, of x\.npy, in milvus://h:1/articles"):
        list(pieces.read(place))
    assert pieces._store.refused == 1


def test_a_lost_piece_is_refused(shelf: Shelf, pieces: ChunkedFiles) -> None:
    place = put(pieces, "x.npy", b"123456")
    shelf.rows.clear()
    with pytest.raises(Altered, match="piece 32 of gen-1-ff"):
        pieces.cut(place, 0, 3)
