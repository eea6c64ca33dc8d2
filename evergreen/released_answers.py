"""The answers with which services of each release are created."""

from functools import cache

from evergreen.covering_array import covering_array
from evergreen.questions import Answers, offered_in, offered_values
from evergreen.releases import find_releases, git
from evergreen.working_tree import ROOT

RELEASES = find_releases(ROOT)
VERSIONS = list(RELEASES)
OFFERED = offered_values(ROOT)
"""The questions of the working tree and the answers that it offers, the default first."""


@cache
def offered_by(version: str) -> dict[str, list[object]]:
    """Returns the questions of a release and the answers that it offers."""
    return offered_in(git("show", f"{RELEASES[version]}:copier.yml", cwd=ROOT))


@cache
def covering_answers(version: str) -> list[Answers]:
    """Returns sets of answers that contain every pair of answers to different questions."""
    return covering_array(offered_by(version))


def answers_for(version: str, number: int, needed: Answers) -> Answers:
    """Returns one of these sets, in rotation, with the answers that a scenario needs."""
    rows = covering_answers(version)
    return rows[number % len(rows)] | needed
