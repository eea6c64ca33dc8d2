"""Updates of services that nobody has edited, from each release to the working tree."""

from pathlib import Path

import pytest

from evergreen.questions import Answers, label
from evergreen.released_answers import OFFERED, VERSIONS, covering_answers, offered_by
from evergreen.releases import TIP
from evergreen.update_properties import (
    changes_nothing_the_second_time,
    comes_back,
    equals_a_fresh_copy,
    is_the_same_by_stages,
)


def unless_its_turn(number: int, version: str) -> tuple[pytest.MarkDecorator, ...]:
    """In CI, releases take turns, so that its time stays the same as releases are added."""
    return () if version == VERSIONS[number % len(VERSIONS)] else (pytest.mark.thorough,)


EACH_RELEASE_AND_ITS_ANSWERS = pytest.mark.parametrize(
    ("version", "answers"),
    [
        pytest.param(
            version,
            answers,
            id=f"{version} {label(answers)}",
            marks=unless_its_turn(number, version),
        )
        for version in VERSIONS
        for number, answers in enumerate(covering_answers(version))
    ],
)


@pytest.mark.shows("an unedited service equals a fresh copy")
@EACH_RELEASE_AND_ITS_ANSWERS
def test_an_unedited_service_equals_a_fresh_copy(
    template: Path, tmp_path: Path, version: str, answers: Answers
) -> None:
    assert equals_a_fresh_copy(template, tmp_path / "service", version, answers, TIP, {}) == []


SWITCHES = [
    (name, value)
    for name, values in OFFERED.items()
    if name != "python_min" and len(values) > 1
    for value in values
]
SWITCHES_OF_EACH_RELEASE = [
    pytest.param(
        version,
        {name: value},
        id=f"{version} {label({name: value})}",
        marks=unless_its_turn(number, version),
    )
    for version in VERSIONS
    for number, (name, value) in enumerate(SWITCHES)
]


@pytest.mark.shows("a feature that is switched equals a fresh copy with it")
@pytest.mark.parametrize(("version", "answers"), SWITCHES_OF_EACH_RELEASE)
def test_a_feature_that_is_switched_equals_a_fresh_copy_with_it(
    template: Path, tmp_path: Path, version: str, answers: Answers
) -> None:
    (name,) = answers
    # An older release may not have the question yet.
    values = offered_by(version).get(name, OFFERED[name])
    before = {name: values[-1] if values[-1] != answers[name] else values[0]}

    service = tmp_path / "service"
    assert equals_a_fresh_copy(template, service, version, before, TIP, answers) == []


@pytest.mark.shows("a feature that is switched and switched back changes nothing")
@pytest.mark.parametrize("scenario", [name for name, values in OFFERED.items() if len(values) > 1])
def test_a_feature_that_is_switched_and_switched_back_changes_nothing(
    template: Path, tmp_path: Path, scenario: str
) -> None:
    values = OFFERED[scenario]
    answers, changed = {scenario: values[0]}, {scenario: values[-1]}

    assert comes_back(template, tmp_path / "service", TIP, answers, changed) == []


@pytest.mark.shows("by stages or at once is the same")
@pytest.mark.parametrize(
    "version",
    [VERSIONS[0], *(pytest.param(each, marks=pytest.mark.thorough) for each in VERSIONS[1:-1])],
)
def test_by_stages_or_at_once_is_the_same(template: Path, tmp_path: Path, version: str) -> None:
    versions = [*VERSIONS[VERSIONS.index(version) :], TIP]

    assert is_the_same_by_stages(template, tmp_path, versions, {}) == []


@pytest.mark.shows("a second update changes nothing")
@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=() if version == VERSIONS[-1] else pytest.mark.thorough)
        for version in VERSIONS
    ],
)
def test_a_second_update_changes_nothing(template: Path, tmp_path: Path, version: str) -> None:
    answers = covering_answers(version)[-1]

    service = tmp_path / "service"
    assert changes_nothing_the_second_time(template, service, version, answers, TIP) == []
