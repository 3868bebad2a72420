"""The cookie of a browser that has logged in: ours, whole, and not over."""

from __future__ import annotations

from web.access.sessions import SESSION_SECONDS, Sessions

MARK = "0123456789abcdef01234567"


class Clock:
    time = 1_000.5

    def __call__(self) -> float:
        return self.time


def test_a_session_tells_its_credential_until_it_is_over() -> None:
    clock = Clock()
    sessions = Sessions(clock=clock)
    value = sessions.begin(MARK)
    assert value.startswith(f"{MARK}.")
    assert sessions.credential_id(value) == MARK
    clock.time += SESSION_SECONDS - 1
    assert sessions.credential_id(value) == MARK
    clock.time += 1
    assert sessions.credential_id(value) == ""


def test_no_other_value_is_taken() -> None:
    sessions = Sessions(clock=Clock())
    value = sessions.begin(MARK)
    changed = [
        value[:place] + ("0" if one != "0" else "1") + value[place + 1 :] for place, one in enumerate(value)
    ]
    unsigned = value.rpartition(".")[0]
    others = [
        *changed,
        unsigned,
        f"{unsigned}.",
        value + "0",
        f" {value}",
        value.upper(),
        "",
        "...",
        "é" * 50,
    ]
    others += [Sessions(clock=Clock()).begin(MARK)]  # signed in another process
    assert len(others) > 110
    assert {sessions.credential_id(other) for other in others} == {""}


def test_logging_out_ends_every_copy_and_no_other() -> None:
    sessions = Sessions(clock=Clock(), logged_out=1)
    first, other = sessions.begin(MARK), sessions.begin(MARK)
    for value in (first, first, "nonsense", Sessions(clock=Clock()).begin(MARK)):
        sessions.end(value)  # no value but a session's own takes up a place
    assert (sessions.credential_id(first), sessions.credential_id(other)) == ("", MARK)
