"""The programs that the updater runs, and how it ends when it is stopped meanwhile."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

GIT = (
    "git",
    "--literal-pathspecs",
    *("-c", "core.hooksPath=/dev/null"),  # the hooks are for the commits of people
    *("-c", "core.safecrlf=false"),
    *("-c", "merge.directoryRenames=false"),
    *("-c", "rerere.autoUpdate=false"),  # or a conflict would look as if it were solved
    *("-c", "submodule.recurse=false"),
)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.5
"""Seconds in which a program may end by itself after a Ctrl-C, which the terminal sends it, too."""


class Stopped(SystemExit):
    """Raised by a signal; its code is that of a program that this signal has stopped."""


def stop_at_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    ignore_signals()  # a second one would leave behind what is now removed
    raise Stopped(128 + number)


def ignore_signals() -> None:
    """Ignores them here and in the programs started from now on."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def started(*command: str, folder: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Runs a program, and ends it before it returns, so that nothing writes to a removed folder."""
    try:
        process = subprocess.Popen(
            command, cwd=folder, encoding="utf-8", errors="backslashreplace", **options
        )
    except FileNotFoundError:
        sys.exit(f"There is no program {command[0]}: install uv and git first.")
    try:
        yield process
    except BaseException:
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        process.terminate()
        process.wait()
        raise


@contextmanager
def uv_run(*command: str, folder: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Runs a program of the service in the second working tree, in an environment of its own."""
    in_use = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")  # by the service as it is
    own = {name: value for name, value in os.environ.items() if name not in in_use}
    with started("uv", "run", "--quiet", *command, folder=folder, env=own, **options) as process:
        yield process


@contextmanager
def running(
    *command: str, folder: Path, environment: dict[str, str] | None = None, text: str | None = None
) -> Iterator[Callable[[], str]]:
    """Starts a program; the function waits for it and returns what it printed.

    If it fails, the updater ends with what the command printed. The command reads `text`, or what
    the updater itself would read.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if text is not None:
        pipes["stdin"] = subprocess.PIPE
    with started(*command, folder=folder, env=environment, **pipes) as process:

        def output() -> str:
            printed, errors = process.communicate(text)
            if process.returncode != 0:
                refuse_failure(command, f"{errors}{printed}".strip())
            return printed

        yield output


def refuse_failure(command: tuple[str, ...], printed: str) -> NoReturn:
    if "Traceback" in printed:
        printed = printed.splitlines()[-1]
    called = " ".join(command).replace(" ".join(GIT), "git")
    sys.exit(f"{called} failed, and the service is as it was:\n{printed}")


def run(
    *command: str, folder: Path, environment: dict[str, str] | None = None, text: str | None = None
) -> str:
    """Runs a program to its end, as `running` does."""
    with running(*command, folder=folder, environment=environment, text=text) as output:
        return output()
