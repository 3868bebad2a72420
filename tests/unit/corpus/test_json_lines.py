from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.json_lines import JsonLinesError, number_lines, numbered_lines, numbered_objects, parsed


def test_lines_are_numbered_and_end_at_a_line_feed_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"a": "x\u2028y"}\r\n\n  \n{"b": 1}'.encode())
    assert numbered_lines(path, advice="") == [(1, '{"a": "x\u2028y"}'), (4, '{"b": 1}')]
    assert list(numbered_objects(path, advice="")) == [(1, {"a": "x\u2028y"}), (4, {"b": 1})]


def test_a_stream_is_numbered_line_by_line() -> None:
    def stream() -> Iterator[str]:
        yield "\n"
        yield '{"a": 1}\n'
        raise AssertionError("read further than was asked for")

    number, line = next(number_lines(stream()))
    assert (number, parsed(line)) == (2, {"a": 1})


@pytest.mark.parametrize("line", ["", "{", "[]", "5", "null", "[" * 9_999])
def test_what_is_no_object_is_none(line: str) -> None:
    assert parsed(line) is None


def test_a_fault_has_its_place_and_advice(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with pytest.raises(JsonLinesError, match=r"a.jsonl: cannot be read: No such file or directory; do this"):
        numbered_lines(path, advice="do this")
    path.write_bytes(b"\xff")
    with pytest.raises(JsonLinesError, match="it is not UTF-8; do this"):
        numbered_lines(path, advice="do this")
    path.write_text("{}\n5")
    with pytest.raises(JsonLinesError, match=r"a.jsonl, line 2: is not a JSON object"):
        list(numbered_objects(path, advice=""))
