"""How time grows with size: CPU time at a size and at twice that size, and texts that make algorithms slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from corpus.article import Article, Dropped
from tests.support.fakes import article

LINEAR = 2.5
"""The highest ratio for twice the size: 2 if linear, 4 if quadratic, and some noise."""
# Seconds added to both times: a millisecond more or less in a short one is noise.
_NOISE = 0.01


def growth(prepare: Callable[[int], Callable[[], object]], size: int, *, tries: int = 3) -> float:
    """Ratio of the CPU times of `prepare(2 * size)()` and `prepare(size)()`, each the best of `tries`."""
    small, large = prepare(size), prepare(2 * size)
    times = [(_seconds(small), _seconds(large)) for _ in range(tries)]
    return (min(two for _, two in times) + _NOISE) / (min(one for one, _ in times) + _NOISE)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


_ENDS = " ".join(f"w{number}" for number in range(20))


def _repeated(unit: str, *, before: str = "", after: str = "") -> Callable[[int], Article]:
    """An article of about so many characters that repeats a unit."""
    return lambda size: article("x", f"{before}{(unit * (size // len(unit))).strip()}{after}")


def _headings(size: int) -> Article:
    text = "\n\n".join(["Title it"] * (size // 10))
    spans = tuple((start, start + 8) for start in range(0, len(text), 10))
    return replace(article("x", text), headings=spans)


def _dropped(size: int) -> Article:
    lines = tuple(Dropped(f"Link {number}", "navigation") for number in range(size // 10))
    return replace(article("x", "Dredging cost more."), dropped=lines)


SHAPES: Mapping[str, Callable[[int], Article]] = {
    "headings": _headings,
    "one paragraph": _repeated("The quay was cheap, and dredging cost more. "),
    "one word": _repeated("a"),
    "one word repeated": _repeated("wood "),
    "links": _repeated("See https://example.org/a. "),
    "list": _repeated("- An item.\n\n"),
    "table": _repeated("cell | cell | cell\n\n"),
    "accents": _repeated("ÉÀÜ é "),
    "no spaces": _repeated("港湾"),
    "markup": _repeated("<&\"'>*_[x](y) "),
    "full stops": _repeated(". "),
    "quotation marks": _repeated('"a" '),
    "dropped lines": _dropped,
    # The words behind the quotation are at its place alone, and what it begins with is everywhere.
    "ends repeated": _repeated(f"{_ENDS} ", before=f"{_ENDS} zz "),
    "last of many": _repeated("cost x ", after=" cost y"),
}
"""Articles of a generated shape, by their length in characters."""
