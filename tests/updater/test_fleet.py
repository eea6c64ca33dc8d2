"""`python -m updater.fleet` updates many services and ends in a table."""

import subprocess
import sys
from pathlib import Path

import pytest

from evergreen.releases import TIP, copy_of_release, git
from evergreen.suites import own_environment
from tests.updater.conftest import insert_first
from tests.updater.task_runs import BRANCH, service_with_a_conflict

pytestmark = pytest.mark.usefixtures("quick_update")


def run_fleet(template: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "updater.fleet", *arguments],
        cwd=template,
        env=own_environment(),
        capture_output=True,
        text=True,
    )


def test_it_updates_all_services_and_says_what_came_out(
    template: Path, tmp_path: Path, own_uv: Path
) -> None:
    insert_first(own_uv, 'if [ "$*" = "run --quiet pytest -q" ]; then printf "\\377"; fi')
    old = copy_of_release(template, "0.3.0", {}, tmp_path / "old")
    new = copy_of_release(template, TIP, {}, tmp_path / "new")
    edited = service_with_a_conflict(template, tmp_path / "edited")
    broken = copy_of_release(template, "0.3.0", {}, tmp_path / "not committed")
    (broken / "README.md").write_text("not committed\n")

    result = run_fleet(template, old, new, edited, broken)

    _, table, failure = result.stdout.split("\n\n")
    assert result.returncode == 1, result.stdout + result.stderr
    conflict = (
        "These files have conflicts**, which are committed with their markers. Merge them on "
    )
    nothing, wide = " " * len(BRANCH), len(str(broken))
    assert table.splitlines() == [
        f"{old!s:{wide}}  {BRANCH}  updated",
        f"{new!s:{wide}}  {nothing}  up to date",
        f"{edited!s:{wide}}  {BRANCH}  {conflict}this branch:",
        f"{broken}  {nothing}  failed",
    ]
    assert failure.startswith(f"{broken} was not updated:\nCommit or stash these changes first")
    assert git("branch", "--list", BRANCH, cwd=old)
    assert git("branch", "--list", BRANCH, cwd=edited)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "There is no .copier-answers.yml in nowhere.\n"),
        (["--jobs", "0", "{service}"], "--jobs 0: at least one update has to run.\n"),
    ],
)
def test_bad_input_is_refused(
    template: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")

    result = run_fleet(template, *(argument.format(service=service) for argument in arguments))

    assert result.returncode == 1
    assert result.stderr == sentence


def test_it_updates_to_the_release_that_is_named(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    result = run_fleet(template, service, "--to", "0.4.0", "--no-tests", "--jobs", "1")

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == (f"1 of 1: {service}: updated\n\n{service}  template-0.4.0  updated\n")
