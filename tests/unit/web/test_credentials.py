"""Passwords and keys as a file keeps them: hashed, for its owner alone, read again when it changes."""

from __future__ import annotations

import base64
import json
import re
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from index.storage.durable_io import exclusive_lock
from web.access.credentials import FILE, Keyring, Kind, add, load, remove
from web.errors import AccessRefused

PASSWORD = "correct hörse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / FILE


def test_a_key_is_its_name_and_a_secret_that_is_kept_nowhere(path: Path) -> None:
    key = add(path, "reports")
    assert re.fullmatch(r"reports\.[\w-]{43}", key)
    assert key.split(".")[1] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [(one.name, one.kind) for one in load(path)] == [("reports", Kind.KEY)]
    assert sorted(entry.name for entry in path.parent.iterdir()) == [FILE, f"{FILE}.lock"]


def test_digests_are_scrypts_of_rfc_7914(path: Path) -> None:
    """The first vector's shape with our numbers: the same salt and secret give the same 64 bytes anywhere."""
    import hashlib

    add(path, "staff", PASSWORD)
    (written,) = json.loads(path.read_text())["credentials"]
    salt, digest = (base64.b64decode(written[name]) for name in ("salt", "digest"))
    assert (len(salt), len(digest)) == (16, 64)
    assert digest == hashlib.scrypt(PASSWORD.encode(), salt=salt, n=16_384, r=8, p=1)


def test_who_is_let_in_and_who_is_not(path: Path) -> None:
    key = add(path, "reports")
    add(path, "staff", PASSWORD)
    ring = Keyring(path)
    right = [(Kind.KEY, key, "reports"), (Kind.PASSWORD, PASSWORD, "staff")]
    assert [ring.authenticate(kind, secret).name for kind, secret, _ in right] == ["reports", "staff"]  # type: ignore[union-attr]
    # The same password, typed on a keyboard that sends an accent by itself.
    assert ring.authenticate(Kind.PASSWORD, "correct ho\u0308rse battery") is not None
    wrong = [
        *((Kind.KEY, secret) for secret in (PASSWORD, key + "x", key[:-1], "reports.", "reports", ".", "")),
        *((Kind.PASSWORD, secret) for secret in (key, PASSWORD.upper(), PASSWORD + " ", "", "x" * 100_000)),
        (Kind.KEY, "\ud800"),
        (Kind.KEY, key.replace("reports", "other")),
    ]
    assert [ring.authenticate(kind, secret) for kind, secret in wrong] == [None] * len(wrong)


def test_a_secret_that_was_right_is_known_again_without_scrypt(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = add(path, "reports")
    ring = Keyring(path)
    assert ring.cached(Kind.KEY, key) is None
    assert ring.authenticate(Kind.KEY, key) is not None
    assert ring.authenticate(Kind.KEY, key + "x") is None
    monkeypatch.setattr("hashlib.scrypt", None)
    assert ring.cached(Kind.KEY, key) == load(path)[0]
    assert ring.cached(Kind.KEY, key + "x") is None
    assert len(ring._accepted) == 1


def test_what_is_remembered_is_remembered_of_its_kind(path: Path) -> None:
    key = add(path, "reports")
    add(path, "staff", PASSWORD)
    ring = Keyring(path)
    for kind, secret in ((Kind.KEY, key), (Kind.PASSWORD, PASSWORD)):
        assert ring.authenticate(kind, secret) is not None
    assert [ring.cached(kind, secret) is not None for kind in Kind for secret in (PASSWORD, key)] == [
        *(True, False),
        *(False, True),
    ]


def test_a_known_and_an_unknown_name_take_one_time(path: Path) -> None:
    """Measured in turn, the fastest of each: what else the machine does slows both."""
    add(path, "reports")
    ring = Keyring(path)

    def seconds(secret: str) -> float:
        started = time.perf_counter()
        assert ring.authenticate(Kind.KEY, secret) is None
        return time.perf_counter() - started

    rounds = [(seconds("reports.x"), seconds("nobody.x")) for _ in range(8)]
    known, unknown = map(min, zip(*rounds, strict=True))
    print(f"\nknown {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms")
    assert 1 / 3 < known / unknown < 3
    # Nor does the kind of secret there is none of.
    assert seconds("x") / min(seconds("reports.x") for _ in range(3)) > 1 / 3


def test_what_is_removed_is_over_at_once(path: Path) -> None:
    key = add(path, "reports")
    add(path, "staff", PASSWORD)
    ring = Keyring(path)
    known = ring.authenticate(Kind.KEY, key)
    assert known is not None
    assert ring.still_valid(known.credential_id)
    remove(path, "reports")
    assert ring.cached(Kind.KEY, key) is None
    assert ring.authenticate(Kind.KEY, key) is None
    assert not ring.still_valid(known.credential_id)
    # One of the same name is another one.
    assert add(path, "reports") != key
    assert not ring.still_valid(known.credential_id)


@pytest.mark.parametrize("after", ["gone", "broken", "readable"])
def test_a_file_that_is_lost_lets_nobody_in(path: Path, after: str) -> None:
    key = add(path, "reports")
    ring = Keyring(path)
    assert ring.authenticate(Kind.KEY, key)
    written = path.read_bytes()
    path.unlink()
    if after != "gone":
        path.write_bytes(written if after == "readable" else written[:-1])
        path.chmod(0o644 if after == "readable" else 0o600)
    assert ring.cached(Kind.KEY, key) is None
    assert ring.authenticate(Kind.KEY, key) is None


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    add(path, "reports")
    path.chmod(mode)
    with pytest.raises(AccessRefused, match=f"{FILE} may be read by others; run `chmod 600 "):
        load(path)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 1, "credentials": [{}]}',
        '{"format": 1, "credentials": 7}',
        '{"format": 1, "credentials": [{"name": "a", "kind": "root", "salt": "", "digest": "", "added": ""}]}',
        '{"format": 1, "credentials": [{"name": "a", "kind": "key", "salt": "?", "digest": "", "added": ""}]}',
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(path: Path, written: str) -> None:
    path.parent.mkdir()
    path.write_text(written)
    path.chmod(0o600)
    with pytest.raises(
        AccessRefused, match="is not as it was written; remove it and run `qa access add NAME`"
    ):
        load(path)


