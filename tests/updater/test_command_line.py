"""The command lines of the updater, which the `template_tasks.py` of released services rely on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from evergreen.releases import TIP, copy_of_release
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT

OPTIONS = "[-h] [--answers-file FILE] [--template ADDRESS]"
UPDATES = "[--to VERSION] [--data NAME=VALUE] [--no-tests] [--pull-request FOLDER]"
FLEET = "[-h] [--to VERSION] [--no-tests] [--jobs JOBS] FOLDER [FOLDER ...]"
COMMAND_LINES = [
    ("updater", "template_tasks.py [-h] check | diff | update ...", ["check", "diff", "update"]),
    ("updater check", f"template_tasks.py check {OPTIONS}", []),
    ("updater diff", f"template_tasks.py diff {OPTIONS} [--from VERSION]", []),
    ("updater update", f"template_tasks.py update {OPTIONS} [--from VERSION] {UPDATES}", []),
    ("-m updater.fleet", f"python -m updater.fleet {FLEET}", ["FOLDER"]),
]


@pytest.mark.parametrize(("command", "usage", "arguments"), COMMAND_LINES)
def test_help_shows_each_argument_and_what_it_is_for(
    command: str, usage: str, arguments: list[str]
) -> None:
    result = subprocess.run(
        [sys.executable, *command.split(), "--help"],
        cwd=ROOT,
        env=own_environment() | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: {usage}\n")
    listed, options = result.stdout.split("\noptions:\n")
    assert re.findall(r"(?m)^ +(\w+) {2,}[a-z]", listed) == arguments
    assert len(re.findall(r"(?m)^  -.*?(?: {2,}|\n +)[a-z]", options)) == usage.count("[-")


def test_answers_with_another_name_have_a_short_option(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    (service / ".copier-answers.yml").rename(service / "ours.yml")

    result = run_updater(template, service, "check", "-a", "ours.yml")

    assert result.returncode == 0, result.stderr


@pytest.mark.usefixtures("installed_copier")
def test_variables_of_a_hook_of_git_do_not_lead_elsewhere(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    names = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")

    result = run_updater(
        template, service, "diff", **dict.fromkeys(names, str(tmp_path / "elsewhere"))
    )

    assert result.stdout == "Each file of the template is as in a fresh copy.\n", result.stderr


def run_updater(
    template: Path, service: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Without the `template_tasks.py` of a service, as a maintainer tries it."""
    return subprocess.run(
        [sys.executable, str(template / "updater"), *arguments],
        cwd=service,
        env=own_environment() | variables,
        capture_output=True,
        text=True,
    )
