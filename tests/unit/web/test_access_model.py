"""Access under any history: a model by hand beside the real credentials, sessions and throttle."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from tests.support.tiers import samples
from web.access.authentication import Authenticator
from web.access.credentials import FILE, Credential, Keyring, Kind, add, load, remove
from web.access.rate_limits import MAX_PEER_TRIES, MAX_TRIES, GuessLimit
from web.access.sessions import SESSION_SECONDS, Sessions
from web.errors import AccessRefused
from web.http.client import Client

NAMES = ("reports", "staff", "board")
PASSWORDS = ("correct horse battery", "reports.of the board")
PEERS = ("192.0.2.1", "192.0.2.2")


class Bucket:
    """Tokens of one client in exact fractions; the clock counts whole seconds."""

    def __init__(self, limit: int, now: int) -> None:
        self.limit, self.tokens, self.counted = limit, Fraction(limit), now

    def wait(self, now: int) -> int:
        self.tokens = min(Fraction(self.limit), self.tokens + Fraction((now - self.counted) * self.limit, 60))
        self.counted = now
        return 0 if self.tokens >= 1 else ceil((1 - self.tokens) * 60 / self.limit)


@dataclass
class Session:
    cookie: str
    credential_id: str
    until: int
    ended: bool = False


class AccessModel(RuleBasedStateMachine):
    """`live` is what must be in the file, in its order; `secrets` holds every secret that ever was."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000
        self.live: dict[str, tuple[Kind, str]] = {}
        self.secrets: list[str] = [*PASSWORDS]
        self.sessions: list[Session] = []
        self.buckets: dict[str, Bucket] = {}
        self.folder = Path(tempfile.mkdtemp())
        self.file = self.folder / FILE

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize()
    def start(self) -> None:
        add(self.file, "first", "the first password")
        self.live["first"] = (Kind.PASSWORD, "the first password")
        self.secrets.append("the first password")
        self.keyring = Keyring(self.file)
        self.authenticator = Authenticator(
            self.keyring,
            sessions=Sessions(clock=lambda: self.now),
            tries=GuessLimit(clock=lambda: self.now),
        )

    @rule(name=st.sampled_from(NAMES), password=st.none() | st.sampled_from(PASSWORDS))
    def add(self, name: str, password: str | None) -> None:
        added = attempted(lambda: add(self.file, name, password))
        assert (added is None) is (name in self.live)
        if added:
            self.record(name, password, added)

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        removed = attempted(lambda: removal(self.file, name))
        assert (removed is not None) is (name in self.live)
        self.live.pop(name, None)

    @rule(
        new=st.sampled_from(NAMES),
        old=st.sampled_from(NAMES),
        password=st.none() | st.sampled_from(PASSWORDS),
    )
    def both_at_once(self, new: str, old: str, password: str | None) -> None:
        """Either may be refused because of the other; what was not refused happened, and nothing else."""
        with ThreadPoolExecutor(2) as threads:
            adding = threads.submit(attempted, lambda: add(self.file, new, password))
            removing = threads.submit(attempted, lambda: removal(self.file, old))
        added, removed = adding.result(), removing.result()
        add_last = old in self.live
        if removed and add_last:
            del self.live[old]
        if added:
            assert new not in self.live
            self.record(new, password, added)
        if removed and not add_last:
            del self.live[old]  # it was the one that was just added

    def record(self, name: str, password: str | None, secret: str) -> None:
        self.live[name] = (Kind.KEY if password is None else Kind.PASSWORD, secret)
        self.secrets.append(secret)

    @rule(kinds=st.permutations(tuple(Kind)), which=st.integers(0), peer=st.sampled_from(PEERS))
    def try_a_secret_as_every_kind(self, kinds: list[Kind], which: int, peer: str) -> None:
        for kind in kinds:
            self.attempt(kind, self.secrets[which % len(self.secrets)], Client(peer, peer))

    @rule(kind=st.sampled_from(Kind), peer=st.sampled_from(PEERS), count=st.integers(1, MAX_TRIES + 2))
    def guess(self, kind: Kind, peer: str, count: int) -> None:
        for number in range(count):
            self.attempt(kind, f"{NAMES[number % 3]}.guess", Client(peer, peer))

    @rule(peer=st.sampled_from(PEERS), networks=st.integers(1, 15))
    def guess_under_other_addresses(self, peer: str, networks: int) -> None:
        for number in range(networks * MAX_TRIES):
            self.attempt(Kind.KEY, "reports.guess", Client(f"198.51.100.{number // MAX_TRIES}", peer))

    @rule(which=st.integers(0))
    def log_out(self, which: int) -> None:
        """No precondition asks for a session: whether there is one may depend on who was first of two at once."""
        if not self.sessions:
            return
        session = self.sessions[which % len(self.sessions)]
        self.authenticator.sessions.end(session.cookie)
        session.ended = session.ended or self.now < session.until

    @rule(seconds=st.sampled_from((1, 5, 6, 59, 60, 3_600, SESSION_SECONDS - 1, SESSION_SECONDS)))
    def let_time_pass(self, seconds: int) -> None:
        self.now += seconds

    def attempt(self, kind: Kind, secret: str, client: Client) -> None:
        """The result is the model's: first the throttle, then who has this secret of this kind."""
        result = asyncio.run(self.authenticator.authenticate(kind, secret, client))
        owner = next((name for name, live in self.live.items() if live == (kind, secret)), None)
        assert self.expected(owner, client) == (result.name if isinstance(result, Credential) else result)
        if isinstance(result, Credential) and kind is Kind.PASSWORD:
            cookie = self.authenticator.sessions.begin(result.credential_id)
            self.sessions.append(Session(cookie, result.credential_id, self.now + SESSION_SECONDS))

    def expected(self, owner: str | None, client: Client) -> str | int:
        peer = self.buckets.setdefault(f"peer {client.peer}", Bucket(MAX_PEER_TRIES, self.now))
        network = self.buckets.setdefault(client.address, Bucket(MAX_TRIES, self.now))
        wait = peer.wait(self.now) or network.wait(self.now)
        if wait:
            return wait
        if owner is None:
            peer.tokens, network.tokens = peer.tokens - 1, network.tokens - 1
        return owner or 0

    @invariant()
    def the_file_holds_what_was_added_and_not_removed(self) -> None:
        written = [(one.name, one.kind) for one in load(self.file)]
        assert written == [(name, kind) for name, (kind, _) in self.live.items()]

    @invariant()
    def sessions_last_as_long_as_they_may(self) -> None:
        live = {one.credential_id for one in load(self.file)}
        for session in self.sessions:
            opened = self.authenticator.sessions.credential_id(session.cookie)
            assert bool(opened) is (not session.ended and self.now < session.until)
            assert self.keyring.still_valid(session.credential_id) is (session.credential_id in live)


def removal(file: Path, name: str) -> str:
    remove(file, name)
    return name


def attempted(change: Callable[[], str]) -> str | None:
    try:
        return change()
    except AccessRefused:
        return None


def quick_digest(password: bytes, *, salt: bytes, **_: int) -> bytes:
    return hashlib.blake2b(password, salt=salt).digest()


@samples("examples", 30, 300, 5_000, seconds=3_600)
def test_kind_throttle_and_revocation_hold_after_any_history(
    examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlib.scrypt", quick_digest)
    run_machine(
        AccessModel,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
