"""Confines a reading process with rlimits and seccomp: memory, CPU time, no written file, no network.

The kernel enforces it, also on libraries in C. The seccomp filter is for Linux on x86-64 and ARM64; elsewhere
only the rlimits apply.
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
    """For each file: CPU seconds, bytes of memory, bytes of the answer."""

    seconds: int = 60
    memory: int = 2 << 30
    answer: int = 50_000_000


LIMITS = Limits()

_SET_SECCOMP, _SET_NO_NEW_PRIVILEGES, _FILTER_MODE = 22, 38, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _PROCESSOR_AT = 0, 4
_X32_CALLS = 0x40000000  # the same calls under the numbers of the x32 ABI
# The AUDIT_ARCH of linux/audit.h, and the numbers of socket, socketpair, connect, bind, listen, execve,
# execveat, ptrace, process_vm_readv, process_vm_writev, and io_uring's three, which could do all of these.
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 50, 59, 322, 101, 310, 311, 425, 426, 427)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 201, 221, 281, 117, 270, 271, 425, 426, 427)),
}


def confine(limits: Limits) -> None:
    """Apply the limits to this process, irrevocably."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _lower(kind, limits.memory)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _refuse_calls()


def allow_seconds(limits: Limits) -> None:
    """Give this process that much CPU time from now on; then the kernel ends it with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + limits.seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


def _lower(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard < 0 else min(most, hard)
    # macOS has no limit of memory; the other limits still apply there.
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (most, most))


def _refuse_calls() -> None:
    """Make these system calls fail with EACCES, in this process and its children."""
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
    """The BPF program: an unknown architecture is killed, a listed call refused, all others allowed.

    A step is an operation, how many steps to skip if it holds and if it does not, and a value.
    """
    return [
        (_LOAD, 0, 0, _PROCESSOR_AT),
        (_EQUAL, 1, 0, processor),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, len(calls) + 1, 0, _X32_CALLS),
        *((_EQUAL, len(calls) - position, 0, call) for position, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE | errno.EACCES),
    ]
