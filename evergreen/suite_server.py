"""Runs suites of copies of one service, each in a fork of this process.

The Python of the service runs this file. Each line of the input names a folder, the arguments for
pytest, the file for the output, and the environment, unless it is that of this process. Each line
of the output has the exit code and the failures, each with its first `lines`. A failure that
contains all texts of `until` ends a run.

What takes most of the time of a run is to import the libraries, so this is done only once.
"""

import contextlib
import gc
import importlib
import json
import os
import sys
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

# Nothing of the service may be imported here.
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
    *("-p", "no:cacheprovider"),
    # Some of the libraries bring a plugin, too.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
]


def main() -> None:
    # The runs get a copy of it: as long as one of them is alive, the output is not at its end.
    answers = os.fdopen(os.dup(1), "w")
    gc.disable()
    plugins = [plugin.module for plugin in entry_points(group="pytest11")]
    for library in [*LIBRARIES, *plugins]:
        with contextlib.suppress(ImportError), warnings.catch_warnings(action="ignore"):
            importlib.import_module(library)
    gc.freeze()
    gc.enable()
    for line in sys.stdin:
        run = json.loads(line)
        print(run_suite(run), file=answers, flush=True)


class Failures:
    """A plugin that collects the message of each failure, in its first lines."""

    def __init__(self, lines: int, until: list[str]) -> None:
        self.lines = lines
        self.until = until
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.add(report)

    def pytest_runtest_logfinish(self) -> None:
        if self.until and any(all(text in said for text in self.until) for said in self.found):
            self.session.shouldstop = "A failure says what it must."

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.add(report)

    def add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash is not None else report.longreprtext
            self.found.append("\n".join([report.nodeid, *message.splitlines()[: self.lines]]))


def run_suite(run: dict[str, Any]) -> str:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        exit_code = int(pytest.ExitCode.INTERNAL_ERROR)
        try:
            os.close(read)
            redirect(Path(run["output"]))
            if run["environment"] is not None:
                os.environ.clear()
                os.environ.update(run["environment"])
            os.chdir(run["folder"])
            sys.path[0] = run["folder"]
            failures = Failures(run["lines"], run["until"])
            exit_code = int(pytest.main([*OPTIONS, *run["arguments"]], [failures]))
            with os.fdopen(write, "w") as found:
                json.dump(failures.found, found)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(exit_code)
    os.close(write)
    with os.fdopen(read) as found:
        failures_of_child = found.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return json.dumps({"code": code, "failures": json.loads(failures_of_child or "[]")})


def redirect(output: Path) -> None:
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)


if __name__ == "__main__":
    main()
