"""Runs the jobs of a service's GitHub workflow here: each `run:` step, in order, as written.

What an action does is done by this machine: the checkout is a clean clone, uv is there, and so is
PostgreSQL. A job that needs Docker stops where it needs it, and says so. An action, a condition or
an expression that is not known here is an error, since what it does would go untested.
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


class UnknownError(ValueError):
    """Of something in a workflow that the proof does not know how to do."""


@dataclass
class Job:
    """A job with one value of its matrix, and what became of its steps."""

    name: str
    steps: list[Step] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """The steps that were not run, since they need Docker."""

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)


def expand(text: object, context: dict[str, str]) -> str:
    """Puts values in the place of `${{ … }}`; raises `UnknownError` for an unknown expression."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in context:
            raise UnknownError(f"the expression {found[0]} is not known")
        return context[found[1]]

    return re.sub(r"\$\{\{ *(.*?) *\}\}", value, str(text))


def rows_of_matrix(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    matrix = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*matrix.values()):
        yield {f"matrix.{name}": str(value) for name, value in zip(matrix, values, strict=True)}


def variables(level: dict[str, Any], context: dict[str, str]) -> dict[str, str]:
    return {name: expand(value, context) for name, value in level.get("env", {}).items()}


def run_workflow(files: dict[str, bytes], path: str, pythons: list[str]) -> list[Job]:
    """Runs the workflow of a service that its team has locked and committed.

    `pythons` are those of this machine, the oldest first. Rows of the matrix with another one are
    left out; a job that names another one gets the newest.
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
                    jobs.append(run_job(job, context, repository, pythons))
    return jobs


def what_is_run(text: bytes) -> str:
    """The same for workflows that differ in their matrix only, or in what needs Docker."""
    jobs = yaml.safe_load(text)["jobs"].values()
    run_here = [
        {name: value for name, value in job.items() if name != "strategy"}
        for job in jobs
        if not any(step.get("uses", "").split("@")[0] in NEEDS_DOCKER for step in job["steps"])
    ]
    return json.dumps(run_here)


def run_job(
    job: dict[str, Any], context: dict[str, str], repository: Path, pythons: list[str]
) -> Job:
    result = Job(expand(job["name"], context))
    environment = own_environment() | {"CI": "true"} | variables(job, context)
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
                result.left_out = [left["name"] for left in job["steps"][number:]]
                break
            if action and action not in PROVIDED_HERE:
                raise UnknownError(f"the action {action} is not known")
            if "if" in step:
                raise UnknownError(f"the condition `{step['if']}` is not known")
            if not action:
                # What GitHub runs where a step names no shell.
                command = ["bash", "-e", "-c", expand(step["run"], context)]
                own = environment | variables(step, context)
                result.steps.append(run_step(step["name"], command, clone, own))
            if not result.passed:
                break
    return result


@contextmanager
def stand_in(service: dict[str, Any], repository: Path) -> Iterator[str]:
    """Host and port of a server in the place of a service's container."""
    image = service["image"].split(":")[0]
    expected = {"POSTGRES_DB": "test", "POSTGRES_HOST_AUTH_METHOD": "trust"}
    if image != "postgres" or service["env"] != expected:
        raise UnknownError(f"the service {image} with {service['env']} is not known")
    with postgresql_server(repository / ".venv") as url:
        yield url.rpartition("@")[2]
