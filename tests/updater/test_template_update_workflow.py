"""The workflow of a service that updates it each week."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from evergreen.edits import write
from evergreen.releases import TIP, copy_of_release, git
from evergreen.suites import own_environment
from tests.updater.task_runs import NEXT, release_next

pytestmark = pytest.mark.usefixtures("installed_before", "quick_update")


GH = """\
#!/bin/sh
case "$1 $2" in
    "pr list") echo $EARLIER ;;
    "pr create") echo "$@" >> "$LOG"; exit $REFUSED ;;
esac
"""


def run_workflow(origin: Path, checkout: Path, **variables: str) -> int:
    """Runs its commands in a new clone, with a stand-in for GitHub's program.

    Returns the exit code of the step that fails, or 0.
    """
    git("clone", "--quiet", str(origin), str(checkout), cwd=origin)
    workflow = yaml.safe_load((checkout / ".github/workflows/template-update.yml").read_text())
    for step in workflow["jobs"]["update"]["steps"]:
        result = subprocess.run(
            ["bash", "-e", "-c", step.get("run", "")],
            cwd=checkout,
            env=own_environment() | {"GITHUB_REF_NAME": "main", "GH_TOKEN": "a token"} | variables,
        )
        if result.returncode != 0:
            return result.returncode
    return 0


def test_the_workflow_opens_a_pull_request_until_there_is_one(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    release_next(own_template)
    origin, log = tmp_path / "origin", tmp_path / "gh.log"
    git("clone", "--quiet", "--bare", str(service), str(origin), cwd=tmp_path)
    write(tmp_path / "bin/gh", GH)
    (tmp_path / "bin/gh").chmod(0o755)
    variables = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "LOG": str(log)}
    weeks = [{"EARLIER": "0", "REFUSED": "1"}, {"EARLIER": "0", "REFUSED": "0"}, {"EARLIER": "1"}]

    results = [
        run_workflow(origin, tmp_path / f"week {number}", **variables | week)
        for number, week in enumerate(weeks)
    ]

    assert results == [1, 0, 0]
    branch = f"template-{NEXT}"
    assert branch in git("branch", "--list", cwd=origin)
    title = f"--title Update from the template, {TIP} to {NEXT}"
    created = (
        f"pr create --head {branch} --base main {title} --body This service is made from {TIP}"
    )
    assert log.read_text().count(created) == 2
