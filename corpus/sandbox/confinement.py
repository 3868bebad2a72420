"""Confines a parser process by the kernel: lists of system calls (seccomp) and paths (Landlock), and rlimits.

These hold for libraries in C too and cannot be lifted. A call that is not on the list fails with EPERM.
Without Landlock (kernels before 5.13) the process can read what its user can read; it can change nothing.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import sys
from pathlib import Path
from typing import Any

from corpus.article import CorpusError
from corpus.sandbox.limits import Limits, limit_resources

FILTERED = sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64")

# Without clone: no parser needs a thread.
ALLOWED = """
    brk mmap mprotect mremap munmap futex sched_yield sched_getaffinity getcpu
    read readv pread64 write writev close lseek dup fstat stat lstat newfstatat statx statfs fstatfs
    access faccessat faccessat2 readlink readlinkat getcwd getdents64 fadvise64 poll ppoll select pselect6
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage
    getpid getppid gettid getuid geteuid getgid getegid uname sysinfo getrandom getrlimit exit exit_group
""".split()
_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# F_SETOWN would send signals to other processes, F_SETLK would make them wait.
_DESCRIPTOR_COMMANDS = (fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_DUPFD_CLOEXEC)
_MADV_HWPOISON = 100  # from here on advice changes the machine's memory, not the process's
_PR_SET_DUMPABLE = 4
_REFUSALS = (ImportError, RuntimeError, OSError, ValueError)  # ValueError: setrlimit was not permitted
_SYSTEM = "/lib /lib64 /usr/lib /usr/lib64 /usr/local/lib /usr/share/zoneinfo /etc/localtime /etc/ld.so.cache"


def confine(limits: Limits, *, paths: bool = True) -> None:
    """Restrict this process, irrevocably; `paths=False` leaves Landlock out, as older kernels do.

    Raises CorpusError: a restriction was refused; this process must not parse files.
    """
    try:
        calls = _call_filter() if FILTERED else None  # starts ldconfig, so processes are forbidden afterwards
        limit_resources(limits)
        if calls:
            _forbid_tracing()
            if paths and _landlock_available():
                _restrict_paths()
            calls.load()
    except _REFUSALS as error:
        raise CorpusError(_reason(error)) from error


def confinement() -> str:
    """What holds for parsers on this machine, for `qa doctor`."""
    if not FILTERED:
        return "limits on memory and time only"
    try:
        _call_filter()
    except _REFUSALS as error:
        return _reason(error)
    if _landlock_available():
        return "system calls (seccomp) and readable paths (Landlock)"
    return "system calls (seccomp); this kernel has no Landlock, so parsers can read what this user can"


def _reason(error: Exception) -> str:
    first = str(error).partition("\n")[0]
    return f"parsing cannot be confined ({first}): install libseccomp2; a container must allow seccomp"


def _call_filter() -> Any:
    import pyseccomp as seccomp

    calls = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))

    def allow(name: str, *arguments: Any) -> None:
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:  # ARM64 has no open, stat, poll
            calls.add_rule(seccomp.ALLOW, name, *arguments)

    for name in ALLOWED:
        allow(name)
    allow("open", seccomp.Arg(1, seccomp.MASKED_EQ, _WRITING, os.O_RDONLY))
    allow("openat", seccomp.Arg(2, seccomp.MASKED_EQ, _WRITING, os.O_RDONLY))
    allow("madvise", seccomp.Arg(2, seccomp.LT, _MADV_HWPOISON))
    for command in _DESCRIPTOR_COMMANDS:
        allow("fcntl", seccomp.Arg(1, seccomp.EQ, command))
    own_process = seccomp.Arg(0, seccomp.EQ, 0)
    allow("prlimit64", own_process, seccomp.Arg(1, seccomp.EQ, resource.RLIMIT_CPU))
    allow("prlimit64", own_process, seccomp.Arg(2, seccomp.EQ, 0))  # only asks
    return calls


def _forbid_tracing() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


def _landlock_available() -> bool:
    import landlock

    try:
        return bool(landlock.landlock_abi_version() >= 1)
    except (OSError, ValueError):  # ValueError: the library cannot parse the kernel's release
        return False


def _restrict_paths() -> None:
    """Allow reading code and nothing else: neither the data folder, nor articles, nor /proc."""
    from landlock import FSAccess, Ruleset

    room = Path(__file__).parents[1]
    packages = [path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")]
    code = [path for path in room.iterdir() if path.name != "articles"]
    rules = Ruleset()
    rules.allow(room, rules=FSAccess.READ_DIR)
    for path in [Path(sys.base_prefix, "lib"), *packages, *code, *map(Path, _SYSTEM.split())]:
        if os.path.exists(path):  # Path.exists() raises where a parent folder is closed to this user
            listing = FSAccess.READ_DIR if path.is_dir() else FSAccess(0)
            rules.allow(path, rules=FSAccess.READ_FILE | listing)
    rules.apply()
