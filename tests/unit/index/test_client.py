"""How the client waits, tries again and tells what is wrong; expressions."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from index.engine.address import read_address
from index.engine.client import Milvus, all_of, any_of, one_of
from index.errors import BuildFailed, IndexFailure, Missing, StoreRefused, Unreachable


class LibraryError(Exception):
    """An error of the library, with its code."""

    def __init__(self, code: object, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Scripted(Milvus):
    """A client whose calls end as they are told to, one after the other; the last way goes on for ever."""

    def __init__(self, *ends: object, patience: float = 0.3) -> None:
        super().__init__(read_address("milvus://h:1/a", files="memory://a"), patience=patience)
        self._ends = list(ends)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def _exceptions(self) -> tuple[type[Exception], ...]:
        return LibraryError, OSError, ValueError

    def _connected(self, seconds: float) -> Any:
        return self

    def __getattr__(self, call: str) -> Any:
        def answer(*given: object, **named: Any) -> object:
            self.calls.append((call, named))
            end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
            if isinstance(end, Exception):
                raise end
            return end

        return answer


AWAY = LibraryError(14, "StatusCode.UNAVAILABLE, failed to connect to h:1")
NODE = LibraryError(901, "node not available, channel=by-dev-rootcoord")


def test_what_may_pass_is_tried_again_within_the_limit() -> None:
    client = Scripted(NODE, AWAY, ["a", "b"], patience=5)
    assert client.names() == ["a", "b"]
    assert [call for call, _ in client.calls] == ["list_collections"] * 3
    assert all(0 < named["timeout"] <= 5 for _, named in client.calls)


def test_what_does_not_pass_is_told_without_the_librarys_words() -> None:
    secret = LibraryError(14, "UNAVAILABLE: token hunter2 of ann at 10.9.8.7, expression: 'a question'")
    with pytest.raises(Unreachable, match=r"the engine at milvus://h:1/a does not answer") as told:
        Scripted(secret).names()
    assert not {"hunter2", "10.9.8.7", "question"} & {word.strip(":,'") for word in str(told.value).split()}


def test_nobody_waits_long_for_an_engine_known_to_be_away(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Scripted(AWAY, patience=0.4)
    monkeypatch.setattr("index.engine.client.PROBE_TIMEOUT", 0.1)
    with pytest.raises(Unreachable):
        client.names()
    first = len(client.calls)
    with pytest.raises(Unreachable):
        client.names()
    assert [named["timeout"] <= 0.1 for _, named in client.calls[first:]] == [True] * (
        len(client.calls) - first
    )
    client._ends = [["a"]]
    assert client.names() == ["a"]
    client.names()
    assert client.calls[-1][1]["timeout"] > 0.1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (LibraryError(100, "can't find collection[database=default][collection=a]"), Missing),
        (LibraryError(65535, "can't find collection: a"), Missing),
        (LibraryError(16, "UNAUTHENTICATED: auth check failure"), StoreRefused),
        (LibraryError(1100, "invalid expression"), Unreachable),
    ],
)
def test_what_no_other_try_would_mend_is_told_at_once(error: LibraryError, kind: type[IndexFailure]) -> None:
    client = Scripted(error, patience=60)
    with pytest.raises(kind):
        client.names()
    assert len(client.calls) == 1


def pending(*rows: int) -> list[dict[str, int]]:
    return [{"pending_index_rows": count} for count in rows]


def test_an_index_may_take_as_long_as_it_gets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.engine.client.INDEXING_TIMEOUT", 1.5)
    monkeypatch.setattr("index.engine.client._LONGEST_PAUSE", 0.03)
    getting_on = Scripted(None, *pending(9, 9, 8, 8, 7, 7, 6, 6, 0), None, [{"count(*)": 9}])
    assert getting_on.seal("a") == 9
    to_and_fro = pending(*[9, 8] * 99)
    with pytest.raises(BuildFailed, match=r"stopped indexing: [89] rows to go; see its log"):
        Scripted(None, *to_and_fro).seal("a")


def test_a_collection_that_was_released_is_loaded_and_asked_again() -> None:
    client = Scripted(LibraryError(101, "collection not loaded"), None, [{"id": 7}], patience=5)
    assert client.get("a", "id == 7", ("id",), limit=1) == [{"id": 7}]
    assert [call for call, _ in client.calls] == ["query", "load_collection", "query"]
    assert all(named["timeout"] <= 5 for _, named in client.calls)  # a question waits no longer for that
    with pytest.raises(Unreachable):
        Scripted(LibraryError(101, "collection not loaded")).load("a")


def test_an_alias_is_made_once_and_moved_then() -> None:
    client = Scripted(LibraryError(100, "can't find collection"), None)
    client.point("a", "a__gen_1_ff")
    moved = Scripted({"collection_name": "a__gen_1_ff"}, None)
    moved.point("a", "a__gen_2_ff")
    assert [call for call, _ in client.calls] == ["describe_collection", "create_alias"]
    assert [call for call, _ in moved.calls] == ["describe_collection", "alter_alias"]


def test_a_collection_of_somebody_else_is_not_taken_for_an_alias() -> None:
    with pytest.raises(StoreRefused, match=r"names a collection that Pullquote did not make"):
        Scripted({"collection_name": "a"}).alias_target("a")


def test_expressions_are_made_of_numbers_and_joined() -> None:
    assert any_of("years", [2]) == "array_contains_any(years, [2])"
    assert one_of("id", [1, 3]) == "id in [1, 3]"
    assert all_of(["a in [1]", "b in [2]"]) == "(a in [1]) and (b in [2])"
    assert all_of([]) == ""


def test_without_the_library_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pymilvus", "grpc"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(StoreRefused, match=r"make setup ENGINE=1"):
        Milvus(read_address("milvus://h:1/a", files="memory://a")).names()
