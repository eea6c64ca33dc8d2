"""Runs the suites of copies of a service quickly, in forks of a process with its libraries."""

import atexit
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evergreen.suites import own_environment

SERVER = Path(__file__).with_name("suite_server.py")
FIRST_LINES = 10


@dataclass(frozen=True)
class Result:
    code: int
    output: str
    failures: list[str]
    """The id of each test that failed, and the first lines of its message."""


class ForkedSuites:
    """Runs one suite after another."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.output = folder / "output"

    def run(
        self,
        service: Path,
        *arguments: str,
        until: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> Result:
        """Ends when a failure contains all of the texts `until`.

        The environment is that of the process unless another one is given. Raises `RuntimeError`
        if the process has ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        run = {
            "folder": str(service),
            "arguments": arguments,
            "output": str(self.output),
            "lines": FIRST_LINES,
            "until": until,
            "environment": environment,
        }
        self.process.stdin.write(json.dumps(run) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("The process that runs the suites has stopped; see its output.")
        output = self.output.read_text(errors="replace")
        return Result(output=output, **json.loads(line))


@cache
def suites_of(programs: Path) -> ForkedSuites:
    """Those of an installed service, in a process that ends with this one."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(forked_suites(programs, {}))


@contextmanager
def forked_suites(programs: Path, environment: dict[str, str]) -> Iterator[ForkedSuites]:
    """Starts the process with the Python of an installed service."""
    with tempfile.TemporaryDirectory() as folder:
        # -P keeps the folder of this package out of the service's import path.
        command = [str(programs / "python"), "-P", str(SERVER)]
        with subprocess.Popen(
            command,
            cwd=folder,
            env=own_environment() | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            # At the end its input is closed, and so the process ends.
            yield ForkedSuites(process, Path(folder))
