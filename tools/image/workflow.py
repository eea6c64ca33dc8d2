"""Reads the job of a GitHub workflow that builds an image, and turns its steps into commands.

A `run:` step is run as it is. An action that is known is replaced by what it does; any other
action, key or expression is an error, since its effect would go untested.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evergreen.workflows import UnsupportedError, expand, variables

KEYS_OF_JOB = {"name", "runs-on", "timeout-minutes", "permissions", "env", "steps"}
KEYS_OF_STEP = {"name", "uses", "with", "run", "env", "if"}
CHECK_OUT, BUILDX, BUILD = (
    "actions/checkout",
    "docker/setup-buildx-action",
    "docker/build-push-action",
)
INPUTS = {
    CHECK_OUT: {"persist-credentials"},
    BUILDX: set[str](),
    BUILD: {"context", "load", "tags"},
}


@dataclass(frozen=True)
class Step:
    name: str
    command: list[str]
    environment: dict[str, str]
    only_on_failure: bool = False


def read_job(text: str, name: str, repository: Path) -> list[Step]:
    """Returns the steps of a job, to be run in an empty folder."""
    workflow = yaml.safe_load(text)
    job = workflow["jobs"][name]
    refuse_others(job, KEYS_OF_JOB, f"the job {name}")
    environment = variables(workflow, {}) | variables(job, {})
    return [step_of(step, environment, repository) for step in job["steps"]]


def refuse_others(given: Mapping[str, Any], known: set[str], place: str) -> None:
    for key in given:
        if key not in known:
            raise UnsupportedError(f"{key} in {place} is not supported")


def step_of(step: dict[str, Any], environment: dict[str, str], repository: Path) -> Step:
    name = step["name"]
    refuse_others(step, KEYS_OF_STEP, f"the step {name}")
    condition = step.get("if", "success()")
    if condition not in ("success()", "failure()"):
        raise UnsupportedError(f"the condition `{condition}` is not supported")
    if "uses" in step:
        command = command_of(step["uses"].split("@")[0], step.get("with", {}), repository)
    else:
        # GitHub's default for a step that names no shell.
        command = ["bash", "-e", "-c", expand(step["run"], {})]
    own = environment | variables(step, {})
    return Step(name, command, own, only_on_failure=condition == "failure()")


def command_of(action: str, given: Mapping[str, Any], repository: Path) -> list[str]:
    """Returns a command that does what an action does with its inputs."""
    if action not in INPUTS:
        raise UnsupportedError(f"the action {action} is not supported")
    refuse_others(given, INPUTS[action], f"the inputs of {action}")
    if action == CHECK_OUT:
        return ["git", "clone", "--quiet", str(repository), "."]
    if action == BUILDX:
        return ["docker", "version"]  # BuildKit is part of the engine
    if given.get("load") is not True:
        raise UnsupportedError("an image that is not loaded can't be run by a later step")
    tags = [f"--tag={tag}" for tag in expand(given["tags"], {}).split()]
    return ["docker", "build", *tags, expand(given["context"], {})]
