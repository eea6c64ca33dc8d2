"""Combines answers so that few sets contain every pair of answers to different questions."""

import itertools
from collections.abc import Callable
from typing import Any

import covertable  # type: ignore[import-untyped]

from evergreen.questions import Answers

Constraints = dict[tuple[str, ...], Callable[..., bool]]
"""Whether answers to these questions can stand together; it gets them by position."""


def covering_array(
    factors: dict[str, list[Any]], constraints: Constraints | None = None
) -> list[Answers]:
    """Raises `ValueError` if the library misses a pair, as other libraries were seen to do."""
    conditions = [
        {
            "operator": "fn",
            "requires": list(names),
            "evaluate": lambda row, names=names, fits=fits: fits(*(row[name] for name in names)),
        }
        for names, fits in (constraints or {}).items()
    ]
    rows: list[Answers] = covertable.make(factors, strength=2, constraints=conditions)
    assert_pairs_are_covered(factors, rows, constraints)
    return [{name: row[name] for name in factors} for row in rows]


def assert_pairs_are_covered(
    factors: dict[str, list[Any]], rows: list[Answers], constraints: Constraints | None = None
) -> None:
    """Raises `ValueError` naming the first pair of answers that no row has, although one could."""
    for first, second in itertools.combinations(factors, 2):
        found = {(row[first], row[second]) for row in rows}
        for pair in itertools.product(factors[first], factors[second]):
            fixed = {first: [pair[0]], second: [pair[1]]}
            if pair not in found and is_possible({**factors, **fixed}, constraints or {}):
                raise ValueError(f"no service has {first}={pair[0]!r} with {second}={pair[1]!r}")


def is_possible(factors: dict[str, list[Any]], constraints: Constraints) -> bool:
    rows = (dict(zip(factors, row, strict=True)) for row in itertools.product(*factors.values()))
    return any(
        all(fits(*(row[name] for name in names)) for names, fits in constraints.items())
        for row in rows
    )
