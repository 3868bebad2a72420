"""Reading processes: what they do to themselves costs one file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.article import Article, CorpusError
from corpus.read import read_articles
from corpus.sandbox.limits import LIMITS, Limits
from corpus.sandbox.pool import AHEAD, Workers
from corpus.sandbox.protocol import article_answer, frame
from corpus.sources.listing import Listed, listed_files
from tests.support.fakes import article
from tests.support.process_leaks import no_leaks
from tests.support.repository import ROOT

# A process that answers a file with what the file says: an answer as bytes, or what to do instead.
STAND_IN = """
import os, signal, struct, sys, time
sys.path.insert(0, {root!r})
from corpus.sandbox.limits import Limits, allow_seconds
from corpus.sandbox.protocol import article_answer, fault_answer, frame, read_question, refusal_answer
from corpus.formats.registry import read_article
from corpus.article import Unreadable
limits = Limits({seconds}, {memory}, {answer})
def take():
    header = sys.stdin.buffer.read(8)
    return sys.stdin.buffer.read(struct.unpack(">Q", header)[0]) if header else None
def say(content):
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
say(frame(b""))
answered = 0
while (asked := take()) is not None:
    number, suffix, source = read_question(asked)
    raw = take()
    allow_seconds(limits)
    act = raw.split(b"!", 1)[1].decode() if raw.startswith(b"!") else ""
    exec(act)
    answered += 1
    try:
        say(frame(article_answer(number, read_article(suffix, raw, source))))
    except Unreadable as error:
        say(frame(refusal_answer(number, str(error))))
