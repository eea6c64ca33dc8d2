"""Runs the jobs of a service's GitHub workflow here: each `run:` step, in order, as written.

This machine stands in for the actions: the checkout is a clean clone, uv is installed, and so is
PostgreSQL. A job that needs Docker stops at that step, and says so. An unsupported action,
condition or expression is an error, since its effect would go untested.
"""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from evergreen.postgresql_server import open_folder, postgresql_server
from evergreen.releases import commit_all, git
from evergreen.suites import Step, folder_of_files, own_environment, run_step

PROVIDED_HERE = {"actions/checkout", "astral-sh/setup-uv"}
NEEDS_DOCKER = {"docker/setup-buildx-action", "docker/build-push-action"}


class UnsupportedError(ValueError):
    """A workflow contains something that the proof can't run."""


@dataclass
class Job:
    """A job for one row of its matrix, with the results of its steps."""

    name: str
    steps: list[Step] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """The names of the steps that did not run because they need Docker."""

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)


def expand(text: object, context: dict[str, str]) -> str:
    """Replaces every `${{ … }}` by its value; raises `UnsupportedError` for other expressions."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in context:
            raise UnsupportedError(f"the expression {found[0]} is not supported")
        return context[found[1]]

    return re.sub(r"\$\{\{ *(.*?) *\}\}", value, str(text))


def rows_of_matrix(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    matrix = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*matrix.values()):
        yield {f"matrix.{name}": str(value) for name, value in zip(matrix, values, strict=True)}


def variables(level: dict[str, Any], context: dict[str, str]) -> dict[str, str]:
    return {name: expand(value, context) for name, value in level.get("env", {}).items()}


def run_workflow(
    files: dict[str, bytes],
    path: str,
    pythons: list[str],
    environment: dict[str, str] | None = None,
) -> list[Job]:
    """Runs the workflow of a service, locked and committed as by a team, with these variables.

    `pythons` are the versions on this machine, the oldest first. Rows of the matrix with another
    version are left out; a job that names another version gets the newest.
    """
    workflow = yaml.safe_load(files[path])
    jobs = []
    with folder_of_files(files) as repository:
        install = ["uv", "sync", "--quiet"]
        subprocess.run(install, cwd=repository, env=own_environment(), check=True)
        commit_all(repository)
        for job in workflow["jobs"].values():
            for row in rows_of_matrix(job):
                context = {
                    "github.workflow": workflow["name"],
                    "github.ref": "refs/heads/main",
                    **row,
                }
                python = variables(job, context).get("UV_PYTHON", pythons[-1])
                if python in pythons or not row:
                    jobs.append(run_job(job, context, repository, pythons, environment or {}))
    return jobs


def runnable_jobs(text: bytes) -> str:
    """Returns the same text for workflows that differ only in their matrix or in Docker jobs."""
    jobs = yaml.safe_load(text)["jobs"].values()
    runnable = [
        {name: value for name, value in job.items() if name != "strategy"}
        for job in jobs
        if not any(step.get("uses", "").split("@")[0] in NEEDS_DOCKER for step in job["steps"])
    ]
    return json.dumps(runnable)


def run_job(
    job: dict[str, Any],
    context: dict[str, str],
    repository: Path,
    pythons: list[str],
    given: dict[str, str],
) -> Job:
    result = Job(expand(job["name"], context))
    environment = own_environment() | {"CI": "true"} | given | variables(job, context)
    if environment.get("UV_PYTHON") not in pythons:
        environment["UV_PYTHON"] = pythons[-1]
    with open_folder() as folder, ExitStack() as services:
        clone = folder / "clone"
        git("clone", "--quiet", str(repository), str(clone), cwd=folder)
        for service in job.get("services", {}).values():
            here = services.enter_context(stand_in(service, repository))
            there = service["ports"][0].rpartition(":")[0]
            environment = {name: value.replace(there, here) for name, value in environment.items()}
        for number, step in enumerate(job["steps"]):
            action = step.get("uses", "").split("@")[0]
            if action in NEEDS_DOCKER:
                result.left_out = [skipped["name"] for skipped in job["steps"][number:]]
                break
            if action and action not in PROVIDED_HERE:
                raise UnsupportedError(f"the action {action} is not supported")
            if "if" in step:
                raise UnsupportedError(f"the condition `{step['if']}` is not supported")
            if not action:
                # GitHub's default for a step that names no shell.
                command = ["bash", "-e", "-c", expand(step["run"], context)]
                own = environment | variables(step, context)
                result.steps.append(run_step(step["name"], command, clone, own))
            if not result.passed:
                break
    return result


@contextmanager
def stand_in(service: dict[str, Any], repository: Path) -> Iterator[str]:
    """Yields host and port of a server that stands in for the container of a service."""
    image = service["image"].split(":")[0]
    expected = {"POSTGRES_DB": "test", "POSTGRES_HOST_AUTH_METHOD": "trust"}
    if image != "postgres" or service["env"] != expected:
        raise UnsupportedError(f"the service {image} with {service['env']} is not supported")
    with postgresql_server(repository / ".venv") as url:
        yield url.rpartition("@")[2]