def test_another_format_is_named(path: Path) -> None:
    add(path, "a")
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(AccessRefused, match="has format 2; use the release that wrote it"):
        load(path)


def test_a_service_that_lets_nobody_in_does_not_start(path: Path) -> None:
    with pytest.raises(AccessRefused, match="lets nobody in; run `qa access add NAME`"):
        Keyring(path)
    add(path, "a")
    remove(path, "a")
    with pytest.raises(AccessRefused, match="lets nobody in"):
        Keyring(path)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "../a", "é", "x" * 41, "a\n"])
def test_names_are_plain(path: Path, name: str) -> None:
    with pytest.raises(AccessRefused, match="takes no name such as"):
        add(path, name)
    assert not path.exists()


def test_what_cannot_be_added_or_removed_is_told(path: Path) -> None:
    add(path, "a")
    before = path.read_bytes()
    for name, password, told in (
        ("a", None, "has a already; run `qa access remove a` first"),
        ("b", "eleven char", "takes no password of 11 characters; give 12 or more"),
        ("b", "x" * 1_001, "takes no password of 1001 characters"),
    ):
        with pytest.raises(AccessRefused, match=told):
            add(path, name, password)
    with pytest.raises(AccessRefused, match="has no b; run `qa access list`"):
        remove(path, "b")
    for change in (add, remove):
        with (
            exclusive_lock(path.with_name(f"{FILE}.lock")),
            pytest.raises(AccessRefused, match="is being written by another command"),
        ):
            change(path, "b")
    assert path.read_bytes() == before


def test_commands_at_once_lose_no_credential(path: Path) -> None:
    """A command between another's reading and writing is refused: the last one to write would undo it."""
    names = [f"n{number}" for number in range(20)]

    def try_to_add(name: str) -> bool:
        try:
            add(path, name)
        except AccessRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        added = [name for name, done in zip(names, threads.map(try_to_add, names), strict=True) if done]
    assert sorted(one.name for one in load(path)) == sorted(added)


def test_processes_that_add_and_remove_at_once_undo_nothing_of_each_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlib.scrypt", lambda secret, **_: secret)
    add(path, "a")
    processes = get_context("fork")
    failures = processes.Queue()
    changers = [processes.Process(target=_change_often, args=(path, f"n{n}", failures)) for n in range(4)]
    for changer in changers:
        changer.start()
    for changer in changers:
        changer.join()
    assert [failures.get() for _ in changers] == [""] * 4
    assert sorted(one.name for one in load(path)) == ["a", "n0", "n1", "n2", "n3"]


def _change_often(path: Path, name: str, failures: Queue[str]) -> None:
    """Add the name and remove it, fifteen times; then add it. Reports what another process undid."""
    try:
        for _ in range(15):
            _until_free(lambda: add(path, name))
            _until_free(lambda: remove(path, name))
        _until_free(lambda: add(path, name))
    except AccessRefused as error:
        return failures.put(str(error))
    failures.put("")


def _until_free(change: Callable[[], object]) -> None:
    while True:
        try:
            change()
        except AccessRefused as error:
            if "another command" not in str(error):
                raise
        else:
            return


def test_what_a_crash_left_does_not_stop_the_next_command(path: Path) -> None:
    add(path, "a")
    path.with_name(f"{FILE}.tmp").write_text("half")
    add(path, "b")
    assert [one.name for one in load(path)] == ["a", "b"]
