"""The databases of the tests, on a server of their own or on the one of `--database-url`."""

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, Connection, Dialect, Engine, NullPool, Table, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import sort_tables_and_constraints

import embedded_postgresql
from app.db.engine import parse_database_url
from tests.database import (
    Definitions,
    RunOn,
    migrate_or_stop,
    rows_of,
    stop_if_a_model_has_no_migration,
)
from tests.plugins.database_url_option import GIVEN, migrate_given

# A power cut may spoil the data; then the next run starts from nothing.
CAREFREE = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]

# Drops the schemas, not the database: creating all its files again takes a quarter of a second.
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
END $$
"""

# In the words of the server, which are the same however a table was created.
DEFINITIONS = r"""
WITH relations AS (
    SELECT
        pg_class.oid,
        relkind,
        CASE WHEN nspname = current_schema() THEN '' ELSE nspname || '.' END || relname AS name
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname !~ '^(pg_|information_schema$)'
    AND relname !~ '^alembic_version'
)
SELECT name, concat_ws(' ', 'TABLE', 'COMMENT ' || obj_description(oid, 'pg_class'))
FROM relations
WHERE relkind IN ('r', 'p')
UNION ALL
SELECT
    name || '.' || attname,
    concat_ws(
        ' ',
        format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
        'COLLATE ' || nullif(collname, 'default'),
        'IDENTITY ' || nullif(attidentity::text, ''),
        (
            SELECT format('(START %s INCREMENT %s)', seqstart, seqincrement)
            FROM pg_sequence
            WHERE attidentity <> ''
            AND seqrelid = pg_get_serial_sequence(relations.oid::regclass::text, attname)::regclass
        ),
        'GENERATED ' || nullif(attgenerated::text, ''),
        'DEFAULT ' || regexp_replace(pg_get_expr(adbin, adrelid), '^nextval\(.*', 'nextval'),
        'COMMENT ' || col_description(relations.oid, attnum)
    )
FROM relations
JOIN pg_attribute ON attrelid = relations.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = relations.oid AND adnum = attnum
LEFT JOIN pg_collation ON pg_collation.oid = attcollation
WHERE relkind IN ('r', 'p')
UNION ALL
SELECT name || '.' || conname, pg_get_constraintdef(pg_constraint.oid)
FROM relations JOIN pg_constraint ON conrelid = relations.oid
WHERE contype <> 'n'
UNION ALL
SELECT name || '.' || indexrelid::regclass, pg_get_indexdef(indexrelid)
FROM relations JOIN pg_index ON indrelid = relations.oid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
UNION ALL
SELECT 'type ' || enumtypid::regtype, string_agg(enumlabel, ', ' ORDER BY enumsortorder)
FROM pg_enum
GROUP BY enumtypid
"""

# Those that `--live` puts back after each test.
rows_of_migrations: dict[Table, list[dict[str, Any]]] = {}

SERVER = pytest.StashKey[URL]()

Address = tuple[str, str, str]

# The databases that the tests created or were given: they open no others.
ours: set[Address] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--any-database-name",
        action="store_true",
        help="let --database-url name a database whose name does not say that it is a test",
    )


def pytest_configure(config: pytest.Config) -> None:
    given = config.stash[GIVEN]
    if given is None:
        return
    is_test = re.search(r"(^|[_-])tests?($|[_-])", given.database or "")
    if not is_test and not config.getoption("any_database_name"):
        raise pytest.UsageError(
            f"--database-url {given}: the name of the database does not say that it is a test, as "
            "`test` or `my_test` would, so it may hold data of value. Choose another one, or add "
            "--any-database-name."
        )
    if not isinstance(given.query.get("host", ""), str):
        raise pytest.UsageError(f"--database-url {given}: name one host.")
    ours.add(address_of(given))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The processes of `-n` share a server; each has databases of its own there."""
    server = server_of(node.config)
    try:
        execute(server, "SELECT 1")
    except Exception as error:
        pytest.exit(f"The tests can't use {server}: {error}", returncode=4)
    node.workerinput["server"] = server.render_as_string(hide_password=False)


def server_of(config: pytest.Config) -> URL:
    given = config.stash[GIVEN]
    if given is not None:
        return given
    if hasattr(config, "workerinput"):
        return make_url(config.workerinput["server"])
    if SERVER not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        try:
            config.stash[SERVER] = stack.enter_context(own_server())
        except (OSError, RuntimeError) as error:
            pytest.exit(f"{error}\n--database-url can name another server.", returncode=4)
    return config.stash[SERVER]


