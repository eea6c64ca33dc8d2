import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def template(template_with_releases: Path) -> Path:
    """Here, the template has releases."""
    return template_with_releases


@pytest.fixture
def installed_before(
    programs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lets uv take what is installed, since to install it for each service takes longer."""
    command = tmp_path / "programs/uv"
    command.parent.mkdir()
    command.write_text(
        "#!/bin/sh\n"
        f': "${{UV_PROJECT_ENVIRONMENT:={programs["sqlite"].parent}}}"\n'
        f'export UV_PROJECT_ENVIRONMENT\nexec "{shutil.which("uv")}" "$@"\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
