"""Sample sizes by tier: `make test` takes the small sample, `make test-all` the full one too, `make torture` everything.

pytest's default, `-m "not full and not torture"` in pyproject.toml, is the tier of `make test`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark.structures import ParameterSet

full = pytest.mark.full


def samples(
    name: str, small: object, complete: object, endless: object = None, *, seconds: int = 300
) -> pytest.MarkDecorator:
    """Parametrizes a test by its sample size in `make test`, `make test-all` and, if given, `make torture`.

    `seconds` is the time limit of the largest one.
    """
    sizes = [small, pytest.param(complete, marks=full)]
    if endless is not None:
        sizes.append(pytest.param(endless, marks=[pytest.mark.torture, pytest.mark.timeout(seconds)]))
    return pytest.mark.parametrize(name, sizes)


def mostly_full(values: Iterable[object], *small: object) -> list[ParameterSet]:
    """Parameters of which `make test` takes only those in `small`; a tuple is a parameter for each name."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=() if value in small else full)
        for value in values
    ]
