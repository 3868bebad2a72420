"""What a reading process may take and do: memory and time within limits, no file written, no network.

The kernel refuses, not Python: libraries in C are held to it too. The filter of system calls is for Linux on
two kinds of processor; elsewhere the limits alone hold.
"""

from __future__ import annotations

import errno
import platform
import resource
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """For each file: seconds of computing, bytes of memory, and bytes of the answer."""

    seconds: int = 60
    memory: int = 2 << 30
    answer: int = 50_000_000


LIMITS = Limits()

_SET_SECCOMP, _SET_NO_NEW_PRIVILEGES, _FILTER_MODE = 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _PROCESSOR_AT = 0, 4
_OTHER_TABLE = 0x40000000  # x32's numbers, which would name the same calls again
# linux/audit.h, and the numbers of: socket, socketpair, connect, bind, listen, execve, execveat, ptrace,
# process_vm_readv, process_vm_writev, and io_uring's three, which could do all of these.
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 50, 59, 322, 101, 310, 311, 425, 426, 427)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 201, 221, 281, 117, 270, 271, 425, 426, 427)),
}


def confine(limits: Limits) -> None:
    """Hold this process to the limits, for good."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _lower(kind, limits.memory)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _refuse_calls()


def allow_seconds(limits: Limits) -> None:
    """Let this process compute so many seconds from now on; then the kernel ends it with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + limits.seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


def _lower(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard < 0 else min(most, hard)
    # A system without one of them (macOS has no limit of memory) still has the others.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (most, most))


def _refuse_calls() -> None:
    """From here on these system calls fail with EACCES, in this process and whatever it starts."""
    import ctypes

    if sys.platform != "linux" or platform.machine() not in _CALLS or ctypes.sizeof(ctypes.c_void_p) != 8:
        return
    steps = _steps(*_CALLS[platform.machine()])
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.prctl(_SET_SECCOMP, _FILTER_MODE, described, 0, 0)


def _steps(processor: int, calls: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """A program for the kernel, by processor, then by number of the call.

    A step is an operation, how many steps to skip when it holds and when it does not, and a value.
    """
    return [
        (_LOAD, 0, 0, _PROCESSOR_AT),
        (_EQUAL, 1, 0, processor),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, len(calls) + 1, 0, _OTHER_TABLE),
        *((_EQUAL, len(calls) - place, 0, call) for place, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE | errno.EACCES),
    ]
