"""The proof is red, and says what to do, where a maintainer has broken something unnoticed.

Each sabotage is made in a clone of the repository, where the tests that are to notice it are run.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from evergreen.edits import append, replace
from evergreen.suites import own_environment

POLICY = "tests/updates/test_policy.py"
LIST_IT = 'List it under "## Renamed and removed" in CHANGELOG.md, with what takes its place.'
FILES = "tests/combinations/test_template_files.py"


@dataclass(frozen=True)
class Sabotage:
    file: str
    old: str
    new: str
    """With an empty `old`, these lines go to the end of the file."""
    tests: str
    says: str
    is_quick: bool = False


SABOTAGES = {
    "a released migration is edited": Sabotage(
        "template/migrations/versions/0001_users.py",
        "",
        "\n# A column more.\n",
        "tests/updates/test_released_migrations.py",
        "Databases have run these migrations of",
        is_quick=True,
    ),
    "a migration of the template comes after the example": Sabotage(
        "template/migrations/versions/template_more.py",
        "",
        'revision = "template_more"\ndown_revision = "0002"\n\n\ndef upgrade() -> None: ...\n',
        "tools.combinations",
        "template_more",
    ),
    "a value is renamed": Sabotage("copier.yml", "yet: none", "yet: nothing", POLICY, LIST_IT),
    "a question has no default": Sabotage(
        "copier.yml",
        "  default: sqlite\n",
        "",
        "tools.combinations",
        "The question database has no default.",
    ),
    "a fixture is renamed": Sabotage(
        "template/tests/conftest.py",
        "def anonymous_client",
        "def stranger",
        POLICY,
        LIST_IT,
        is_quick=True,
    ),
    "a name in app is renamed": Sabotage(
        "template/app/errors.py", "class ConflictError", "class DuplicateError", POLICY, LIST_IT
    ),
    "a task is renamed": Sabotage(
        "template/pyproject.toml.jinja", "\ncov = ", "\ncoverage = ", POLICY, LIST_IT
    ),
    "a setting is renamed": Sabotage(
        "template/app/settings.py", "    log_level:", "    level:", POLICY, LIST_IT
    ),
    "a task names a file that is not there": Sabotage(
        "template/pyproject.toml.jinja",
        "python template_tasks.py update",
        "python update.py update",
        "tests/updater/test_tasks_by_name.py::test_the_tasks_of_a_service_do_what_they_say",
        "update.py",
    ),
    "a seam is reworded": Sabotage(
        "template/app/settings.py",
        "The settings of your own slices go below",
        "The settings of your slices go below",
        "tests/updates/test_seams.py::test_each_place_where_a_team_adds_lines_has_a_seam",
        "Teams have lines below each seam",
        is_quick=True,
    ),
    "a path is missing in _exclude": Sabotage(
        "copier.yml",
        "    embedded_postgresql.py\n",
        "",
        FILES,
        "does not know a file of database=postgresql",
    ),
    "a link of the README is broken": Sabotage(
        "README.md", "", "\n[The guide](docs/guide.md)\n", FILES, "Correct the link"
    ),
    "the updater has another verb": Sabotage(
        "updater/command_line.py",
        'tasks.add_parser(\n        "check"',
        'tasks.add_parser(\n        "news"',
        "tests/updater/test_template_check_and_diff.py",
        "test_check_says_what_newer_releases_changed",
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if sabotage.is_quick else pytest.mark.thorough)
        for name, sabotage in SABOTAGES.items()
    ],
)
def test_a_sabotage_is_noticed(own_template: Path, name: str) -> None:
    sabotage = SABOTAGES[name]
    file = own_template / sabotage.file
    if sabotage.old:
        replace(file, sabotage.old, sabotage.new)
    else:
        file.touch()
        append(file, sabotage.new)
    command = (
        ["-m", sabotage.tests, "--read-only"]
        if sabotage.tests.startswith("tools.")
        else ["-m", "pytest", "-q", "-x", "-m", "not thorough", sabotage.tests]
    )

    proof = subprocess.run(
        [sys.executable, *command],
        cwd=own_template,
        env=own_environment() | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
    )

    assert proof.returncode == 1, proof.stdout + proof.stderr
    assert sabotage.says in proof.stdout + proof.stderr
