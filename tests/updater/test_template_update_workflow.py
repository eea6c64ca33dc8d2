"""The workflow of a service that updates it each week."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from evergreen.edits import write
from evergreen.releases import TIP, copy_of_release, fresh_files, git
from evergreen.suites import own_environment
from tests.updater.task_runs import BRANCH, command

pytestmark = pytest.mark.usefixtures("installed_before")


GH = """\
#!/bin/sh
case "$1 $2" in
    "pr list") echo $EARLIER ;;
    "pr create") echo "$@" >> "$LOG"; exit $REFUSED ;;
esac
"""


def run_workflow(origin: Path, checkout: Path, template: Path, **variables: str) -> int:
    """In a new clone, with a stand-in for the program of GitHub; the code of what fails, or 0."""
    git("clone", "--quiet", str(origin), str(checkout), cwd=origin)
    tip = fresh_files(template, TIP, {})[".github/workflows/template-update.yml"]
    for step in yaml.safe_load(tip)["jobs"]["update"]["steps"]:
        script = step.get("run", "")
        for task in ("update", "check"):
            script = script.replace(
                f"uv run poe template-{task}", " ".join(command(checkout, task))
            )
        result = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=checkout,
            env=own_environment() | {"GITHUB_REF_NAME": "main", "GH_TOKEN": "a token"} | variables,
        )
        if result.returncode != 0:
            return result.returncode
    return 0


def test_the_workflow_opens_a_pull_request_until_there_is_one(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    origin, log = tmp_path / "origin", tmp_path / "gh.log"
    git("clone", "--quiet", "--bare", str(service), str(origin), cwd=tmp_path)
    write(tmp_path / "bin/gh", GH)
    (tmp_path / "bin/gh").chmod(0o755)
    variables = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "LOG": str(log)}
    weeks = [{"EARLIER": "0", "REFUSED": "1"}, {"EARLIER": "0", "REFUSED": "0"}, {"EARLIER": "1"}]

    results = [
        run_workflow(origin, tmp_path / f"week {number}", template, **variables | week)
        for number, week in enumerate(weeks)
    ]

    assert results == [1, 0, 0]
    assert BRANCH in git("branch", "--list", cwd=origin)
    title = (
        f"--title Update from the template, 0.3.0 to {TIP} --body This service is made from 0.3.0"
    )
    created = f"pr create --head {BRANCH} --base main {title}"
    assert log.read_text().count(created) == 2
