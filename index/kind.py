"""What kind of sentence stands in a row: worked out once, when the index is built."""

from __future__ import annotations

from enum import IntFlag


class Kind(IntFlag):
    """Bits of the last column of `sentences.npy`."""

    STATEMENT = 0
    HEADING = 1
    """A line that stands above others."""
    ASIDE = 2
    """Answers nothing: found only by a phrase in quotation marks."""
