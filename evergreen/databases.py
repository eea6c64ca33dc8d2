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

# With the code that tells the tests of a service what its tables are.
DEFINITIONS = """\
import asyncio
import json

from app.db.engine import create_engine
from app.settings import Settings
from tests.plugins.databases import definitions


async def main() -> None:
    engine = create_engine(Settings())
    async with engine.connect() as connection:
        print(json.dumps(await connection.run_sync(definitions)))
    await engine.dispose()


asyncio.run(main())
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

    def definitions(self, service: Path) -> dict[str, str]:
        """Returns what the tables, columns, constraints and indexes are, by name."""
        definitions: dict[str, str] = json.loads(self.run(service, "python", "-c", DEFINITIONS))
        return definitions

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


def differences_after_migration(old: Database, new: Database, service: Path) -> list[str]:
    """Migrates both databases by the service; lists by name what is not the same then."""
    old.migrate(service)
    new.migrate(service)
    return different_definitions(old.definitions(service), new.definitions(service))


def different_definitions(first: dict[str, str], second: dict[str, str]) -> list[str]:
    return sorted(name for name, _ in first.items() ^ second.items())


def rows_of(client: httpx.Client) -> dict[str, object]:
    """Returns what the user of a client sees: the own account, and tasks if there are any."""
    tasks = client.get("/tasks")
    return {
        "user": client.get("/auth/me").raise_for_status().json(),
        "tasks": tasks.json() if tasks.is_success else [],
    }
