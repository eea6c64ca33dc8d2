"""Fixtures that the tests of several subjects use."""

from pathlib import Path

import copier
import pytest

from evergreen.releases import commit_all
from evergreen.services import Render, copy_of, install_service
from evergreen.working_tree import ROOT, copy_working_tree


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


@pytest.fixture(scope="session")
def installed_service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service of all defaults with its `.venv`, for tests that leave its files alone."""
    folder = tmp_path_factory.mktemp("installed") / "mein Dienst für Tests"
    return install_service(template, folder)


@pytest.fixture
def service_to_change(installed_service: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change; it has no `.venv`, so use that of the other."""
    return copy_of(installed_service, tmp_path / "service to change")
