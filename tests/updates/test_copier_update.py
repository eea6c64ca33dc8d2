"""`copier update` loses edits without a word: it says so first, and names the files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evergreen.released_answers import VERSIONS, offered_by
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, git, update
from evergreen.rendering import files_of
from evergreen.working_tree import ROOT
from tests.updater.task_runs import service_with_a_conflict
from tests.updates.test_policy import rows_of_the_table

OURS = "# ours\n"


def listed_in_the_message() -> set[str]:
    message = yaml.safe_load((ROOT / "copier.yml").read_text())["_message_before_update"]
    return set(re.findall(r"(?m)^ +(\S+\.\w+)$", message))


def lost_by_copier(service: Path) -> set[str]:
    """The files that have lost a line of a team after an update, though each file had one."""
    edited = [path for path in files_of(service) if path != ".copier-answers.yml"]
    for path in edited:
        with (service / path).open("a") as file:
            file.write(OURS)
    commit_all(service)

    update(service, TIP)

    updated = files_of(service)
    return {path for path in edited if OURS.encode() not in updated.get(path, b"")}


@pytest.mark.shows("copier update loses only edits of files that its message names")
@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=() if version == VERSIONS[0] else pytest.mark.thorough)
        for version in VERSIONS
    ],
)
def test_copier_update_loses_edits_only_in_files_that_its_message_names(
    template: Path, tmp_path: Path, version: str
) -> None:
    for database in offered_by(version)["database"]:
        folder = tmp_path / str(database)
        service = copy_of_release(template, version, {"database": database}, folder)
        expected = listed_in_the_message() & files_of(service).keys()

        assert lost_by_copier(service) == expected
        assert expected.isdisjoint(conflicts(service))


def test_the_message_of_copier_update_names_every_path_of_the_changelog(template: Path) -> None:
    paths = {row for row in rows_of_the_table(template) if re.fullmatch(r"[\w./-]+/[\w.-]+", row)}

    assert listed_in_the_message() == paths


def copier_update(service: Path) -> str:
    """Runs the program; returns what it printed."""
    program = Path(sys.executable).with_name("copier")
    return subprocess.run(
        [program, "update", "--defaults", f"--vcs-ref={TIP}"],
        cwd=service,
        check=True,
        capture_output=True,
        text=True,
    ).stderr


def test_copier_update_shows_the_message(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, VERSIONS[-1], {}, tmp_path / "service")

    printed = copier_update(service)

    for line in [*listed_in_the_message(), "uv run poe template-update"]:
        assert f"    {line}\n" in printed


def test_copier_update_names_checks_that_find_conflicts_and_deleted_files(
    template: Path, tmp_path: Path
) -> None:
    service = service_with_a_conflict(template, tmp_path / "service")
    deleted = listed_in_the_message() & files_of(service).keys()

    *_, checks = copier_update(service).partition("Check first what it has done:")

    git_status, git_diff, *others = re.findall(r"(?m)^    (\S.*?)(?: +#.*)?$", checks)
    status = git(*git_status.split()[1:], cwd=service)
    assert set(re.findall(r"\tdeleted: +(\S+)\n", status)) >= deleted != set()
    assert "<<<<<<< before updating" in git(*git_diff.split()[1:], cwd=service)
    assert others == ["uv lock", "uv run poe check"]
