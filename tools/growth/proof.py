"""Runs the suites of services that grow: each feature alone, right and wrong, and all together."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from queue import LifoQueue

import copier

from evergreen.forked_suites import FIRST_LINES, ForkedSuites, Result, forked_suites
from evergreen.growth import (
    Feature,
    FeatureError,
    MigrationError,
    Wrong,
    add_dependencies,
    environment_of,
    grow,
    plant,
    put_into,
    write_migration,
)
from evergreen.postgresql_server import open_folder, postgresql_server
from evergreen.progress import Reporter

CHECKS_OF_A_SERVICE = ("tests/test_routes.py", "tests/integration/test_migrations.py")
MAX_SHOWN_FAILURES = 5
MAX_OUTPUT = 6_000
# Where `embedded_postgresql.py` of a service keeps its data, for users and for root.
DATA_OF_POSTGRESQL = (".postgresql", ".postgresql-of-root")
# Of each operation: with all features there are many. The nightly run sends as many as a user.
FUZZ_CASES = 15


@dataclass(frozen=True)
class Outcome:
    """What came of a run: `problem` begins with a sentence, and is empty if all is well."""

    name: str
    problem: str
    seconds: float


@dataclass
class Growth:
    """Everything found out about services that grow."""

    features: list[Feature]
    databases: list[str]
    thorough: bool = False
    """Whether each feature and mistake is run on each database, and not by turns.

    The migration is written on each of them anyway, and the service with all features is run there.
    """
    right: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    """By feature and database."""
    wrong: dict[tuple[str, str], list[Outcome]] = field(default_factory=dict)
    ways: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    """The ways to run the service that has all features: by way and database."""
    written: dict[str, dict[str, list[Path]]] = field(default_factory=dict)
    """The migrations by database and feature."""
    seconds: float = 0

    @property
    def outcomes(self) -> list[Outcome]:
        mistakes = [outcome for outcomes in self.wrong.values() for outcome in outcomes]
        return [*self.right.values(), *mistakes, *self.ways.values()]

    @property
    def passed(self) -> bool:
        return not any(outcome.problem for outcome in self.outcomes)


class Workplace:
    """An installed service without features, and what it takes to run copies of it.

    Only one copy runs at a time: on PostgreSQL they share the data, which takes long to create.
    """

    def __init__(self, base: Path, programs: Path, folder: Path, suites: ForkedSuites) -> None:
        self.base, self.programs, self.folder, self.suites = base, programs, folder, suites
        self.numbers = count(1)
        (folder / "postgresql").mkdir(parents=True)

    def copy_of(self, service: Path) -> Path:
        # Short, and without the name of a feature, which a failure might otherwise seem to say.
        copy = Path(shutil.copytree(service, self.folder / f"{next(self.numbers)}", symlinks=True))
        self.use_data_of_postgresql(copy)
        return copy

    def use_data_of_postgresql(self, service: Path) -> None:
        for name in DATA_OF_POSTGRESQL:
            (service / name).unlink(missing_ok=True)
            (service / name).symlink_to(self.folder / "postgresql")

    def run_suite(self, service: Path, *arguments: str, until: Sequence[str] = ()) -> Result:
        return self.suites.run(service, "-q", *arguments, until=until)

    def run_command(self, service: Path, *command: str, **variables: str) -> Result:
        """Runs a program of the service, as a user types it after `uv run`."""
        result = subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=service,
            env=environment_of(self.programs) | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        return Result(result.returncode, result.stdout, [])


class Workplaces:
    """Lends workplaces: no two runs use the same one at the same time."""

    def __init__(self, by_database: dict[str, list[Workplace]]) -> None:
        self.free: dict[str, LifoQueue[Workplace]] = {}
        for database, workplaces in by_database.items():
            self.free[database] = LifoQueue()
            for workplace in workplaces:
                self.free[database].put(workplace)

    @contextmanager
    def one_for(self, database: str) -> Iterator[Workplace]:
        workplace = self.free[database].get()
        try:
            yield workplace
        finally:
            self.free[database].put(workplace)


@contextmanager
def open_workplaces(
    template: Path,
    features: list[Feature],
    databases: Iterable[str],
    installations: Path,
    number: int,
) -> Iterator[Workplaces]:
    """Installs a service on each database, with so many workplaces for copies of it."""
    with open_folder() as folder, ExitStack() as stack:
        by_database = {}
        for database in databases:
            base = folder / database / "base"
            answers = {"database": database, "coverage_threshold": 100}
            copier.run_copy(str(template), base, data=answers, defaults=True, quiet=True)
            programs = install(base, features, installations / f"growth {database}")
            places = [
                Workplace(
                    base,
                    programs,
                    folder / database / str(place),
                    stack.enter_context(forked_suites(programs, environment_of(programs))),
                )
                for place in range(number)
            ]
            # For the byte code, which each copy would have to compile anew.
            places[0].use_data_of_postgresql(base)
            places[0].run_suite(base)
            by_database[database] = places
        yield Workplaces(by_database)


def install(base: Path, features: list[Feature], folder: Path) -> Path:
    """Installs what the service and all features need into a folder; returns its programs."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(base / "pyproject.toml", folder)
    add_dependencies(folder / "pyproject.toml", features)
    programs = folder / ".venv/bin"
    command = ["uv", "sync", "--quiet"]
    subprocess.run(command, cwd=folder, env=environment_of(programs), check=True)
    return programs


