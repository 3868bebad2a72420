"""What a confined process can still ask of the kernel, with Landlock and as on a kernel without it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.article import CorpusError
from corpus.read import read_articles
from corpus.sandbox import confinement
from corpus.sandbox.pool import Workers
from tests.support.repository import ROOT

pytestmark = pytest.mark.skipif(not confinement.FILTERED, reason="needs Linux on x86-64 or ARM64")

LAST_CALL = 470  # beyond the newest of Linux 6.18
# uretprobe and uprobe: the kernel ends the caller (SIGILL) without asking filters.
UNFILTERED = {335, 336} if os.uname().machine == "x86_64" else set[int]()
CONFINE = """
import ctypes, errno, json, os, sys
import pyseccomp as seccomp
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    number = name if isinstance(name, int) else seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if ctypes.get_errno():
        raise OSError(ctypes.get_errno(), "")
    return result
from corpus.sandbox.confinement import confine
from corpus.sandbox.limits import LIMITS
"""
WALK = """
for number in json.loads(sys.argv[1]):
    try:
        call(number, *[-1] * 6)
        print(number, 0, flush=True)
    except OSError as error:
        print(number, error.errno, flush=True)
"""
# Name -> code of an attack on the folder, the parent or the machine.
ATTACKS = {
    "write": "open('a', 'r+')",
    "create": "open('new', 'w')",
    "append": "os.open('a', os.O_RDONLY | os.O_APPEND)",
    "empty": "os.open('b', os.O_RDONLY | os.O_TRUNC)",
    "map": "f = os.open('a', os.O_RDWR); m = __import__('mmap').mmap(f, 100); m[0] = 65; m.flush()",
    "truncate": "os.truncate('b', 0)",
    "unlink": "os.unlink('c')",
    "rename": "os.rename('d', 'access.json')",
    "link": "os.link('a', 'e')",
    "symlink": "os.symlink('a', 'f')",
    "mkdir": "os.mkdir('g')",
    "chmod": "os.chmod('a', 0o777)",
    "utime": "os.utime('a')",
    "fork": "os._exit(0) if os.fork() == 0 else os.wait()",
    "thread": "t = __import__('threading').Thread(target=print); t.start()",
    "execute": "call('execve', 0, 0, 0)",
    "kill": "os.kill(os.getppid(), 0)",
    "signal by descriptor": "__import__('fcntl').fcntl(0, 8, os.getppid())",
    "lock": "__import__('fcntl').lockf(os.open('/usr/lib', os.O_RDONLY), 5)",
    "memory of another": "call('process_vm_writev', os.getppid(), 0, 0, 0, 0, 0)",
    "descriptor of another": "call('pidfd_getfd', call('pidfd_open', os.getpid(), 0), 0, 0)",
    "socket": "__import__('socket').socket()",
    "ring": "call('io_uring_setup', 1, -1)",
    "limit": "__import__('resource').setrlimit(__import__('resource').RLIMIT_NOFILE, (99, 99))",
}
READS = {
    "environment": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "passwd": "open('/etc/passwd').read()",
    "data": "open('data').read()",
    "list": "os.listdir('.')",
    "article": f"open({str(ROOT / 'corpus/articles')!r} + '/' + sys.argv[2]).read()",
}
ATTACK = """
for name, code in json.loads(sys.argv[1]).items():
    try:
        exec(code)
        print(name, "done", sep=": ", flush=True)
    except (OSError, RuntimeError, ValueError) as error:
        number = getattr(error, "errno", errno.EPERM)  # Python has other errors for threads and limits
        print(name, errno.errorcode[number], sep=": ", flush=True)
