"""The answers with which the services of each release are made."""

from functools import cache

from evergreen.covering_array import covering_array
from evergreen.questions import Answers, offered_in, offered_values
from evergreen.releases import find_releases, git
from evergreen.working_tree import ROOT

RELEASES = find_releases(ROOT)
VERSIONS = list(RELEASES)
OFFERED = offered_values(ROOT)
"""What the working tree offers: its questions and their answers, the default first."""


@cache
def offered_by(version: str) -> dict[str, list[object]]:
    """The questions of a release and the answers that it offers."""
    return offered_in(git("show", f"{RELEASES[version]}:copier.yml", cwd=ROOT))


@cache
def covering_answers(version: str) -> list[Answers]:
    """Sets of answers in which each answer meets each answer to another question."""
    return covering_array(offered_by(version))


def answers_for(version: str, number: int, needed: Answers) -> Answers:
    """One of these sets, in turn, with the answers that a scenario needs."""
    rows = covering_answers(version)
    return rows[number % len(rows)] | needed