def prove(
    template: Path,
    features: list[Feature],
    databases: list[str],
    installations: Path,
    reporter: Reporter,
    together: bool = True,
    thorough: bool = False,
) -> Growth:
    """Proves each feature alone, and all of them together unless `together` is false."""
    started = time.perf_counter()
    growth = Growth(features, databases, thorough)
    # One more than processors, since a run also waits: for a server to start, for a file.
    workers = (os.cpu_count() or 1) + 1
    with (
        open_workplaces(template, features, databases, installations, workers) as workplaces,
        ThreadPoolExecutor(workers) as pool,
    ):
        on = {
            database: [feature for feature in features if database in feature.databases]
            for database in databases
        }
        alone = [
            pool.submit(prove_alone, growth, workplaces, database, feature)
            for database in databases
            for feature in on[database]
        ]
        reporter.follow("features proven alone", alone)
        if together:
            grown = {
                database: grow_in(workplaces, database, on[database], growth.written[database])
                for database in databases
            }
            ways = [
                pool.submit(prove_way, growth, workplaces, database, grown[database], way)
                for way in WAYS
                for database in databases
            ]
            reporter.follow("ways to run all of them", ways)
    growth.seconds = time.perf_counter() - started
    return growth


def prove_alone(growth: Growth, workplaces: Workplaces, database: str, feature: Feature) -> None:
    mistakes = mistakes_on(feature, database, growth)
    has_turn = growth.thorough or database == turn_of(
        growth.features.index(feature), growth, feature
    )
    context = f"{feature.name} on {database}"
    with workplaces.one_for(database) as place:
        service = place.copy_of(place.base)
        before_migration = service
        checks = [path for path in CHECKS_OF_A_SERVICE if (service / path).exists()]
        checks += feature.tests

        def right() -> str:
            nonlocal before_migration
            put_into(service, feature)
            before_migration = place.copy_of(service)
            written = write_migration(service, feature, place.programs)
            growth.written.setdefault(database, {})[feature.name] = written
            for command in (("ruff", "format", "--check"), ("ruff", "check")):
                lint = place.run_command(service, *command)
                if lint.code != 0:
                    return f"{context} is done right, but ruff refuses it.\n{lint.output}"
            return problem_of_right(context, place.run_suite(service)) if has_turn else ""

        def with_mistake(wrong: Wrong) -> str:
            copy = place.copy_of(before_migration if wrong.before_migration else service)
            plant(copy, feature, wrong)
            if wrong.before_migration:
                try:
                    write_migration(copy, feature, place.programs)
                except MigrationError as error:
                    return problem_of_wrong(context, wrong, Result(1, str(error), []))
            # These find most mistakes, and take less time than all tests.
            problem = problem_of_wrong(
                context, wrong, place.run_suite(copy, *checks, until=wrong.says)
            )
            return problem and problem_of_wrong(
                context, wrong, place.run_suite(copy, until=wrong.says)
            )

        name = "green" if has_turn else "migration"
        outcome = growth.right[feature.name, database] = timed(name, context, right)
        growth.wrong[feature.name, database] = (
            []
            if outcome.problem
            else [timed(wrong.name, context, partial(with_mistake, wrong)) for wrong in mistakes]
        )


def turn_of(number: int, growth: Growth, of: Feature | Wrong) -> str:
    """The database whose turn it is, since to use each of them takes longer than it is worth."""
    offered = [database for database in growth.databases if database in of.databases]
    return offered[number % len(offered)] if offered else ""


