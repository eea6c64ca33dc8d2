"""A service as clients see it: installed as its README says, in a real server process."""

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from evergreen.edits import insert_below
from evergreen.postgresql_server import free_port
from evergreen.processes import wait_until
from evergreen.services import ADA, Render, is_ready, logged_in

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a secret that only this test knows, and for a minute",
}


@pytest.fixture
def environment(installed_service: Path, tmp_path: Path) -> dict[str, str]:
    """The variables of a container's image, with a database of the test's own."""
    database = f"sqlite+aiosqlite:///{tmp_path}/service.db"
    return {"PATH": f"{installed_service}/.venv/bin", "DATABASE_URL": database, **PRODUCTION}


@pytest.fixture
def migrated(installed_service: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        ["alembic", "upgrade", "head"], cwd=installed_service, env=environment, check=True
    )


def production_command(installed_service: Path) -> list[str]:
    """Returns the CMD of the Dockerfile, without the address that it listens on."""
    line = (installed_service / "Dockerfile").read_text().splitlines()[-1]
    listen = '"--host", "0.0.0.0", "--port", "8000", '
    assert listen in line
    words: list[str] = json.loads(line.removeprefix("CMD ").replace(listen, ""))
    return words


@contextmanager
def served(
    installed_service: Path,
    environment: dict[str, str],
    *command: str,
    files: Path | None = None,
) -> Iterator[str]:
    """Yields the address of a server process, which SIGTERM stops.

    The default command is that of the Dockerfile.
    """
    command = command or tuple(production_command(installed_service))
    port = str(free_port())
    environment = {**environment, "UVICORN_PORT": port}
    program = installed_service / ".venv/bin" / command[0]
    process = subprocess.Popen(
        [program, *command[1:]], cwd=files or installed_service, env=environment
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_ready(address, process))
        yield address
    finally:
        process.terminate()
        # After a clean shutdown, uvicorn ends by the signal that it received; poe passes it on as a
        # Ctrl-C, and ends as a shell does.
        assert process.wait(timeout=15) in {0, -signal.SIGTERM, 128 + signal.SIGINT}


def test_tasks_survive_a_restart(
    installed_service: Path, environment: dict[str, str], migrated: None
) -> None:
    with (
        served(installed_service, environment) as address,
        logged_in(address) as client,
    ):
        kept = client.post("/tasks", json={"title": "Buy milk"}).json()
        deleted = client.post("/tasks", json={"title": "Buy bread"}).json()
        changed = client.patch(f"/tasks/{kept['id']}", json={"done": True})
        assert changed.json() == {**kept, "done": True}
        assert client.delete(f"/tasks/{deleted['id']}").status_code == 204

    with (
        served(installed_service, environment) as address,
        logged_in(address) as client,
    ):
        assert client.get("/tasks").json() == [{**kept, "done": True}]


def test_a_created_task_can_be_read_at_once(
    installed_service: Path, environment: dict[str, str], migrated: None
) -> None:
    with (
        served(installed_service, environment) as address,
        logged_in(address) as writer,
        httpx.Client(base_url=address, headers=writer.headers) as reader,
    ):
        for number in range(300):
            created = writer.post("/tasks", json={"title": str(number)})
            assert created.status_code == 201
            read = reader.get(created.headers["Location"])
            assert (read.status_code, read.json()) == (200, created.json())


def test_concurrent_writers_do_not_lock_each_other_out(
    installed_service: Path, environment: dict[str, str], migrated: None
) -> None:
    def write(address: str, headers: httpx.Headers) -> list[int]:
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            return [
                client.post("/tasks", json={"title": str(number)}).status_code
                for number in range(25)
            ]

    with (
        served(installed_service, environment) as address,
        logged_in(address) as client,
        ThreadPoolExecutor(40) as threads,
    ):
        writers = [threads.submit(write, address, client.headers) for _ in range(40)]
        statuses = [status for writer in writers for status in writer.result()]

    assert statuses == [201] * 1000


def test_only_one_of_several_concurrent_registrations_succeeds(
    installed_service: Path, environment: dict[str, str], migrated: None
) -> None:
    def register(address: str) -> int:
        return httpx.post(f"{address}/auth/register", json=ADA).status_code

    with (
        served(installed_service, environment) as address,
        ThreadPoolExecutor(10) as threads,
    ):
        statuses = list(threads.map(register, [address] * 10))

    assert sorted(statuses) == [201] + [409] * 9


def test_production_refuses_to_start_with_the_default_secret(
    installed_service: Path, environment: dict[str, str]
) -> None:
    del environment["SECRET_KEY"]
    command = [str(installed_service / ".venv/bin/uvicorn"), "app.main:app", "--port", "0"]

    result = subprocess.run(
        command, cwd=installed_service, env=environment, capture_output=True, text=True, timeout=30
    )

    assert result.returncode != 0
    assert "SECRET_KEY must be a random text of at least 32 bytes" in result.stderr


