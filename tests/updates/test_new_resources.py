"""A resource that `poe new-resource` has made belongs to the team: no update changes it."""

from pathlib import Path

import pytest

from evergreen.growth import environment_of
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, fresh_files, update
from evergreen.rendering import files_of
from evergreen.scaffold import PARENTS, run_new_resource
from evergreen.update_properties import keeps_what_was_edited, suite_failure
from tests.updates.test_grown_services import NEXT, make_the_next_release

RESOURCES = [
    *PARENTS,
    ["invoice", "number:str:1..20:unique", "amount:decimal:10,2", "of:ref:folder", "by:ref:user"],
    ["line", "text:text", "pieces:int:1..99", "--in", "invoice"],
]


@pytest.mark.shows("generated resources stay as they are")
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)]
)
def test_a_service_with_generated_resources_is_updated(
    own_template: Path,
    programs: dict[str, Path],
    passed: Path,
    tmp_path: Path,
    database: str,
) -> None:
    make_the_next_release(own_template)
    answers = {"database": database}
    service = copy_of_release(own_template, TIP, answers, tmp_path / "service")
    original = files_of(service)
    commit_all(service)
    installed = environment_of(programs[database]) | {
        "UV_NO_SYNC": "1",
        "RUFF_NO_CACHE": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for words in RESOURCES:
        made = run_new_resource(service, [*words, "--no-tests-run"], installed)
        assert made.returncode == 0, made.stdout + made.stderr
        commit_all(service)
    edited = files_of(service)

    update(service, NEXT)

    assert conflicts(service) == []
    fresh = fresh_files(own_template, NEXT, answers)
    assert keeps_what_was_edited(service, original, edited, fresh) == []
    updated = files_of(service)
    of_resources = edited.keys() - original.keys()
    assert len(of_resources) == 4 * 8
    assert {path: updated[path] for path in of_resources} == {
        path: edited[path] for path in of_resources
    }
    assert suite_failure(programs, passed, service, answers) == ""