def mistakes_on(feature: Feature, database: str, growth: Growth) -> list[Wrong]:
    """Each on one database, by turns; on each of them in a thorough proof."""
    return [
        wrong
        for number, wrong in enumerate(feature.wrong)
        if database in wrong.databases
        and (growth.thorough or database == turn_of(number, growth, wrong))
    ]


def timed(name: str, context: str, run: Callable[[], str]) -> Outcome:
    started = time.perf_counter()
    try:
        problem = run()
    except FeatureError as error:
        problem = f"{context}: {error}"
    return Outcome(name, problem, time.perf_counter() - started)


def problem_of_right(context: str, result: Result) -> str:
    if result.code == 0:
        return ""
    return f"{context} is done right, but the suite is red.\n{shown(result)}"


def problem_of_wrong(context: str, wrong: Wrong, result: Result) -> str:
    if result.code == 0:
        return f"{context} is done wrong ({wrong.name}), but the suite is green."
    if any(all(text in said for text in wrong.says) for said in first_lines(result)):
        return ""
    return (
        f"{context} is done wrong ({wrong.name}), and the suite is red, but no failure says "
        f"{' and '.join(map(repr, wrong.says))} in its first {FIRST_LINES} lines.\n{shown(result)}"
    )


def first_lines(result: Result) -> list[str]:
    """Returns those of each failure.

    For a run that ended without one, as when a database can't be migrated, what it printed last.
    """
    if result.failures:
        return result.failures
    printed = result.output.strip().splitlines()[-FIRST_LINES:]
    return ["\n".join([f"pytest ended with {result.code}", *printed])]


def shown(result: Result) -> str:
    failures = first_lines(result)
    more = [f"and {len(failures) - MAX_SHOWN_FAILURES} more"][: len(failures) > MAX_SHOWN_FAILURES]
    return "\n\n".join([*failures[:MAX_SHOWN_FAILURES], *more])


# ── All features together ────────────────────────────────────────────────────


def grow_in(
    workplaces: Workplaces,
    database: str,
    features: Sequence[Feature],
    written: dict[str, list[Path]] | None = None,
) -> Path | str:
    """Returns a service that has all features, or what went wrong."""
    if written is not None:
        for feature in features:
            if feature.name not in written:
                return f"{feature.name} has no migration."
    with workplaces.one_for(database) as place:
        service = place.copy_of(place.base)
        try:
            grow(service, features, place.programs, written)
        except FeatureError as error:
            return str(error)
        return service


def check(place: Workplace, service: Path) -> Result:
    return place.run_command(service, "poe", "check")


def two_processes(place: Workplace, service: Path) -> Result:
    return place.run_command(service, "pytest", "-q", "-n", "2")


def live(place: Workplace, service: Path) -> Result:
    return place.run_command(service, "pytest", "-q", "--live")


def given_database(place: Workplace, service: Path) -> Result:
    """Twice: the tests have to leave the database as they found it."""
    if not (service / "embedded_postgresql.py").exists():
        return twice(place, service, f"sqlite+aiosqlite:///{service}/test.db")
    with postgresql_server(place.programs.parent, "a-password") as url:
        return twice(place, service, f"{url}/test")


def twice(place: Workplace, service: Path, url: str) -> Result:
    first = place.run_suite(service, f"--database-url={url}")
    return place.run_suite(service, f"--database-url={url}") if first.code == 0 else first


def fuzz(place: Workplace, service: Path) -> Result:
    cases = os.environ.get("FUZZ_CASES", str(FUZZ_CASES))
    return place.run_command(service, "poe", "fuzz", FUZZ_CASES=cases)


WAYS: dict[str, Callable[[Workplace, Path], Result]] = {
    "poe check": check,
    "pytest -n 2": two_processes,
    "pytest --live": live,
    "pytest --database-url": given_database,
    "poe fuzz": fuzz,
}


def prove_way(
    growth: Growth, workplaces: Workplaces, database: str, service: Path | str, way: str
) -> None:
    context = f"All features on {database}"

    def run() -> str:
        if isinstance(service, str):
            return f"{context} can't be put into one service: {service}"
        with workplaces.one_for(database) as place:
            return problem_of_way(context, way, WAYS[way](place, place.copy_of(service)))

    growth.ways[way, database] = timed(way, context, run)


def problem_of_way(context: str, way: str, result: Result) -> str:
    if result.code == 0:
        return ""
    printed = shown(result) if result.failures else result.output[-MAX_OUTPUT:]
    return f"{context}: `{way}` fails.\n{printed}"
