"""The workflow of a service that updates it each week."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from proof.releases import TIP, copy_of_release, git
from proof.rendering import files_of
from proof.suites import own_environment
from updates.scenarios import write
from updates.task_runs import BRANCH, command

pytestmark = pytest.mark.usefixtures("installed_before")


def test_the_workflow_pushes_a_branch_and_opens_a_pull_request(
    template: Path, tmp_path: Path
) -> None:
    older = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    workflow = yaml.safe_load(
        files_of(copy_of_release(template, TIP, {}, tmp_path / "tip"))[
            ".github/workflows/template-update.yml"
        ]
    )
    origin = tmp_path / "origin"
    git("clone", "--quiet", "--bare", str(older), str(origin), cwd=tmp_path)
    git("clone", "--quiet", str(origin), str(tmp_path / "checkout"), cwd=tmp_path)
    write(tmp_path / "bin/gh", f'#!/bin/sh\necho "$@" >> {tmp_path}/gh.log\n')
    (tmp_path / "bin/gh").chmod(0o755)
    variables = own_environment() | {
        "GITHUB_REF_NAME": "main",
        "GH_TOKEN": "a token",
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
    }

    for step in workflow["jobs"]["update"]["steps"]:
        if "run" in step:
            script = step["run"].replace("uv run poe template-update", " ".join(command("update")))
            subprocess.run(
                ["bash", "-e", "-c", script], cwd=tmp_path / "checkout", env=variables, check=True
            )

    assert BRANCH in git("branch", "--list", cwd=origin)
    assert (tmp_path / "gh.log").read_text() == (
        f"auth setup-git\npr create --fill --head {BRANCH} --base main\n"
    )