@contextmanager
def own_server() -> Iterator[URL]:
    """Each of several simultaneous runs has a server of its own."""
    home = embedded_postgresql.home()
    embedded_postgresql.make_folder(home)
    for number in count(1):
        name = f"tests-{number}"
        lock = os.open(home / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
        if embedded_postgresql.try_lock(lock):
            break
        os.close(lock)
    try:
        url, lifeline = embedded_postgresql.start(name, *CAREFREE)
    except RuntimeError:
        shutil.rmtree(home / name / "data", ignore_errors=True)
        url, lifeline = embedded_postgresql.start(name, *CAREFREE)
    yield parse_database_url(url)
    os.close(lifeline)
    embedded_postgresql.wait_until_stopped(name)
    os.close(lock)


@contextmanager
def database_without_tables(config: pytest.Config, purpose: str) -> Iterator[URL]:
    server, given = server_of(config), config.stash[GIVEN]
    if given is not None:
        # Another run may use the same server at the same time.
        url = server.set(database=f"{given.database}_{uuid4().hex[:8]}")
        create_database(server, url)
        yield url
        execute(server, f'DROP DATABASE "{url.database}" WITH (FORCE)')
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    url = server.set(database=f"test_{worker}_{purpose}")
    if execute(server, f"SELECT 1 FROM pg_database WHERE datname = '{url.database}'"):
        ours.add(address_of(url))
        execute(url, EMPTY)
    else:
        create_database(server, url)
    yield url


def create_database(server: URL, url: URL) -> None:
    try:
        execute(server, f'CREATE DATABASE "{url.database}"')
    except Exception as error:
        pytest.exit(f"The tests can't create a database on {server}: {error}", returncode=4)
    ours.add(address_of(url))


def execute(url: URL, statement: str) -> list[Any]:
    ours.add(address_of(url))

    async def execute() -> list[Any]:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        async with engine.connect() as connection:
            result = await connection.exec_driver_sql(statement)
            return list(result) if result.returns_rows else []

    return asyncio.run(execute())


def has_written(connection: Connection) -> bool:
    """Only a transaction that writes has a number."""
    number = connection.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()").scalar()
    return number is not None


def address_of(url: URL) -> Address:
    host, port = url.host or url.query.get("host"), url.port or url.query.get("port")
    return str(host), str(port or 5432), str(url.database)


@pytest.fixture(scope="session", autouse=True)
def guard_databases() -> Iterator[None]:
    """Refuses a connection to any other database, also from a background task."""

    def refuse(
        dialect: Dialect, record: object, arguments: object, parameters: dict[str, Any]
    ) -> None:
        __tracebackhide__ = True  # the parameters have the password
        url = URL.create(
            "postgresql",
            parameters.get("user"),
            parameters.get("password"),
            parameters.get("host"),
            parameters.get("port"),
            parameters.get("database"),
        )
        if address_of(url) not in ours:
            raise RuntimeError(
                f"A test tried to open {url}, which the tests did not create. Use a session of the "
                "fixtures `session` or `new_session`, the engine of `engine`, or, for real "
                "commits, a database of `new_database`."
            )

    event.listen(Engine, "do_connect", refuse)
    yield
    event.remove(Engine, "do_connect", refuse)


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[URL]:
    """Made by the migrations, so that the tests run on the tables of production."""
    given = pytestconfig.stash[GIVEN]
    with ExitStack() as stack:
        if given is not None and not hasattr(pytestconfig, "workerinput"):
            url = given

            def migrated_database() -> URL:
                url = stack.enter_context(database_without_tables(pytestconfig, "new"))
                migrate_or_stop(request, url)
                return url

            migrate_given(url, on, migrated_database)
        else:
            url = stack.enter_context(database_without_tables(pytestconfig, "shared"))
            migrate_or_stop(request, url)
        stop_if_a_model_has_no_migration(request, on(url, definitions))
        if pytestconfig.getoption("live"):
            rows_of_migrations.update(on(url, rows_of))
        yield url


@pytest.fixture
def empty_database(pytestconfig: pytest.Config) -> Iterator[URL]:
    with database_without_tables(pytestconfig, "empty") as url:
        yield url


@pytest.fixture
def new_database(request: pytest.FixtureRequest, database_url: URL, empty_database: URL) -> URL:
    """Makes a database for a test that commits; no other test sees it."""
    # `database_url` ends the run with a sentence if a model has no migration.
    migrate_or_stop(request, empty_database)
    return empty_database


@pytest.fixture
def unreachable_database(tmp_path: Path) -> URL:
    address = {"host": str(tmp_path), "port": "5432", "ssl": "disable"}
    url = URL.create("postgresql+asyncpg", "postgres", database="test", query=address)
    ours.add(address_of(url))
    return url


@pytest.fixture
def run_on() -> RunOn:
    """Runs a function on a connection and commits, in an event loop of its own."""
    return on


def on(database: URL, function: Callable[[Connection], Any]) -> Any:
    async def run() -> Any:
        # A migration may replace the type of a column, which a cached statement refers to.
        no_cache = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        engine = create_async_engine(database, poolclass=NullPool, connect_args=no_cache)
        async with engine.connect() as connection:
            result = await connection.run_sync(function)
            await connection.commit()
            return result

    return asyncio.run(run())


async def restore_rows(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        # All in one statement, so that tables can refer to each other.
        quote = engine.dialect.identifier_preparer.format_table
        names = ", ".join(quote(table) for table in rows_of_migrations)
        await connection.exec_driver_sql(f"TRUNCATE {names}")
        in_order = sort_tables_and_constraints(rows_of_migrations)  # type: ignore[no-untyped-call]
        for table, _ in in_order:
            if rows := rows_of_migrations.get(table):
                await connection.execute(table.insert(), rows)


def definitions(connection: Connection) -> Definitions:
    return dict(connection.exec_driver_sql(DEFINITIONS).all())