"""


def said(code: str, *arguments: str, folder: Path, confined: bool = True, paths: bool = True) -> list[str]:
    """The lines that this code prints in a confined process."""
    begin = CONFINE + (f"confine(LIMITS, paths={paths})\n" if confined else "")
    ran = subprocess.run(
        [sys.executable, "-c", begin + code, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c", "d", "data"):
        (tmp_path / name).write_text("x" * 100)
    return tmp_path


def attacked(
    folder: Path, attacks: dict[str, str], *, confined: bool = True, paths: bool = True
) -> dict[str, str]:
    sample = next((ROOT / "corpus/articles").iterdir()).name
    lines = said(ATTACK, json.dumps(attacks), sample, folder=folder, confined=confined, paths=paths)
    return dict(line.split(": ", 1) for line in lines if ": " in line)


@pytest.mark.parametrize("paths", [True, False], ids=["landlock", "no landlock"])
def test_every_call_that_is_not_on_the_list_is_refused(folder: Path, paths: bool) -> None:
    import pyseccomp as seccomp

    listed = {seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) for name in confinement.ALLOWED}
    numbers = [number for number in range(LAST_CALL + 1) if number not in listed | UNFILTERED]
    found = said(WALK, json.dumps(numbers), folder=folder, paths=paths)
    print(f"system calls refused: {len(found)} of {LAST_CALL + 1}")
    assert found == [f"{number} 1" for number in numbers]
    assert len(numbers) > 380


@pytest.mark.parametrize("paths", [True, False], ids=["landlock", "no landlock"])
def test_nothing_outside_the_process_can_be_changed(folder: Path, paths: bool) -> None:
    found = attacked(folder, ATTACKS, paths=paths)
    assert found.keys() == ATTACKS.keys()
    assert {name: outcome for name, outcome in found.items() if outcome not in ("EPERM", "EACCES")} == {}
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "c", "d", "data"]
    assert {path.read_text() for path in folder.iterdir()} == {"x" * 100}


@pytest.mark.skipif("Landlock)" not in confinement.confinement(), reason="needs Landlock")
def test_only_code_can_be_read(folder: Path) -> None:
    assert attacked(folder, READS) == dict.fromkeys(READS, "EACCES")


def test_without_landlock_files_can_be_read(folder: Path) -> None:
    assert attacked(folder, READS, paths=False) == dict.fromkeys(READS, "done")


def test_without_confinement_the_attacks_succeed(folder: Path) -> None:
    """The test of the test. Two attacks give the kernel addresses that it cannot use."""
    found = attacked(folder, ATTACKS | READS, confined=False)
    assert {name for name, outcome in found.items() if outcome != "done"} <= {"execute", "ring"}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the x32 ABI belongs to x86-64")
def test_calls_of_another_architecture_end_the_process(folder: Path) -> None:
    code = CONFINE + "confine(LIMITS)\ncall(0x40000000 | 39)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, env={"PYTHONPATH": str(ROOT)})
    assert ran.returncode == -signal.SIGSYS


@pytest.mark.parametrize(
    "refused",
    ["sys.modules['pyseccomp'] = None", *(f"refuse({name!r})" for name in ("prctl", "prlimit64", "seccomp"))]
    + ["refuse('landlock_restrict_self')"] * ("Landlock)" in confinement.confinement()),
)
def test_nothing_is_parsed_where_a_restriction_is_refused(tmp_path: Path, refused: str) -> None:
    """Under a filter that refuses what confining needs, every file would be read without it."""
    code = f"""
import errno, runpy, sys
def refuse(name):
    import pyseccomp as seccomp
    calls = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    calls.add_rule(seccomp.ERRNO(errno.EPERM), name)
    if name == "seccomp":
        calls.add_rule(seccomp.ERRNO(errno.EPERM), "prctl", seccomp.Arg(0, seccomp.EQ, 22))
    calls.load()
sys.argv[1:] = ["9", "999999999", "9999"]
{refused}
runpy.run_module('corpus.sandbox.worker', run_name='__main__', alter_sys=True)
"""
    (tmp_path / "a.txt").write_text("The harbour office keeps a ledger of every boat.")
    with pytest.raises(CorpusError, match=r"^parsing cannot be confined \(.+\): install libseccomp2"):
        read_articles([tmp_path], workers=Workers(command=[sys.executable, "-c", code]))
