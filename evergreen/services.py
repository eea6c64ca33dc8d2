"""Installs services, copies them, runs their tests and logs in to them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import copier
import httpx

from evergreen.forked_suites import suites_of
from evergreen.processes import heed_ctrl_c, wait_until

Render = Callable[..., Path]
"""A function that takes answers by name and returns the folder of a new service."""


def install_service(template: Path, folder: Path, **answers: object) -> Path:
    """Renders a service into a folder and installs it in its `.venv`."""
    copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD")
    subprocess.run(["uv", "sync", "--quiet"], cwd=folder, check=True)
    return folder


def copy_of(service: Path, folder: Path) -> Path:
    """Copies the files of an installed service, without its `.venv` and its databases."""
    ignored = shutil.ignore_patterns(".venv", ".postgresql*", "*.db*")
    return Path(shutil.copytree(service, folder, ignore=ignored))


def run_suite(
    installed_service: Path,
    *arguments: str,
    service: Path | None = None,
    environment: dict[str, str] | None = None,
    forked: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Runs the tests of an installed service, or of a copy of it with the same programs.

    In a fork of a process that has imported the libraries, which takes most of the time of a run;
    or in a new one, where it matters how Python starts and ends.
    """
    variables = {**os.environ, **(environment or {})}
    if not forked:
        return subprocess.run(
            [installed_service / ".venv/bin/pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=service or installed_service,
            env=variables,
            capture_output=True,
            text=True,
        )
    result = suites_of(installed_service / ".venv/bin").run(
        service or installed_service, "-q", *arguments, environment=variables
    )
    return subprocess.CompletedProcess(arguments, result.code, result.output, "")


def stop_suite(
    installed_service: Path,
    service: Path,
    sent: signal.Signals,
    *arguments: str,
    when: Callable[[], bool],
) -> None:
    """Runs the tests of a copy of the installed service, and sends them a signal at `when`."""
    program = str(installed_service / ".venv/bin/python")
    process = subprocess.Popen(
        [program, "-m", "pytest", *arguments],
        cwd=service,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_ctrl_c,
    )
    try:
        wait_until(when)
        process.send_signal(sent)
        process.wait(timeout=20)
    finally:
        process.kill()


def is_ready(address: str, process: subprocess.Popen[bytes]) -> bool:
    """Raises `AssertionError` if the process of the server has ended."""
    assert process.poll() is None, "the server has stopped"
    try:
        return httpx.get(f"{address}/readyz").is_success
    except httpx.TransportError:
        return False


ADA = {"email": "ada@example.com", "password": "correct horse"}


@contextmanager
def logged_in(address: str) -> Iterator[httpx.Client]:
    """Yields a client of a service, logged in as a user that is registered if necessary."""
    with httpx.Client(base_url=address) as client:
        client.post("/auth/register", json=ADA)
        form = {"username": ADA["email"], "password": ADA["password"]}
        token = client.post("/auth/token", data=form).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client
