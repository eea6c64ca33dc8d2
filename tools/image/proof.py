"""Runs the workflow's image job and the compose file of services, and shows how each step went."""

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evergreen.releases import git
from tools.image.served import PROPERTIES, Composed
from tools.image.workflow import Step, read_job

WORKFLOW = ".github/workflows/ci.yml"
JOB, COMPOSE = "image job", "compose"
KINDS = {"container": ["rm", "--force", "--volumes"], "network": ["rm"], "volume": ["rm"]}
MAX_LINES = 60


@dataclass(frozen=True)
class Result:
    database: str
    part: str
    step: str
    passed: bool
    seconds: float
    text: str
    """For a step that passed, what it has shown; for another, what went wrong."""

    @property
    def mark(self) -> str:
        return "[green]✓[/]" if self.passed else "[red]✗[/]"


def prove(services: dict[str, Path], environment: dict[str, str], console: Console) -> bool:
    """Proves services in repositories, by database; returns whether every step has passed."""
    results = list[Result]()
    for database, repository in services.items():
        for result in proven(database, repository, environment):
            show(result, console)
            results.append(result)
    console.print(table_of(results, list(services)))
    return all(result.passed for result in results)


def show(result: Result, console: Console) -> None:
    place = f"{result.database}, {result.part}: {escape(result.step)}"
    text = result.text if result.passed else ""
    seen = f": {escape(text)}" if text else ""
    console.print(f"{result.mark} {result.seconds:5.1f} s  {place}{seen}", soft_wrap=True)
    if not result.passed:
        lines = result.text.splitlines()[-MAX_LINES:]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def proven(database: str, repository: Path, environment: dict[str, str]) -> Iterator[Result]:
    """Yields the result of each step; in each part, none of those after the first that fails."""
    # As on GitHub, where the machine of a job has nothing of another.
    with TemporaryDirectory() as folder, as_found(environment):
        steps = read_job((repository / WORKFLOW).read_text(), "image", repository)
        yield from job_results(database, steps, Path(folder), environment)
    with TemporaryDirectory() as folder, as_found(environment):
        git("clone", "--quiet", str(repository), ".", cwd=Path(folder))
        slug = yaml.safe_load((repository / "compose.yaml").read_text())["name"]
        secret = {name: secrets.token_hex(32) for name in ("SECRET_KEY", "POSTGRES_PASSWORD")}
        composed = Composed(slug, Path(folder), environment | secret)
        yield from property_results(database, composed)


def job_results(
    database: str, steps: list[Step], folder: Path, environment: dict[str, str]
) -> Iterator[Result]:
    passed = True
    for step in steps:
        if step.only_on_failure is not passed:
            started = time.perf_counter()
            result = subprocess.run(
                step.command,
                cwd=folder,
                env=environment | step.environment | {"CI": "true"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            seconds, success = time.perf_counter() - started, result.returncode == 0
            # The logs are shown, though the step itself has passed.
            shown = success and not step.only_on_failure
            text = "" if shown else result.stdout
            yield Result(database, JOB, step.name, shown, seconds, text)
            passed = passed and success


def property_results(database: str, composed: Composed) -> Iterator[Result]:
    for name, check in PROPERTIES.items():
        result = checked(database, name, check, composed)
        yield result
        if not result.passed:
            return


def checked(
    database: str, name: str, check: Callable[[Composed], str], composed: Composed
) -> Result:
    started = time.perf_counter()
    try:
        passed, text = True, check(composed)
    except (AssertionError, httpx.HTTPError, OSError) as error:
        passed, text = False, f"{type(error).__name__}: {error}"
    return Result(database, COMPOSE, name, passed, time.perf_counter() - started, text)


@contextmanager
def as_found(environment: dict[str, str]) -> Iterator[None]:
    """Deletes the containers, networks and volumes that were not there before."""
    before = {kind: found(kind, environment) for kind in KINDS}
    try:
        yield
    finally:
        for kind, command in KINDS.items():
            new = found(kind, environment) - before[kind]
            if new:
                delete = ["docker", kind, *command, *new]
                subprocess.run(delete, env=environment, check=True, stdout=subprocess.DEVNULL)


def found(kind: str, environment: dict[str, str]) -> set[str]:
    every = ["--all"] if kind == "container" else []
    command = ["docker", kind, "ls", "--quiet", *every]
    result = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return set(result.stdout.split())


def table_of(results: list[Result], databases: list[str]) -> Table:
    table = Table("part", "step", *databases, title="The image, on a real engine")
    cells = {
        (result.part, result.step, result.database): f"{result.mark} {escape(result.text)}"
        if result.passed
        else result.mark
        for result in results
    }
    part_shown = ""
    for part, step in dict.fromkeys((result.part, result.step) for result in results):
        row = [cells.get((part, step, database), "not run") for database in databases]
        table.add_row(part if part != part_shown else "", escape(step), *row)
        part_shown = part
    return table
