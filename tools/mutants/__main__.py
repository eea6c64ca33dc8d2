"""Runs the suites of services on each of their mutants and shows the survivors."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.mutants.operators import mutate
from tools.mutants.runner import Planted, RunError, survivors_of
from tools.mutants.survivors import DOCUMENT, Key, entry_of, read_equivalent

MUTATED = "app/**/*.py"
BAR = 0.95
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Returns the exit code: 0 if exactly the listed mutants survive and few enough of them."""
    parser = argument_parser()
    arguments = parser.parse_args()
    only: list[str] = arguments.only or []
    services = [
        service.resolve()
        for service in arguments.services
        if arguments.database in {None, database_of(service)}
    ]
    for service in services:
        if not (service / ".venv/bin/python").exists():
            parser.error(f"{service} has no .venv: run `uv sync` there first.")
        for file in only:
            if not (service / file).is_file():
                parser.error(f"{service} has no file {file}.")
    if arguments.list:
        for service in services:
            planted = plant(service, only)
            print(*planted, f"{len(planted)} mutants on {database_of(service)}", sep="\n")
        return 0
    results = [passes(service, only) for service in services]
    return 0 if all(results) else 1


def passes(service: Path, only: Sequence[str]) -> bool:
    database = database_of(service)
    planted = plant(service, only)
    of_services = {key for key in read_equivalent(database) if key.file.startswith("app/")}
    known = {key for key in of_services if not only or key.file in only}
    print(f"{len(planted)} mutants on {database}", flush=True)
    start = time.perf_counter()
    survivors = asyncio.run(survivors_of(service, planted))
    ratio = 1 - len(survivors) / max(len(planted), 1)
    passed = report(survivors, known) and ratio >= BAR
    print(
        f"{len(planted)} mutants on {database}: {len(planted) - len(survivors)} killed, "
        f"{len(survivors)} survived. That is {ratio:.1%} (at least {BAR:.0%}), "
        f"in {time.perf_counter() - start:.0f} s.",
        flush=True,
    )
    return passed


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants",
        description="Mutates the code of services, runs their suites on each mutant and shows the "
        f"survivors. Fails if they are not exactly the mutants that {DOCUMENT.name} lists for the "
        f"database, or if fewer than {BAR:.0%} are killed there. Without options, all files of "
        "app/ are mutated on both databases.",
    )
    parser.add_argument(
        "services", type=Path, nargs="+", metavar="service", help="the folder of one with a .venv"
    )
    parser.add_argument(
        "--database", choices=DATABASES, help="mutate only the services on this database"
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="FILE",
        help="mutate this file, such as app/tasks/service.py; can be repeated",
    )
    parser.add_argument("--list", action="store_true", help="list the mutants without running them")
    return parser


def database_of(service: Path) -> str:
    """That of a service which brings a PostgreSQL for its tests is PostgreSQL."""
    return "postgresql" if (service / "embedded_postgresql.py").exists() else "sqlite"


def plant(service: Path, only: Sequence[str] = ()) -> list[Planted]:
    files = only or sorted(str(path.relative_to(service)) for path in service.glob(MUTATED))
    return [
        Planted(file, mutant) for file in files for mutant in mutate((service / file).read_text())
    ]


def report(survivors: Sequence[Planted], known: set[Key]) -> bool:
    """Prints the survivors; returns whether they are exactly the known ones."""
    keys = [survivor.key for survivor in survivors]
    new = [key for key in keys if key not in known]
    stale = sorted(known - set(keys))
    show("Survived:", survivors)
    show(f"New: kill them with a test, or explain in {DOCUMENT.name} why they are equivalent.", new)
    show(f"Stale: they no longer survive, so delete them from {DOCUMENT.name}.", stale)
    return not new and not stale


def show(heading: str, lines: Sequence[Planted | Key]) -> None:
    if lines:
        texts = [str(line) if isinstance(line, Planted) else entry_of(line) for line in lines]
        print(heading, *texts, "", sep="\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("\nStopped.")
    except RunError as error:
        sys.exit(f"\n{error}")
