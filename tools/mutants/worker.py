"""Runs the suite of a service, or some files of it, on one mutant after another.

The Python of the service runs this file, in a copy of the service. Each line of the input names
a file and its mutated text; each line of the output, the first of which is about the service
as it is, has the exit code of pytest and the end of what it printed.

On PostgreSQL the runs share a server, which this process starts and stops.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import math
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

# What takes most of the time of a run is to import these, so it is done once: each run begins
# as a copy of this process. Nothing of the service may be imported here.
LIBRARIES = [
    "aiosqlite",
    "alembic.command",
    "asyncpg",
    "fastapi",
    "httpx",
    "jwt",
    "pwdlib.hashers.argon2",
    "pydantic.v1",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "starlette.testclient",
    "structlog",
    "unittest.mock",
    "uvicorn",
]
OPTIONS = [
    "-q",
    "-x",
    *("-p", "no:cacheprovider"),
    *("-p", "no:randomly"),
    # Some of the libraries bring a plugin, too.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
]
MIN_LIMIT = 20
LIMIT_AS_A_RATIO = 10
MAX_OUTPUT = 10_000
# As the tests start theirs: see tests/plugins/databases.py of the service.
CAREFREE = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]


def main() -> None:
    folder, tests = Path(sys.argv[1]), sys.argv[2:]
    # The runs get a copy of it: as long as one of them is alive, the output is not at its end.
    answers = os.fdopen(os.dup(1), "w")
    gc.disable()
    plugins = [plugin.module for plugin in entry_points(group="pytest11")]
    for library in [*LIBRARIES, *plugins]:
        with contextlib.suppress(ImportError), warnings.catch_warnings(action="ignore"):
            importlib.import_module(library)
    gc.freeze()
    gc.enable()
    # So that the server is stopped before this process has ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    with server_of_the_runs() as server:
        added = [*server, KillersFirst(folder / "killers")]
        start = time.perf_counter()
        print(run_suite(folder, tests, added), file=answers, flush=True)
        limit = max(MIN_LIMIT, math.ceil(LIMIT_AS_A_RATIO * (time.perf_counter() - start)))
        # From here on all byte code is that of the service as it is.
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for line in sys.stdin:
            mutant = json.loads(line)
            path = Path(mutant["file"])
            original = path.read_bytes()
            # It could pass for that of a mutant, if they have one length and one second.
            Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
            path.write_text(mutant["text"])
            print(run_suite(folder, tests, added, limit), file=answers, flush=True)
            path.write_bytes(original)


class KillersFirst:
    """A plugin that begins with the tests that have failed before, the last one first.

    A test that notices one mutant of a file notices others of it, too, and the first failure ends
    a run.
    """

    def __init__(self, killers: Path) -> None:
        self.killers = killers
        killers.touch()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        rank = {name: number for number, name in enumerate(self.killers.read_text().splitlines())}
        items.sort(key=lambda item: rank.get(item.nodeid, -1), reverse=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            with self.killers.open("a") as killers:
                killers.write(f"{report.nodeid}\n")


class GivenServer:
    """A plugin that gives a run the server of another process, as pytest-xdist does with `-n`.

    So the databases stay there, and the next run only empties them. To start and stop a server
    would take as long as the tests, and `--database-url` would create the databases anew.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: Any) -> None:
        config.workerinput = {"server": self.url}


@contextmanager
def server_of_the_runs() -> Iterator[list[GivenServer]]:
    """No plugin if the service does not bring its own PostgreSQL."""
    sys.path.append(".")  # as the service's pytest does
    try:
        postgresql = importlib.import_module("embedded_postgresql")
    except ImportError:
        yield []
        return
    url, lifeline = postgresql.start("mutants", *CAREFREE)
    try:
        yield [GivenServer(url.replace("postgresql://", "postgresql+asyncpg://"))]
    finally:
        os.close(lifeline)
        postgresql.wait_until_stopped("mutants")


def run_suite(folder: Path, tests: list[str], plugins: list[object], limit: int = 0) -> str:
    """In a process of its own, which is killed after `limit` seconds, if that is not 0."""
    output = folder / "output"
    child = os.fork()
    if child == 0:
        exit_code = int(pytest.ExitCode.TESTS_FAILED)
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.alarm(limit)
            redirect(output)
            options = [*OPTIONS, f"--basetemp={folder / 'tests'}", *tests]
            exit_code = pytest.main(options, plugins)
        except Exception:
            # A warning about what a failing test has left open may come as late as this. Python
            # would end with 1, too.
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(exit_code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end = output.read_text(errors="replace")[-MAX_OUTPUT:]
    return json.dumps({"code": code, "output": end})


def redirect(output: Path) -> None:
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)


if __name__ == "__main__":
    main()
