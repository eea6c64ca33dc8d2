"""A service with all features that teams add is updated like any other."""

from pathlib import Path

import pytest

from evergreen.growth import grown_copy_of_release
from evergreen.releases import TIP, conflicts, copy_of_release, fresh_files, release, update
from evergreen.rendering import files_of
from evergreen.update_properties import keeps_what_was_edited, suite_failure

NEXT = "9999.0.1"
FILES_WITH_SEAMS = [
    "app/auth/models.py",
    "app/errors.py",
    "app/settings.py",
    "tests/integration/test_migrations.py",
    "tests/plugins/network.py",
    "tests/stand_ins.py",
    "tests/test_routes.py",
]


def make_the_next_release(template: Path) -> None:
    """Changes files to which features add lines, and a file to which none does."""
    for path in [*FILES_WITH_SEAMS, "app/health/routes.py"]:
        file = template / "template" / path
        file.write_text(f"# A line of the next release.\n{file.read_text()}")
    main = template / "template/app/main.py.jinja"
    main.write_text(main.read_text().replace("# Set on the router", "# It is set on the router"))
    release(template, NEXT)


@pytest.mark.shows("a service with all features is updated")
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)]
)
def test_a_service_with_all_features_is_updated(
    own_template: Path,
    programs: dict[str, Path],
    passed: Path,
    tmp_path: Path,
    database: str,
) -> None:
    make_the_next_release(own_template)
    answers = {"database": database}
    original = files_of(copy_of_release(own_template, TIP, answers, tmp_path / "original"))
    service = grown_copy_of_release(
        own_template, TIP, answers, tmp_path / "service", programs[database]
    )
    edited = files_of(service)

    update(service, NEXT)

    assert conflicts(service) == []
    fresh = fresh_files(own_template, NEXT, answers)
    assert keeps_what_was_edited(service, original, edited, fresh) == []
    assert suite_failure(programs, passed, service, answers) == ""
