"""What becomes of a sound file by chance: bytes turned, parts lost, doubled, moved, words of its format.

The same seed gives the same files on every machine.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence

from fuzz.seeds import seeds, zipped

# What a format gives a meaning to, so that chance finds more than broken spelling.
_WORDS: dict[str, Sequence[bytes]] = {
    "txt": (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xcc\x81", b"\xe2\x80\xae"),
    "md": (b"---\n", b"[^1]:", b"> ", b"```", b"|", b"*", b"&a *a", b"<div>", b"![", b"\x00", b": ["),
    "html": (b"<table>", b"</p>", b"<!--", b"&#xD800;", b"<script>", b"\x00", b"&#0;", b"<svg>", b"<li>"),
    "pdf": (
        b"2147483647",
        b"-1",
        b"<<",
        b"[",
        b"endstream",
        b"/Kids[2 0 R]",
        b"/Filter/LZWDecode",
        b"(((",
        b"R",
    ),
    "docx": (
        b"PK\x03\x04",
        b"\xff\xff\xff\xff",
        b"<!DOCTYPE a>",
        b"<w:tbl>",
        b"&#xD800;",
        b"]]>",
        b"../",
        b"&a;",
    ),
}
_NUMBER = re.compile(rb"\d+")
_NUMBERS = (b"0", b"1", b"-1", b"255", b"65536", b"2147483648", b"4294967295", b"9" * 30)
Alter = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def altered(kind: str, count: int, *, seed: int) -> Iterator[bytes]:
    """So many files of a format, each a sound one altered in one to eight places."""
    dice = random.Random(f"{kind} {seed}")
    sound = seeds()[kind]
    for _ in range(count):
        whole = dice.choice(sound)
        # Within a packed archive chance finds broken packing only.
        if kind == "docx" and dice.random() < 0.6:
            yield _altered_part(whole, dice)
        else:
            yield _altered(whole, dice, _WORDS[kind])


def _altered(whole: bytes, dice: random.Random, words: Sequence[bytes]) -> bytes:
    raw = bytearray(whole)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        dice.choice(_ALTERATIONS)(raw, dice, words)
        if not raw:
            break
    return bytes(raw)


def _altered_part(whole: bytes, dice: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice(sorted(parts))
    return zipped({**parts, name: _altered(parts[name], dice, _WORDS["docx"])})


def _turn(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)


def _random(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    start = dice.randrange(len(raw))
    raw[start : start + dice.choice((1, 4))] = dice.randbytes(dice.choice((1, 4, 40)))


def _say(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    start = dice.randrange(len(raw))
    raw[start:start] = dice.choice(words) * dice.choice((1, 1, 3, 200))


def _number(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    matches = list(_NUMBER.finditer(raw))
    if matches:
        first, last = dice.choice(matches).span()
        raw[first:last] = dice.choice(_NUMBERS)


def _lose(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    start = dice.randrange(len(raw))
    del raw[start : start + dice.choice((1, 7, 60))]


def _double(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    start = dice.randrange(len(raw))
    raw[start:start] = raw[start : start + dice.choice((5, 50))] * dice.choice((1, 2, 50))


def _move(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    start = dice.randrange(len(raw))
    part = raw[start : start + 40]
    del raw[start : start + 40]
    position = dice.randrange(len(raw) + 1)
    raw[position:position] = part


def _cut(raw: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    if dice.random() < 0.3:
        del raw[dice.randrange(len(raw)) :]


_ALTERATIONS: tuple[Alter, ...] = (_turn, _random, _say, _say, _number, _lose, _double, _move, _cut)
