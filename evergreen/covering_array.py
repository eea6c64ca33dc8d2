"""Combines answers so that few sets contain every pair of answers to different questions."""

import itertools
from typing import Any

import covertable  # type: ignore[import-untyped]

from evergreen.questions import Answers


def covering_array(factors: dict[str, list[Any]]) -> list[Answers]:
    """Raises `ValueError` if the library misses a pair, as other libraries were seen to do."""
    rows: list[Answers] = covertable.make(factors, strength=2)
    assert_pairs_are_covered(factors, rows)
    return [{name: row[name] for name in factors} for row in rows]


def assert_pairs_are_covered(factors: dict[str, list[Any]], rows: list[Answers]) -> None:
    """Raises `ValueError` naming the first pair of answers that no row has."""
    for first, second in itertools.combinations(factors, 2):
        found = {(row[first], row[second]) for row in rows}
        for pair in itertools.product(factors[first], factors[second]):
            if pair not in found:
                raise ValueError(f"no service has {first}={pair[0]!r} with {second}={pair[1]!r}")
