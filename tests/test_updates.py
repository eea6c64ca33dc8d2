"""A service of each release, updated to the working tree, is what a fresh copy would be."""

import re
from pathlib import Path

import copier
import pytest
from conftest import ROOT, commit_all, git, update

from proof.rendering import files_of
from proof.working_tree import copy_working_tree

TIP = "9999.0.0"
ANSWERS: dict[str, dict[str, object]] = {
    "all defaults": {},
    "without the example": {"example": False},
    "as little as possible": {"example": False, "container": False, "ci": "none"},
    "another name": {"project_name": 'My "best" service: #1 {{ x }}', "python_min": "3.13"},
}


def releases() -> dict[str, str]:
    """Of each version, the commit that added its heading to the changelog, the oldest first.

    Raises `AssertionError` in a clone without the whole history.
    """
    assert git("rev-parse", "--is-shallow-repository", cwd=ROOT).strip() == "false", (
        "This clone is shallow, so the releases can't be found: run `git fetch --unshallow`."
    )
    commits = git("log", "--reverse", "--format=%H", "--", "CHANGELOG.md", cwd=ROOT).split()
    found: dict[str, str] = {}
    for commit in commits:
        changelog = git("show", f"{commit}:CHANGELOG.md", cwd=ROOT)
        for version in re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE):
            found.setdefault(version, commit)
    return found


@pytest.fixture(scope="session")
def released_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose releases are tagged; the working tree is a release above them all."""
    clone = tmp_path_factory.mktemp("released") / "template"
    git("clone", "--quiet", "--no-tags", str(ROOT), str(clone), cwd=ROOT)
    for version, commit in releases().items():
        git("tag", version, commit, cwd=clone)
    git("rm", "--quiet", "-r", ".", cwd=clone)
    copy_working_tree(ROOT, clone)
    commit_all(clone)
    git("tag", TIP, cwd=clone)
    return clone


def make(template: Path, folder: Path, version: str, answers: dict[str, object]) -> Path:
    copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True, vcs_ref=version)
    return folder


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("version", releases())
def test_an_update_of_an_unedited_service_equals_a_fresh_copy(
    released_template: Path,
    tmp_path: Path,
    commits_of_nobody: None,
    version: str,
    answers: dict[str, object],
) -> None:
    service = make(released_template, tmp_path / "service", version, answers)
    commit_all(service)

    update(service, TIP)

    assert files_of(service) == files_of(make(released_template, tmp_path / "fresh", TIP, answers))


@pytest.mark.parametrize("version", releases())
def test_an_update_of_a_service_with_sqlite_to_postgresql_equals_a_fresh_copy(
    released_template: Path, tmp_path: Path, commits_of_nobody: None, version: str
) -> None:
    service = make(released_template, tmp_path / "service", version, {})
    commit_all(service)
    answers: dict[str, object] = {"database": "postgresql"}

    update(service, TIP, **answers)

    assert files_of(service) == files_of(make(released_template, tmp_path / "fresh", TIP, answers))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_edit_of_lines_that_have_moved_is_kept_in_a_conflict(
    released_template: Path, tmp_path: Path, commits_of_nobody: None, database: str
) -> None:
    service = make(released_template, tmp_path / "service", "0.2.0", {})
    engine = service / "app/db/engine.py"
    engine.write_text(engine.read_text().replace('"timeout": 10', '"timeout": 20'))
    commit_all(service)

    update(service, TIP, database=database)

    assert '"timeout": 20' in engine.read_text()
    assert "<<<<<<< before updating" in engine.read_text()
    assert git("diff", "--name-only", "--diff-filter=U", cwd=service).split() == [
        "app/db/engine.py"
    ]
