import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def template(template_with_releases: Path) -> Path:
    """Here, the template has releases."""
    return template_with_releases


@pytest.fixture(scope="session", autouse=True)
def uv() -> Iterator[Path]:
    """The program itself: in front of it, some machines have a script that takes its time."""
    command = ["uv", "run", "--no-project", "python", "-c", "import os; print(os.environ['UV'])"]
    program = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout[:-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        yield program


@pytest.fixture
def own_uv(uv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that stands in for uv, to which other fixtures add lines."""
    script = tmp_path / "programs/uv"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{uv}" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return script


def insert_first(script: Path, lines: str) -> None:
    heading, rest = script.read_text().split("\n", 1)
    script.write_text(f"{heading}\n{lines}\n{rest}")


@pytest.fixture
def install_before(programs: dict[str, Path], own_uv: Path) -> Callable[[str], None]:
    """A function that lets uv take what is installed for services with a database."""

    def install_before(database: str) -> None:
        installed = programs[database].parent
        insert_first(
            own_uv,
            f'export UV_PROJECT_ENVIRONMENT="${{UV_PROJECT_ENVIRONMENT:-{installed}}}"',
        )

    return install_before


@pytest.fixture
def installed_before(install_before: Callable[[str], None]) -> None:
    """Lets uv take what is installed, since to install it for each service takes longer."""
    install_before("sqlite")


@pytest.fixture
def quick_update(own_uv: Path, installed_copier: None) -> None:
    """An update takes the Copier that is installed here, and does not really run the tests."""
    insert_first(own_uv, 'if [ "$*" = "run --quiet pytest -q" ]; then exit; fi')


@pytest.fixture
def installed_copier(own_uv: Path) -> None:
    """An update takes the Copier and the ruff that are installed here."""
    own_uvx = own_uv.with_name("uvx")
    own_uvx.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f'"--quiet --from copier"*) shift 4; exec "{sys.executable}" -m copier "$@";;\n'
        f'"--quiet ruff"*) shift 2; exec "{sys.executable}" -m ruff "$@";;\n'
        "esac\n"
    )
    own_uvx.chmod(0o755)
