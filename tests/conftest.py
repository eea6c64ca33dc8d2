"""Fixtures that tests of several subjects share."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import copier
import pytest

from evergreen.compilation import compiled_once
from evergreen.databases import Database, NewDatabase
from evergreen.growth import add_dependencies, read_library
from evergreen.postgresql_server import open_folder, postgresql_server, psql
from evergreen.releases import ANONYMOUS_IDENTITY, TIP, commit_all, fresh_files, git, tagged_clone
from evergreen.services import Render, copy_of, install_service
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT, copy_working_tree
from tools.report.parts import RESULTS


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a single commit of the working tree.

    Copier can also render uncommitted changes, but it warns about them.
    """
    repository = tmp_path_factory.mktemp("template")
    copy_working_tree(ROOT, repository)
    commit_all(repository)
    return repository


@pytest.fixture
def render(template: Path, tmp_path: Path) -> Render:
    """A function that takes answers by name and returns the folder of a new service.

    Like Copier, it raises `ValueError` for an answer that is refused.
    """

    def render(**answers: object) -> Path:
        service = tmp_path / "service"
        copier.run_copy(
            str(template), service, data=answers, defaults=True, quiet=True, vcs_ref="HEAD"
        )
        return service

    return render


@pytest.fixture(scope="session")
def installed_service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with all defaults and a `.venv`, for tests that don't change its files."""
    folder = tmp_path_factory.mktemp("installed") / "mein Dienst für Tests"
    return install_service(template, folder)


@pytest.fixture
def service_to_change(installed_service: Path, tmp_path: Path) -> Path:
    """A copy that a test may change; it has no `.venv`, so use that of `installed_service`."""
    return copy_of(installed_service, tmp_path / "service to change")


@pytest.fixture(scope="session")
def postgresql_service(template: Path) -> Iterator[Path]:
    """A service with all defaults except the database, and a `.venv`."""
    with open_folder() as folder:
        yield install_service(template, folder / "Dienst für Tests", database="postgresql")


@pytest.fixture
def postgresql_service_to_change(postgresql_service: Path) -> Iterator[Path]:
    """A copy that a test may change: only its files, so that it starts without data."""
    with open_folder() as folder:
        yield copy_of(postgresql_service, folder / "service")


# ── Updates ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def isolated_git() -> Iterator[None]:
    """Git ignores the settings of this machine and commits with an anonymous identity."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for name, value in ANONYMOUS_IDENTITY.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def fast_copier() -> Iterator[None]:
    """Copier compiles each source of the template only once, and starts fewer processes."""
    with pytest.MonkeyPatch.context() as patch:
        # Where git tracks file modes, this changes nothing, yet it starts 134 processes.
        patch.setattr("copier._main.Worker._sync_git_index_executable_bit", lambda *_: None)
        with compiled_once({}):
            yield


@pytest.fixture(scope="session")
def template_with_releases(
    tmp_path_factory: pytest.TempPathFactory, isolated_git: None, fast_copier: None
) -> Path:
    """A clone of this repository with a tag for each release, and `TIP` for the working tree."""
    return tagged_clone(ROOT, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture
def own_template(template_with_releases: Path, tmp_path: Path) -> Path:
    """A clone of this template that a test may break."""
    git("clone", "--quiet", str(template_with_releases), str(tmp_path / "template"), cwd=tmp_path)
    return tmp_path / "template"


@pytest.fixture(scope="session")
def programs(template_with_releases: Path, worker_id: str) -> dict[str, Path]:
    """The folder of the programs that a service of the tip has installed, by database.

    With the dependencies of all features of tests/growth.
    """
    folders = {}
    for database in ("sqlite", "postgresql"):
        folder = RESULTS / f"installed/updates {database} {worker_id}"
        folder.mkdir(parents=True, exist_ok=True)
        files = fresh_files(template_with_releases, TIP, {"database": database})
        (folder / "pyproject.toml").write_bytes(files["pyproject.toml"])
        add_dependencies(folder / "pyproject.toml", read_library())
        command = ["uv", "sync", "--quiet"]
        subprocess.run(command, cwd=folder, env=own_environment(), check=True)
        folders[database] = folder / ".venv/bin"
    return folders


@pytest.fixture(scope="session")
def database_server(programs: dict[str, Path]) -> Iterator[str]:
    with postgresql_server(programs["postgresql"].parent) as url:
        yield url


@pytest.fixture
def new_database(
    programs: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> NewDatabase:
    """A function that creates an empty database of a kind, which no service knows of."""

    def new_database(kind: str) -> Database:
        name = f"test_{uuid4().hex}"
        if kind == "sqlite":
            url = f"sqlite+aiosqlite:///{tmp_path}/{name}.db"
        else:
            server = request.getfixturevalue("database_server")
            statement = f"CREATE DATABASE {name}"
            psql(programs[kind].parent, f"{server}/postgres", statement)
            url = f"{server}/{name}".replace("postgresql:", "postgresql+asyncpg:")
        return Database(url, programs[kind])

    return new_database
