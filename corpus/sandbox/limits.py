"""Limits of a parser process, set as rlimits: memory, CPU time, files, child processes."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """For each file: CPU seconds, bytes of memory, bytes of the answer."""

    seconds: int = 60
    memory: int = 2 << 30
    answer: int = 50_000_000


LIMITS = Limits()


def limit_resources(limits: Limits) -> None:
    """Limit this process's memory, irrevocably, and forbid it files, core dumps and child processes."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _lower(kind, limits.memory)
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        _lower(kind, 0)


def allow_seconds(limits: Limits) -> None:
    """Give this process that much CPU time from now on; then the kernel ends it with SIGXCPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + limits.seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


def _lower(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard < 0 else min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (ValueError, OSError):
        if sys.platform == "linux":
            raise  # macOS has no limit of memory
