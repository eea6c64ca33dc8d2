"""Each feature alone, and all of them together, in each way to run a suite: the full product.

`uvx nox -s growth` runs each feature alone in the default way, right and wrong, and all of them
together in each way.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from evergreen.growth import DATABASES, put_into, read_library, write_migration
from tools.growth.proof import WAYS, Workplaces, grow_in, open_workplaces, problem_of_way
from tools.report.parts import RESULTS

FEATURES = {feature.name: feature for feature in read_library()}
# As many as for a user. The session `growth` sends fewer.
FUZZ_CASES = 125


@pytest.fixture(scope="session")
def workplaces(template: Path, worker_id: str) -> Iterator[Workplaces]:
    installations = RESULTS / f"installed/growth {worker_id}"
    with open_workplaces(template, [*FEATURES.values()], DATABASES, installations, 1) as workplaces:
        yield workplaces


@cache
def service_with(workplaces: Workplaces, database: str, name: str) -> Path:
    with workplaces.one_for(database) as place:
        service = place.copy_of(place.base)
        put_into(service, FEATURES[name])
        write_migration(service, FEATURES[name], place.programs)
        return service


@pytest.mark.thorough
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("database", "name"),
    [
        (database, feature.name)
        for database in DATABASES
        for feature in FEATURES.values()
        if database in feature.databases
    ],
)
def test_a_feature_alone_is_green_in_each_way(
    workplaces: Workplaces, database: str, name: str, way: str
) -> None:
    service = service_with(workplaces, database, name)

    with workplaces.one_for(database) as place:
        result = WAYS[way](place, place.copy_of(service))

    assert problem_of_way(name, way, result) == ""


@pytest.mark.thorough
@pytest.mark.parametrize("database", DATABASES)
def test_all_features_pass_all_generated_requests(
    workplaces: Workplaces, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUZZ_CASES", str(FUZZ_CASES))
    features = [feature for feature in FEATURES.values() if database in feature.databases]
    service = grow_in(workplaces, database, features)
    assert isinstance(service, Path), service

    with workplaces.one_for(database) as place:
        result = WAYS["poe fuzz"](place, place.copy_of(service))

    assert problem_of_way("All features", "poe fuzz", result) == ""
