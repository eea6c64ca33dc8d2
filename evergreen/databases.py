"""Databases that outlive the releases of a service: migrated and served by one after another."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from evergreen.postgresql_server import free_port
from evergreen.processes import wait_until
from evergreen.services import is_ready, logged_in
from evergreen.suites import own_environment

# With the code that tells the tests of a service what its tables are, in one process.
DEFINITIONS = """\
import asyncio
import json
import sys

from sqlalchemy import URL, make_url

from app.db.engine import create_engine
from tests.database import migrate, settings_for
from tests.plugins.databases import definitions


async def definitions_of(url: URL) -> dict[str, str]:
    engine = create_engine(settings_for(url))
    async with engine.connect() as connection:
        found = await connection.run_sync(definitions)
    await engine.dispose()
    return found


urls = [make_url(url) for url in sys.argv[1:]]
for url in urls:
    migrate(url)
print(json.dumps([asyncio.run(definitions_of(url)) for url in urls]))
"""


@dataclass(frozen=True)
class Database:
    """A database, and the folder of the programs that services run on it, as in production."""

    url: str
    programs: Path

    def migrate(self, service: Path) -> None:
        """Raises `AssertionError` if it fails."""
        self.run(service, "alembic", "upgrade", "head")

    def run(self, service: Path, program: str, *arguments: str) -> str:
        result = subprocess.run(
            [self.programs / program, *arguments],
            cwd=service,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    @property
    def environment(self) -> dict[str, str]:
        return own_environment() | {"DATABASE_URL": self.url}

    @contextmanager
    def served(self, service: Path) -> Iterator[httpx.Client]:
        """Yields a client of a server process that is ready, logged in as always the same user."""
        port = free_port()
        process = subprocess.Popen(
            [self.programs / "uvicorn", "app.main:app", f"--port={port}"],
            cwd=service,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: is_ready(address, process))
            with logged_in(address) as client:
                yield client
        finally:
            process.terminate()
            process.wait(timeout=15)


NewDatabase = Callable[[str], Database]
"""A function that creates an empty database of a kind: sqlite or postgresql."""


def definitions(service: Path, *databases: Database) -> list[dict[str, str]]:
    """Migrates databases; returns what is in each, by name: tables, columns, constraints, indexes."""
    urls = [database.url for database in databases]
    found: list[dict[str, str]] = json.loads(
        databases[0].run(service, "python", "-c", DEFINITIONS, *urls)
    )
    return found


def differences_after_migration(old: Database, new: Database, service: Path) -> list[str]:
    """Lists by name what an old database of a service has and a new one has not, or otherwise."""
    old.migrate(service)
    of_old, of_new = definitions(service, old, new)
    return sorted({name for name, _ in of_old.items() ^ of_new.items()})


def rows_of(client: httpx.Client) -> dict[str, object]:
    """Returns what the user of a client sees: the own account, and tasks if there are any."""
    tasks = client.get("/tasks")
    return {
        "user": client.get("/auth/me").raise_for_status().json(),
        "tasks": tasks.json() if tasks.is_success else [],
    }
