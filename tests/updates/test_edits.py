"""The edits of a team are still there after an update, or in a conflict that can be seen."""

from pathlib import Path

import pytest

from evergreen.edits import SCENARIOS
from evergreen.released_answers import VERSIONS, answers_for, offered_by
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, fresh_files, update
from evergreen.rendering import files_of
from evergreen.update_properties import keeps_what_was_edited, suite_failure

# Each release and each scenario, in a time that stays the same as releases are added; the other
# pairs nightly.
PAIRS = [
    pytest.param(
        version,
        scenario,
        marks=() if version == VERSIONS[number % len(VERSIONS)] else pytest.mark.thorough,
    )
    for number, scenario in enumerate(SCENARIOS)
    for version in VERSIONS
]


@pytest.mark.shows("edits are kept")
@pytest.mark.parametrize(("version", "scenario"), PAIRS)
def test_edits_are_kept_and_the_suite_is_green(
    template: Path,
    programs: dict[str, Path],
    passed: Path,
    tmp_path: Path,
    version: str,
    scenario: str,
) -> None:
    number = list(SCENARIOS).index(scenario)
    database = offered_by(version)["database"][SCENARIOS[scenario].database]
    # What tests see is the same from each release, so that these services can share a run.
    needed = {"database": database, "example": number % 2 == 0} | SCENARIOS[scenario].answers
    answers = answers_for(version, number + VERSIONS.index(version), needed)
    service = copy_of_release(template, version, answers, tmp_path / "service")
    original = files_of(service)
    SCENARIOS[scenario].edit(service)
    edited = files_of(service)
    commit_all(service)

    update(service, TIP)

    fresh = fresh_files(template, TIP, answers)
    assert keeps_what_was_edited(service, original, edited, fresh) == []
    if SCENARIOS[scenario].may_conflict and conflicts(service):
        return
    assert conflicts(service) == []
    assert suite_failure(programs, passed, service, answers) == ""