"""
SOUND = "The harbour office keeps a ledger of every boat, and nobody has counted page {number}."
DEATHS = {
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", "stopped its reader (SIGSEGV)"),
    "abort": ("os.abort()", "stopped its reader (SIGABRT)"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "stopped its reader (SIGKILL)"),
    "nameless": ("os.kill(os.getpid(), 40)", "stopped its reader (signal 40)"),
    "infinite": (
        "say(frame(article_answer(number, read_article('.txt', b'word ' * 9, source)).replace(b'44', b'Infinity')))",
        "got no article from its reader",
    ),
    "exit": ("os._exit(3)", "stopped its reader (exit code 3)"),
    "error": ("1 / 0", "stopped its reader (exit code 1)"),
    "closes": ("os.close(1); time.sleep(60)", "stopped its reader (SIGKILL)"),
    "spins": ("exec('while 1: pass')", "takes longer than 1 seconds to read; split it"),
    "floods": (
        "say(struct.pack('>Q', 1 << 40)); exec('while 1: say(b\"x\" * 65536)')",
        "holds more than 1 MB of text",
    ),
    "sleeps": ("say(b'\\0' * 3); time.sleep(60)", "takes longer than 1 seconds to read; split it"),
    "babbles": ("say(frame(b'words'))", "got no article from its reader"),
    "nothing": ("say(frame(b''))", "got no article from its reader"),
    "twice": ("say(frame(refusal_answer(number, 'said before')) * 2); time.sleep(.1)", "said before"),
    "faults": ("say(frame(fault_answer(number, 'stopped its reader (KeyError)')))", "stopped its reader (K"),
}


def workers(*, most: int = 2) -> Workers:
    limits = Limits(1, 1 << 30, 1_000_000)
    code = STAND_IN.format(root=str(ROOT), seconds=limits.seconds, memory=limits.memory, answer=limits.answer)
    return Workers(limits=limits, most=most, command=[sys.executable, "-c", code])


def folder_of(folder: Path, **acts: str) -> Path:
    """Three sound files before, between and behind each that makes its process do something."""
    for place, (name, act) in enumerate(acts.items()):
        (folder / f"{place:02}-{name}.txt").write_text(f"!{act}", encoding="utf-8")
        for number in range(3):
            text = SOUND.format(number=10 * place + number)
            (folder / f"{place:02}-~{number}.txt").write_text(text, encoding="utf-8")
    return folder


def test_every_death_costs_one_file_and_is_told(tmp_path: Path) -> None:
    folder_of(tmp_path, **{name: act for name, (act, _) in DEATHS.items()})
    with no_leaks():
        reading = read_articles([tmp_path], workers=workers())
    reasons = {skipped.source[3:-4]: skipped.reason for skipped in reading.skipped}
    outcomes = Counter({"read": len(reading.articles), "refused": len(reasons)})
    print(f"deaths of reading processes: {outcomes['refused']}, files read beside them: {outcomes['read']}")
    assert set(reasons) == set(DEATHS)
    for name, (_, told) in DEATHS.items():
        assert reasons[name].startswith(told), name
    assert [one.source for one in reading.articles] == sorted(
        path.name for path in tmp_path.iterdir() if "~" in path.name
    )
    assert [one.text for one in reading.articles] == [
        SOUND.format(number=10 * place + number) for place in range(len(DEATHS)) for number in range(3)
    ]


def test_without_the_process_a_crash_ends_all(tmp_path: Path) -> None:
    """The test of the test: read in the same process, the first of these files is the end of everything."""
    folder_of(tmp_path, segfault=DEATHS["segfault"][0])
    code = (
        "import os, signal, sys\n"
        "from corpus.sources.listing import listed_files\n"
        "for file in listed_files([sys.argv[1]]):\n"
        "    raw = file.raw()\n"
        "    exec(raw[1:] if raw.startswith(b'!') else b'')\n"
        "    print(file.source)\n"
    )
    pid = os.posix_spawn(
        sys.executable, [sys.executable, "-c", code, str(tmp_path)], {"PYTHONPATH": str(ROOT)}
    )
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGSEGV


def test_an_answer_too_many_is_not_taken_for_the_next_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("!say(frame(refusal_answer(number, 'is mine')) * 2)", encoding="utf-8")
    (tmp_path / "b.txt").write_text(SOUND.format(number=1), encoding="utf-8")
    reading = read_articles([tmp_path], workers=workers(most=1))
    assert [(skipped.source, skipped.reason) for skipped in reading.skipped] == [("a.txt", "is mine")]
    assert [one.source for one in reading.articles] == ["b.txt"]


def test_a_process_that_earlier_files_wore_out_does_not_cost_the_next(tmp_path: Path) -> None:
    """What dies only in a used process is read by a fresh one, and what dies in both is refused."""
    (tmp_path / "a.txt").write_text(SOUND.format(number=1), encoding="utf-8")
    (tmp_path / "b.txt").write_text(
        "!os.abort() if answered else None # the harbour office keeps a ledger", encoding="utf-8"
    )
    (tmp_path / "c.txt").write_text("!os.abort() # always", encoding="utf-8")
    pool = workers(most=1)
    reading = read_articles([tmp_path], workers=pool)
    assert [one.source for one in reading.articles] == ["a.txt", "b.txt"]
    assert [skipped.source for skipped in reading.skipped] == ["c.txt"]
    assert pool.started == 3


def test_processes_are_started_for_work_and_kept(tmp_path: Path) -> None:
    with no_leaks():
        assert read_articles([tmp_path], workers=(idle := workers())).articles == ()
    assert idle.started == 0
    for number in range(40):
        (tmp_path / f"{number:02}.txt").write_text(SOUND.format(number=number), encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("00.txt")
    with no_leaks():
        assert len(read_articles([tmp_path], workers=(busy := workers())).articles) == 40
    assert 1 <= busy.started <= 2


def test_files_are_read_ahead_and_no_further(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number:02}.txt").write_text(SOUND.format(number=number), encoding="utf-8")
    taken = Counter[str]()

    def counted() -> Iterator[Listed]:
        for file in listed_files([str(tmp_path)]):
            taken["asked"] += 1
            yield file

    with workers() as pool:
        for source, _ in pool.read(counted()):
            taken["read"] += 1
            assert source == f"{taken['read'] - 1:02}.txt"
            assert taken["asked"] - taken["read"] < 2 * AHEAD
    assert taken == {"asked": 60, "read": 60}


def test_leaving_early_ends_everything(tmp_path: Path) -> None:
    folder_of(tmp_path, sleeps="time.sleep(60)")
    (tmp_path / "00-a.txt").write_text(SOUND.format(number=99), encoding="utf-8")
    with no_leaks():
        started = time.monotonic()
        with workers() as pool:
            assert next(pool.read(listed_files([str(tmp_path)])))[0] == "00-a.txt"
        assert pool.started >= 1
        print(f"left after {time.monotonic() - started:.1f} seconds")

    def stop(_: Article) -> None:
        raise KeyboardInterrupt

    with no_leaks(), pytest.raises(KeyboardInterrupt):
        read_articles([tmp_path], on_article=stop, workers=workers())


def test_a_process_ends_with_who_asks(tmp_path: Path) -> None:
    """Killed without a chance to end anything, the asking process leaves none behind."""
    code = (
        "import time\n"
        "from corpus.sandbox.limits import LIMITS\n"
        "from corpus.sandbox.process import Worker; from corpus.sandbox.pool import _command\n"
        "worker = Worker(_command(LIMITS), LIMITS)\n"
        "worker.wait_until_ready()\n"
        "print(worker._running.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdout
        pid = asking.stdout.readline().strip()
        assert is_reading(pid)
        asking.kill()
    patience = time.monotonic() + 20
    while is_reading(pid):
        assert time.monotonic() < patience
        time.sleep(0.01)


def is_reading(pid: str) -> bool:
    try:
        return b"corpus.sandbox.worker" in Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["/nowhere/python"], "does not start: No such file or directory: /nowhere/python"),
        ([sys.executable, "-c", "1 / 0"], "does not start; `python -m corpus.sandbox.worker"),
        ([sys.executable, "-c", "print('words and words', flush=True)"], "does not start; `python -m"),
    ],
)
def test_a_process_that_does_not_start_is_an_error_of_the_build(
    tmp_path: Path, command: list[str], told: str
) -> None:
    """Files that nobody could look at are not refused one by one."""
    (tmp_path / "a.txt").write_text(SOUND, encoding="utf-8")
    with no_leaks(), pytest.raises(CorpusError) as error:
        read_articles([tmp_path], workers=Workers(command=command))
    assert told in str(error.value)


def test_secrets_of_the_environment_and_open_files_are_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_ADMIN_KEY", "canary")
    act = (
        "!say(frame(refusal_answer(number, '|'.join([*sorted(os.environ), "
        "*sorted(os.listdir('/proc/self/fd'))[:9], os.getcwd()])))); os._exit(0)"
    )
    (tmp_path / "a.txt").write_text(act, encoding="utf-8")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    (skipped,) = read_articles([tmp_path], workers=workers()).skipped
    os.close(reader)
    os.close(writer)
    # The fourth is the list of open files itself.
    assert skipped.reason == "LANG|LC_CTYPE|PYTHONPATH|0|1|2|3|/" or skipped.reason == (
        "LANG|PYTHONPATH|0|1|2|3|/"
    )


def test_an_answer_may_come_in_pieces_and_be_large(tmp_path: Path) -> None:
    whole = frame(article_answer(0, article("a", "word " * 150_000)))
    assert 700_000 < len(whole) < 1_000_000
    act = "!whole = frame(article_answer(number, read_article('.txt', b'word ' * 150_000, source)))\n"
    act += "say(whole[:3]); time.sleep(.1); say(whole[3:9]); time.sleep(.1); say(whole[9:]); exec('raise SystemExit')"
    (tmp_path / "a.txt").write_text(act, encoding="utf-8")
    (found,) = read_articles([tmp_path], workers=workers()).articles
    assert found.text == ("word " * 150_000).strip()


def test_the_usual_limits_leave_room() -> None:
    """Twenty megabytes of a file and what they become fit, and there is an end."""
    assert (LIMITS.seconds, LIMITS.memory, LIMITS.answer) == (60, 2 << 30, 50_000_000)
