"""Counts child processes, threads and open files before and after."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def child_processes() -> set[int]:
    """Processes that this one has started and that have not been waited for."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


@contextmanager
def no_leaks() -> Iterator[None]:
    """No process, thread or open file more than before."""
    before = child_processes(), threading.active_count(), len(os.listdir("/proc/self/fd"))
    yield
    assert child_processes() <= before[0]
    assert threading.active_count() <= before[1]
    assert len(os.listdir("/proc/self/fd")) <= before[2]
