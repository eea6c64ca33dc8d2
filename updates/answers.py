"""The answers with which the services of each release are made."""

from functools import cache

import covertable  # type: ignore[import-untyped]

from proof.hostile_answers import assert_pairs_are_covered
from proof.questions import Answers, offered_in
from proof.releases import ROOT, find_releases, git

VERSIONS = list(find_releases(ROOT))


@cache
def offered_by(version: str) -> dict[str, list[object]]:
    """The questions of a release and the answers that it offers."""
    commit = find_releases(ROOT)[version]
    return offered_in(git("show", f"{commit}:copier.yml", cwd=ROOT))


@cache
def covering_answers(version: str) -> list[Answers]:
    """Sets of answers in which each answer meets each answer to another question."""
    offered = offered_by(version)
    rows: list[Answers] = covertable.make(offered, strength=2)
    assert_pairs_are_covered(offered, rows)
    return [{name: row[name] for name in offered} for row in rows]


def answers_for(version: str, number: int, needed: Answers) -> Answers:
    """One of these sets, in turn, with the answers that a scenario needs."""
    rows = [row | needed for row in covering_answers(version)]
    return rows[number % len(rows)]
