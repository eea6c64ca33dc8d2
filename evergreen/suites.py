"""Finds the distinct services among all combinations; runs the suite, types and server of each."""

import hashlib
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evergreen.postgresql_server import free_port, open_folder

# Files that neither the tests nor the programs of a service read. To be sure of that, suites run
# in a folder without them.
UNSEEN = re.compile(
    r"(\.copier-answers\.yml|\.dockerignore|\.env\.example|\.gitignore|\.gitlab-ci\.yml"
    r"|AGENTS\.md|Dockerfile|README\.md|compose\.yaml)$|\.github/|docs/"
)


@dataclass(frozen=True)
class Environment:
    """A version of Python, and which of the declared bounds the dependencies are resolved to."""

    python: str
    resolution: str

    def __str__(self) -> str:
        return f"{self.python} {'lowest' if self.resolution == 'lowest-direct' else 'newest'}"


@dataclass
class Step:
    name: str
    passed: bool
    seconds: float
    output: str


@dataclass
class Run:
    """The steps of one distinct service in one environment, up to the first that fails."""

    tree: str
    environment: Environment
    steps: list[Step] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)


def seen_by_tests(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if not UNSEEN.match(path)}


def digest_of_tree(files: dict[str, bytes]) -> str:
    """Returns the same digest for services whose tests see the same files.

    The lower bound of Python is ignored: it says where a service may run, and does not change what
    the service does there.
    """
    digest = hashlib.sha256()
    for path, content in sorted(seen_by_tests(files).items()):
        if path == "pyproject.toml":
            content = re.sub(rb"\nrequires-python = .*", b"", content)
        digest.update(path.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:8]


def environments(pythons: list[str]) -> list[Environment]:
    """Returns the newest dependencies on each installed Python, and the lowest on the first.

    Raises `SystemExit` if none of the versions is installed.
    """
    found = [python for python in pythons if is_installed(python)]
    if not found:
        raise SystemExit(f"uv finds none of these Pythons on this machine: {', '.join(pythons)}.")
    newest = [Environment(python, "highest") for python in found]
    return [*newest, Environment(found[0], "lowest-direct")]


def is_installed(python: str) -> bool:
    command = ["uv", "python", "find", "--no-python-downloads", "--no-project", python]
    return subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def folder_of_files(files: dict[str, bytes]) -> Iterator[Path]:
    """Yields a temporary folder with these files."""
    with open_folder() as folder:
        for path, content in files.items():
            file = folder / "service" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        yield folder / "service"


def own_environment() -> dict[str, str]:
    """Returns the variables of this process, without those that would mislead uv or a service."""
    misleading = {
        "VIRTUAL_ENV",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "DATABASE_URL",
        "TEST_DATABASE_URL",
        "PYTHONPATH",
    }
    return {name: value for name, value in os.environ.items() if name not in misleading}


def run_suites(
    trees: dict[str, dict[str, bytes]],
    environment: Environment,
    shared: Path,
    in_full: Collection[str],
) -> list[Run]:
    """Runs the suites of services with the same pyproject.toml, those `in_full` with all checks.

    They share an installation and a cache of mypy in a folder, which the next run can reuse.
    """
    shared.mkdir(parents=True, exist_ok=True)
    return [
        run_suite(tree, files, environment, shared, tree in in_full)
        for tree, files in trees.items()
    ]


def run_suite(
    tree: str, files: dict[str, bytes], environment: Environment, shared: Path, in_full: bool
) -> Run:
    """Installs a service from its declared bounds; runs its suite, migrations and server.

    In full, also checks the types, and that all lines are covered.
    """
    run = Run(tree, environment)
    programs = shared / ".venv/bin"
    install = ["uv", "sync", "--quiet", f"--python={environment.python}"]
    install += [f"--resolution={environment.resolution}"]
    variables = own_environment() | {"UV_PROJECT_ENVIRONMENT": str(programs.parent)}
    coverage: list[str | Path] = ["--cov=app", "--cov-fail-under=100"] if in_full else []
    suite: list[str | Path] = [programs / "pytest", "-q", "-W", "error", *coverage]
    types: list[str | Path] = [programs / "mypy", f"--cache-dir={shared}/mypy"]
    with folder_of_files(seen_by_tests(files)) as folder:
        with_database: list[str | Path] = (
            [programs / "python", "-m", "embedded_postgresql"]
            if (folder / "embedded_postgresql.py").exists()
            else []
        )
        migrate = [*with_database, programs / "alembic", "upgrade", "head"]
        for step in (
            partial(run_step, "install", install, folder, variables),
            partial(run_step, "suite", suite, folder),
            *[partial(run_step, "types", types, folder)][:in_full],
            partial(run_step, "migrate", migrate, folder),
            partial(serve, [*with_database, programs / "uvicorn", "app.main:app"], folder),
        ):
            run.steps.append(step())
            if not run.passed:
                break
    return run


def run_step(
    name: str,
    command: Sequence[str | Path],
    folder: Path,
    environment: dict[str, str] | None = None,
) -> Step:
    started = time.perf_counter()
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment or own_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return Step(name, result.returncode == 0, time.perf_counter() - started, result.stdout)


def serve(command: Sequence[str | Path], folder: Path) -> Step:
    """Starts the server, waits until it is ready, and stops it."""
    started = time.perf_counter()
    port = free_port()
    with tempfile.TemporaryFile() as printed:
        server = subprocess.Popen(
            [*command, f"--port={port}"],
            cwd=folder,
            env=own_environment(),
            stdout=printed,
            stderr=printed,
        )
        try:
            is_ready = wait_until_ready(f"http://127.0.0.1:{port}/readyz", server.poll)
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)
        finally:
            server.kill()
            server.wait()
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    return Step("serve", is_ready, time.perf_counter() - started, output)


def wait_until_ready(url: str, poll: Callable[[], int | None]) -> bool:
    """Returns whether a request succeeds within 20 seconds, before the process ends."""
    for _ in range(400):
        if poll() is not None:
            return False
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    return False
