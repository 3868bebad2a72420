"""What can go wrong while measuring, each told in one line."""

from __future__ import annotations

from pathlib import Path


class BenchFailure(Exception):
    """Something that ends a measurement: the fact, the place, the next step."""


class NoCorpus(BenchFailure):
    """A public set is not where it should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not there: name the folder that holds scifact and squad (--sets or BENCH_SETS)"
        )


class PeerFailed(BenchFailure):
    """A system could not be started, ended early or took too long; `reason` is its last word."""

    def __init__(self, name: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{name}: {reason}")
