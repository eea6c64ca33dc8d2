"""The suite of a service is green however it is run, and leaves everything around it alone."""

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from evergreen.processes import command_lines, wait_until
from evergreen.services import copy_of, run_suite, stop_suite
from evergreen.working_tree import ROOT

ON_POSTGRESQL_ONLY = {"test_concurrent_tasks.py", "test_postgresql.py"}
FILES = sorted(
    str(path.relative_to(ROOT / "template"))
    for path in ROOT.glob("template/tests/**/test_*.py")
    if path.name not in ON_POSTGRESQL_ONLY
)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(2, 11))]
)
def test_it_is_green_in_random_order(installed_service: Path, seed: int) -> None:
    result = run_suite(installed_service, f"--randomly-seed={seed}")

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", FILES)
def test_each_file_alone_is_green(installed_service: Path, file: str) -> None:
    result = run_suite(installed_service, file)

    assert result.returncode == 0, result.stdout


def test_two_services_at_once_end_with_a_command_for_each(
    installed_service: Path, tmp_path: Path
) -> None:
    services = [copy_of(installed_service, tmp_path / "services" / name) for name in ("a", "b c")]

    result = run_suite(
        installed_service, "services/a", "services/b c/tests/test_health.py", service=tmp_path
    )

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert result.stdout == (
        "ERROR: Run the tests of each service in a process of its own:\n"
        f"    uv run --project {services[0]} pytest {services[0]}\n"
        f"    uv run --project '{services[1]}' pytest '{services[1]}'\n\n"
    )


def test_a_service_in_a_larger_repository_is_tested_from_its_root(
    installed_service: Path, tmp_path: Path
) -> None:
    copy_of(installed_service, tmp_path / "services/a")

    result = run_suite(installed_service, "services/a/tests/test_health.py", service=tmp_path)

    assert result.returncode == 0, result.stdout


# Importing the libraries takes most of the time, so it is done only once.
RUN_EACH_ALONE = """
import os
import sys

import aiosqlite, alembic.command, fastapi, httpx, pytest, sqlalchemy.ext.asyncio

for test in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        ignored = "ignore::pytest.PytestAssertRewriteWarning"
        os._exit(pytest.main(["-q", "-p", "no:cacheprovider", "-W", ignored, test]))
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{test} failed")
"""


