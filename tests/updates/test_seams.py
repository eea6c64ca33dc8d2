"""Where a team adds lines of its own, no change of the template meets them."""

import re
from pathlib import Path

import pytest

from evergreen.questions import label
from evergreen.released_answers import OFFERED, VERSIONS
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, update
from evergreen.rendering import files_of

SEAM = re.compile(r"^( *)(?:#|<!--) .*[Oo]ur own .* go below this line\..*\n", re.MULTILINE)
SEAMS_OF_THE_TIP = {
    ".github/dependabot.yml": 1,
    ".github/workflows/ci.yml": 1,
    "README.md": 1,
    "app/auth/models.py": 2,
    "app/errors.py": 1,
    "app/main.py": 3,
    "app/settings.py": 1,
    "compose.yaml": 1,
    "pyproject.toml": 4,
    "tests/conftest.py": 1,
    "tests/fuzz_api.py": 2,
    "tests/integration/test_migrations.py": 3,
    "tests/plugins/network.py": 1,
    "tests/stand_ins.py": 2,
    "tests/test_routes.py": 6,
}


def add_lines_at_each_seam(service: Path) -> dict[str, int]:
    """Returns the number of seams of each file that has any."""
    found = {}
    for path, content in files_of(service).items():
        text, count = SEAM.subn(
            lambda seam: f"{seam[0]}{seam[1]}# a line of ours\n", content.decode()
        )
        if count:
            (service / path).write_text(text)
            found[path] = count
    return found


def our_lines(service: Path) -> dict[str, int]:
    counts = {
        path: content.count(b"# a line of ours\n") for path, content in files_of(service).items()
    }
    return {path: count for path, count in counts.items() if count}


def test_each_place_where_a_team_adds_lines_has_a_seam(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")

    assert add_lines_at_each_seam(service) == SEAMS_OF_THE_TIP, (
        "Teams have lines below each seam: keep the comment as it is. A new one goes into this table."
    )


@pytest.mark.shows("lines at each seam are kept, without a conflict")
@pytest.mark.parametrize("version", VERSIONS)
def test_lines_at_each_seam_are_kept_by_an_update(
    template: Path, tmp_path: Path, version: str
) -> None:
    service = copy_of_release(template, version, {}, tmp_path / "service")
    added = add_lines_at_each_seam(service)
    commit_all(service)

    update(service, TIP)

    assert conflicts(service) == []
    assert our_lines(service) == added


SWITCHED = [{name: values[-1]} for name, values in OFFERED.items()]


@pytest.mark.shows("lines at each seam are kept when a feature is switched and switched back")
@pytest.mark.parametrize("answers", SWITCHED, ids=label)
def test_lines_at_each_seam_are_kept_when_a_feature_is_switched(
    template: Path, tmp_path: Path, answers: dict[str, object]
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    add_lines_at_each_seam(service)
    commit_all(service)

    update(service, TIP, **answers)

    assert conflicts(service) == []
    # The files that come with a feature go with it; template-update makes that a conflict.
    gone = {path for path in SEAMS_OF_THE_TIP if not (service / path).exists()}
    assert gone == {
        "ci": {".github/dependabot.yml", ".github/workflows/ci.yml"},
        "container": {"compose.yaml"},
    }.get(next(iter(answers)), set())
    assert our_lines(service) == {
        path: count for path, count in SEAMS_OF_THE_TIP.items() if path not in gone
    }
    commit_all(service)
    update(service, TIP, **{name: OFFERED[name][0] for name in answers})
    assert conflicts(service) == []
    assert our_lines(service).keys() | gone == SEAMS_OF_THE_TIP.keys()
