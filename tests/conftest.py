import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import copier
import httpx
import pytest

from evergreen.processes import heed_ctrl_c, wait_until
from evergreen.releases import COMMITS_OF_NOBODY, commit_all
from evergreen.working_tree import ROOT, copy_working_tree

Render = Callable[..., Path]


@pytest.fixture
def commits_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMMITS_OF_NOBODY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit: the working tree.

    Copier would render a working tree with changes, too, but with a warning.
    """
    repository = tmp_path_factory.mktemp("template")
    copy_working_tree(ROOT, repository)
    commit_all(repository)
    return repository


@pytest.fixture
def render(template: Path, tmp_path: Path) -> Render:
    """A function: answers, given by name, to the folder of a new service.

    Raises `ValueError` for an answer that is refused, as Copier does.
    """

    def render(**answers: object) -> Path:
        service = tmp_path / "service"
        copier.run_copy(
            str(template), service, data=answers, defaults=True, quiet=True, vcs_ref="HEAD"
        )
        return service

    return render


def install_service(template: Path, folder: Path, **answers: object) -> Path:
    """Renders a service with these answers into a folder, and installs it in its `.venv`."""
    copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD")
    subprocess.run(["uv", "sync", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def installed_service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service of all defaults with its `.venv`, for tests that leave its files alone."""
    folder = tmp_path_factory.mktemp("installed") / "mein Dienst für Tests"
    return install_service(template, folder)


@pytest.fixture
def service_to_change(installed_service: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change; it has no `.venv`, so use that of the other."""
    return copy_of(installed_service, tmp_path / "service to change")


def copy_of(service: Path, folder: Path) -> Path:
    """Copies the files of an installed service, but neither its `.venv` nor its databases."""
    ignored = shutil.ignore_patterns(".venv", ".postgresql*", "*.db*")
    return Path(shutil.copytree(service, folder, ignore=ignored))


def replace_once(file: Path, old: str, new: str) -> None:
    """Raises `AssertionError` unless the file has exactly one place for it."""
    text = file.read_text()
    assert text.count(old) == 1, f"{file} has {text.count(old)} places for {old!r}, not one"
    file.write_text(text.replace(old, new))


def run_suite(
    installed_service: Path,
    *arguments: str,
    service: Path | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs the tests of the installed service, or those of a copy, with the programs of it."""
    program = str(installed_service / ".venv/bin/pytest")
    return subprocess.run(
        [program, "-q", "-p", "no:cacheprovider", *arguments],
        cwd=service or installed_service,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
    )


def stop_suite(
    installed_service: Path,
    service: Path,
    sent: signal.Signals,
    *arguments: str,
    when: Callable[[], bool],
) -> None:
    """Runs the tests of a copy of the installed service, and stops them by a signal meanwhile."""
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


ADA = {"email": "ada@example.com", "password": "correct horse"}


@contextmanager
def logged_in(address: str) -> Iterator[httpx.Client]:
    """A client of a service, which acts as a user who is registered there if need be."""
    with httpx.Client(base_url=address) as client:
        client.post("/auth/register", json=ADA)
        form = {"username": ADA["email"], "password": ADA["password"]}
        token = client.post("/auth/token", data=form).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client
