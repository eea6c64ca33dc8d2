"""Services of each release that are updated to the working tree, and the table of what came out."""

import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from evergreen.compilation import compiled_once
from evergreen.questions import label
from evergreen.releases import COMMITS_OF_NOBODY, TIP, fresh_files, git, tagged_clone
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT
from tools.report.page import write_page
from tools.report.parts import RESULTS, save
from tools.report.updates import as_data, table_of_updates


@pytest.fixture(scope="session", autouse=True)
def nobody_s_git_and_one_compilation() -> Iterator[None]:
    """No setting of this machine changes what git does, and its commits are of nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for name, value in COMMITS_OF_NOBODY.items():
            patch.setenv(name, value)
        # Where git knows of modes, it does nothing, but asks git about each file: 134 processes.
        patch.setattr("copier._main.Worker._sync_git_index_executable_bit", lambda *_: None)
        with compiled_once({}):
            yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository whose releases are tagged, the working tree above them all."""
    return tagged_clone(ROOT, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture
def own_template(template: Path, tmp_path: Path) -> Path:
    """A clone of the releases that a test may break."""
    git("clone", "--quiet", str(template), str(tmp_path / "template"), cwd=tmp_path)
    return tmp_path / "template"


@pytest.fixture(scope="session")
def programs(template: Path, worker_id: str) -> dict[str, Path]:
    """Of each database, the folder of the programs that a service of the tip has installed."""
    folders = {}
    for database in ("sqlite", "postgresql"):
        folder = RESULTS / f"installed/updates {database} {worker_id}"
        folder.mkdir(parents=True, exist_ok=True)
        files = fresh_files(template, TIP, {"database": database})
        (folder / "pyproject.toml").write_bytes(files["pyproject.toml"])
        command = ["uv", "sync", "--quiet"]
        subprocess.run(command, cwd=folder, env=own_environment(), check=True)
        folders[database] = folder / ".venv/bin"
    return folders


@pytest.fixture(scope="session")
def passed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with a file for each service whose tests have passed, the same for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "passed"
    folder.mkdir(exist_ok=True)
    return folder


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


# ── The table of release, answers and scenario ────────────────────────────────


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tells the report, which may go to another process, what the test was about."""
    report = yield
    marker = item.get_closest_marker("shows")
    if marker is not None and isinstance(item, pytest.Function):
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        answers = parameters.get("answers")
        about = {
            "property": marker.args[0],
            "version": str(parameters.get("version", "")),
            "answers": label(answers) if isinstance(answers, dict) else "",
            "scenario": str(parameters.get("scenario", "")),
        }
        report.user_properties.append(("update", about))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows the table; a run of all updates puts it on the page, too."""
    rows = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for about in (value for name, value in report.user_properties if name == "update"):
                failure = "" if outcome == "passed" else str(report.longrepr)
                rows.append({**about, "seconds": report.duration, "failure": failure})
    if rows:
        Console().print(table_of_updates(rows))
    options = terminalreporter.config.option
    if options.file_or_dir == ["updates"] and not options.keyword:
        save("updates", as_data(rows))
        write_page(ROOT / "proof.html")
