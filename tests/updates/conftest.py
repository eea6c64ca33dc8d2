"""The updates, and the table of what came out."""

from pathlib import Path

import pytest
from rich.console import Console

from evergreen.questions import label
from tools.report.page import write_page
from tools.report.parts import save
from tools.report.updates import as_data, table_of_updates


@pytest.fixture(scope="session")
def template(template_with_releases: Path) -> Path:
    """Here, the template has releases."""
    return template_with_releases


@pytest.fixture(scope="session")
def passed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with a file for each service whose tests have passed, the same for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "passed"
    folder.mkdir(exist_ok=True)
    return folder


# ── The table of release, answers and scenario ────────────────────────────────


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--page",
        type=Path,
        help="the page of the proof on which the table of updates goes: for a run of all updates",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each report, which may go to another process, says what its test is about."""
    for item in items:
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
            item.user_properties.append(("update", about))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Shows the table, and puts it on the page that the option names."""
    rows = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            for about in (value for name, value in report.user_properties if name == "update"):
                failure = "" if outcome == "passed" else str(report.longrepr)
                rows.append({**about, "seconds": report.duration, "failure": failure})
    if rows:
        Console().print(table_of_updates(rows))
    # Without its option, if pytest has met this file only when it looked for tests.
    page = config.getoption("--page", None)
    if page is not None:
        save("updates", as_data(rows))
        write_page(page)
