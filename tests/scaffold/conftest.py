import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evergreen.releases import commit_all
from evergreen.scaffold import run_new_resource
from evergreen.services import copy_of
from evergreen.suites import own_environment

NewResource = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def service(installed_service: Path, tmp_path: Path, isolated_git: None) -> Path:
    """A committed service; what it needs is installed elsewhere."""
    folder = copy_of(installed_service, tmp_path / "service")
    commit_all(folder)
    return folder


@pytest.fixture
def variables(installed_service: Path) -> dict[str, str]:
    """Those with which uv finds what is installed, and Python leaves no byte code."""
    return own_environment() | {
        "UV_PROJECT_ENVIRONMENT": str(installed_service / ".venv"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUFF_NO_CACHE": "true",
    }


@pytest.fixture
def new_resource(service: Path, variables: dict[str, str]) -> NewResource:
    """Runs the command in the service, from the working tree of the template."""

    def new_resource(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_new_resource(service, words, variables | more)

    return new_resource


def with_program(folder: Path, name: str, script: str) -> str:
    """Returns a PATH on which this script comes first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