def test_the_request_after_a_500_is_not_lost(
    installed_service: Path,
    service_to_change: Path,
    environment: dict[str, str],
    migrated: None,
) -> None:
    main = service_to_change / "app/main.py"
    insert_below(main, "Your own routers", "    app.get('/fails')(lambda: 1 / 0)\n")

    with served(installed_service, environment, files=service_to_change) as address:
        # It sends a request without a look at whether the connection is still open.
        connection = HTTPConnection(address.removeprefix("http://"))
        statuses = []
        for path in ["/fails", "/livez"] * 20:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    assert statuses == [500, 200] * 20


def test_poe_dev_migrates_a_new_database_and_serves_it(installed_service: Path) -> None:
    environment = {"PATH": f"{installed_service}/.venv/bin:/usr/bin:/bin"}

    with (
        served(installed_service, environment, "poe", "dev") as address,
        logged_in(address) as client,
    ):
        assert client.get("/tasks").json() == []
        assert "swagger" in client.get("/docs").text

    assert (installed_service / "service.db").exists()


def test_poe_dev_gives_its_options_to_the_server(installed_service: Path) -> None:
    command = [".venv/bin/poe", "--dry-run", "dev", "--port", "8001"]

    result = subprocess.run(command, cwd=installed_service, capture_output=True, text=True)

    assert "uvicorn app.main:app --reload --port 8001" in result.stdout + result.stderr


def test_a_hostile_name_and_description_are_unchanged_in_the_api_documentation(
    installed_service: Path, render: Render
) -> None:
    answers = {
        "project_name": 'My "best" service: #1 {{ x }} \\ ünïcode 🚀',
        "description": 'It\'s "quoted" \\ back: #1 {% raw %} {{ braces }}',
    }
    code = "import json; from app.main import app; print(json.dumps(app.openapi()['info']))"

    printed = subprocess.run(
        [installed_service / ".venv/bin/python", "-c", code],
        cwd=render(**answers),
        check=True,
        capture_output=True,
    ).stdout

    assert json.loads(printed) == {
        "title": answers["project_name"],
        "description": answers["description"],
        "version": "0.1.0",
    }


@pytest.mark.thorough
def test_a_generated_migration_is_clean_and_works(
    installed_service: Path, service_to_change: Path
) -> None:
    models = service_to_change / "app/tasks/models.py"
    column = "    due_at: Mapped[datetime | None]\n"
    place = "    created_at: Mapped[datetime] = mapped_column(default=now)\n"
    models.write_text(models.read_text().replace(place, column + place))
    programs = installed_service / ".venv/bin"
    environment = {"PATH": f"{programs}:/usr/bin:/bin"}

    def run(*command: str) -> None:
        subprocess.run(
            [programs / command[0], *command[1:]],
            cwd=service_to_change,
            env=environment,
            check=True,
        )

    run("poe", "migrate")
    run("poe", "migration", "add a due date to tasks")
    run("poe", "migrate")
    run("alembic", "check")
    run("poe", "check")


def test_migrations_can_be_reverted_and_applied_again(
    installed_service: Path, environment: dict[str, str], migrated: None, tmp_path: Path
) -> None:
    alembic = str(installed_service / ".venv/bin/alembic")

    def tables() -> set[str]:
        with closing(sqlite3.connect(tmp_path / "service.db")) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {name for (name,) in rows}

    subprocess.run(
        [alembic, "downgrade", "base"], cwd=installed_service, env=environment, check=True
    )
    assert tables() == {"alembic_version"}

    subprocess.run([alembic, "upgrade", "head"], cwd=installed_service, env=environment, check=True)
    assert tables() == {"alembic_version", "users", "tasks"}


def test_a_failed_migration_leaves_nothing_behind(
    installed_service: Path,
    service_to_change: Path,
    environment: dict[str, str],
    migrated: None,
    tmp_path: Path,
) -> None:
    (service_to_change / "migrations/versions/0003_fails.py").write_text(
        "from alembic import op\n"
        'revision, down_revision, branch_labels, depends_on = "0003", "0002", None, None\n'
        "def upgrade() -> None:\n"
        '    op.execute("CREATE TABLE half (id INTEGER)")\n'
        '    op.execute("SELECT * FROM no_such_table")\n'
    )
    program = installed_service / ".venv/bin/alembic"

    result = subprocess.run(
        [program, "upgrade", "head"],
        cwd=service_to_change,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert "no such table: no_such_table" in result.stderr
    with closing(sqlite3.connect(tmp_path / "service.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert "tasks" in tables
    assert "half" not in tables
