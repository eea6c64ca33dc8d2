import os
import shutil
from pathlib import Path

import pytest

UV = shutil.which("uv")


@pytest.fixture(scope="session")
def template(template_with_releases: Path) -> Path:
    """Here, the template has releases."""
    return template_with_releases


@pytest.fixture
def installed_before(
    programs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lets uv take what is installed, since to install it for each service takes longer."""
    script = (
        f': "${{UV_PROJECT_ENVIRONMENT:={programs["sqlite"].parent}}}"\n'
        f'export UV_PROJECT_ENVIRONMENT\nexec "{UV}" "$@"\n'
    )
    put_first(tmp_path / "installed before/uv", script, monkeypatch)


@pytest.fixture
def passing_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update does not really run the tests of the service, which takes two seconds."""
    script = f'if [ "$*" = "run --quiet pytest -q" ]; then exit; fi\nexec "{UV}" "$@"\n'
    put_first(tmp_path / "passing suite/uv", script, monkeypatch)


def put_first(command: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the PATH of what a test starts."""
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\n{script}")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