@pytest.mark.thorough
@pytest.mark.parametrize("file", FILES)
def test_each_test_of_a_file_alone_is_green(installed_service: Path, file: str) -> None:
    listed = run_suite(
        installed_service, "--collect-only", "-o", "verbosity_test_cases=-1", file
    ).stdout
    tests = [line for line in listed.splitlines() if "::" in line]
    assert tests

    program = str(installed_service / ".venv/bin/python")
    result = subprocess.run(
        [program, "-c", RUN_EACH_ALONE, *tests],
        cwd=installed_service,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("1 passed") == len(tests)


def test_it_is_green_in_two_processes(installed_service: Path) -> None:
    result = run_suite(installed_service, "-n", "2")

    assert result.returncode == 0, result.stdout


def test_it_is_green_in_the_debug_mode_of_asyncio(installed_service: Path) -> None:
    debug = {"PYTHONASYNCIODEBUG": "1"}

    result = run_suite(installed_service, "-W", "error", environment=debug, forked=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_it_leaves_the_database_of_the_environment_unchanged(
    installed_service: Path, tmp_path: Path
) -> None:
    database = tmp_path / "of a developer.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    before = database.read_bytes()

    result = run_suite(
        installed_service, environment={"DATABASE_URL": f"sqlite+aiosqlite:///{database}"}
    )

    assert result.returncode == 0, result.stdout
    assert database.read_bytes() == before
    assert list(tmp_path.iterdir()) == [database]


WITH_AN_OLD_SQLITE = """
import sqlite3
import sys

import pytest

sqlite3.sqlite_version, sqlite3.sqlite_version_info = "3.35.5", (3, 35, 5)
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider"]))
"""


def test_it_uses_a_file_where_sqlite_cannot_share_a_database_in_memory(
    installed_service: Path,
) -> None:
    program = installed_service / ".venv/bin/python"

    result = subprocess.run(
        [program, "-c", WITH_AN_OLD_SQLITE], cwd=installed_service, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout
    sentence = "SQLite 3.35.5 can't share a database in memory (3.36 can): the tests used a file.\n"
    assert sentence in result.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.thorough
def test_it_leaves_no_rows_in_a_given_database(
    installed_service: Path, tmp_path: Path, processes: str
) -> None:
    database = tmp_path / "given test.db"

    result = run_suite(
        installed_service, f"--database-url=sqlite+aiosqlite:///{database}", "-n", processes
    )

    assert result.returncode == 0, result.stdout
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert connection.execute("SELECT * FROM users").fetchall() == []
        assert connection.execute("SELECT * FROM tasks").fetchall() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--database-url=service.db"], "--database-url: DATABASE_URL must look like"),
        (
            ["--database-url=sqlite+aiosqlite:////no/such/folder/x.db"],
            "x.db: there is no such folder.",
        ),
        (
            ["--database-url=sqlite+aiosqlite:///:memory:"],
            "--database-url: DATABASE_URL must look like",
        ),
        (["--database-url=postgresql://u:topsecret@h/db"], "DATABASE_URL must look like"),
        (
            ["--database-url=sqlite+aiosqlite:///README.md"],
            "README.md: (sqlite3.DatabaseError) file is not a database",
        ),
        (
            ["--database-url=sqlite+aiosqlite:///test.db", "--live"],
            "--live has a database of its own: leave out --database-url and TEST",
        ),
    ],
)
def test_an_unusable_database_is_reported_in_one_sentence(
    installed_service: Path, arguments: list[str], sentence: str
) -> None:
    result = run_suite(installed_service, *arguments)

    assert result.returncode == 4
    assert sentence in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert "topsecret" not in result.stdout + result.stderr


def test_a_database_with_rows_is_refused(installed_service: Path, tmp_path: Path) -> None:
    url = f"--database-url=sqlite+aiosqlite:///{tmp_path}/test.db"
    assert run_suite(installed_service, url, "tests/test_health.py").returncode == 0
    with closing(sqlite3.connect(tmp_path / "test.db")) as database:
        database.execute("INSERT INTO users VALUES ('1', 'ada@example.com', 'hash', '2026-01-01')")
        database.commit()

    result = run_suite(installed_service, url)

    assert result.returncode == 4
    assert "there are rows in users. The tests need a database without rows." in result.stdout


def live_servers(folder: Path) -> list[str]:
    """Lists the command lines of the live servers whose database is below the folder."""
    return [
        line for line in command_lines() if "tests.plugins.server" in line and f"{folder}" in line
    ]


@pytest.mark.parametrize("processes", ["0", "2"])
def test_its_requests_go_to_a_live_server_that_ends_with_it(
    installed_service: Path, tmp_path: Path, processes: str
) -> None:
    result = run_suite(installed_service, "--live", f"--basetemp={tmp_path}/live", "-n", processes)

    assert result.returncode == 0, result.stdout
    assert "skipped" in result.stdout
    assert live_servers(tmp_path) == []


TEST_THAT_FAILS = """
from tests.client import AsyncClient


async def test_something(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.get("/no/such/path")

    assert response.status_code == 200
"""


def test_the_report_shows_the_output_of_a_live_server(
    installed_service: Path, service_to_change: Path
) -> None:
    (service_to_change / "tests/test_failing.py").write_text(TEST_THAT_FAILS)

    result = run_suite(
        installed_service, "--live", "tests/test_failing.py", service=service_to_change
    )

    printed = result.stdout.split("Last output of the live server")[1]
    assert "path=/no/such/path" in printed
    assert result.stderr == ""


TEST_THAT_TAKES_ITS_TIME = """
import asyncio

from tests.client import AsyncClient


async def test_something(anonymous_client: AsyncClient) -> None:
    await anonymous_client.get("/livez")
    await asyncio.sleep(60)
"""


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.thorough),
        pytest.param(signal.SIGTERM, marks=pytest.mark.thorough),
        signal.SIGKILL,
    ],
)
def test_a_stopped_run_leaves_no_live_server(
    installed_service: Path, service_to_change: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    (service_to_change / "tests/test_slow.py").write_text(TEST_THAT_TAKES_ITS_TIME)
    stop_suite(
        installed_service,
        service_to_change,
        sent,
        "tests/test_slow.py",
        "--live",
        f"--basetemp={tmp_path}/live",
        when=lambda: live_servers(tmp_path) != [],
    )

    wait_until(lambda: live_servers(tmp_path) == [])
