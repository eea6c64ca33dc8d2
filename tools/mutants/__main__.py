"""Runs the suite of a service on each of its mutants and shows which ones survive."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.mutants.operators import mutate
from tools.mutants.runner import Planted, RunError, survivors_of
from tools.mutants.survivors import DOCUMENT, Key, entry_of, read_equivalent

MUTATED = ["app/**/*.py"]
BAR = 0.95


def main() -> int:
    """Its exit code: 0 if all that survive are known, and no others are."""
    parser = argument_parser()
    arguments = parser.parse_args()
    service: Path = arguments.service.resolve()
    if not (service / ".venv/bin/python").exists():
        parser.error(f"{service} has no .venv: run `uv sync` there first.")
    files: list[str] = arguments.only or files_of(service)
    for file in files:
        if not (service / file).is_file():
            parser.error(f"{service} has no file {file}.")
    planted = list(plant(service, files))
    if arguments.list or not planted:
        print(*planted, f"{len(planted)} mutants", sep="\n")
        return 0

    known = {key for key in read_equivalent() if not arguments.only or key.file in files}
    start = time.perf_counter()
    survivors = asyncio.run(survivors_of(service, planted))
    ratio = 1 - len(survivors) / len(planted)
    passed = report(survivors, known) and ratio >= BAR
    print(
        f"{len(planted)} mutants: {len(planted) - len(survivors)} killed, {len(survivors)} "
        f"survived. That is {ratio:.1%} (at least {BAR:.0%}), "
        f"in {time.perf_counter() - start:.0f} s."
    )
    return 0 if passed else 1


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants",
        description="Mutates the code of a service, runs its suite on each mutant and shows which "
        f"ones survive. Fails if they are not those that {DOCUMENT.name} lists, or if fewer "
        f"than {BAR:.0%} are killed.",
    )
    parser.add_argument("service", type=Path, help="the folder of a service, with its .venv")
    parser.add_argument(
        "--only",
        action="append",
        metavar="FILE",
        help="mutate this file, such as app/tasks/service.py (may be given more than once)",
    )
    parser.add_argument("--list", action="store_true", help="show the mutants, but run nothing")
    return parser


def files_of(service: Path) -> list[str]:
    return [
        str(path.relative_to(service))
        for pattern in MUTATED
        for path in sorted(service.glob(pattern))
    ]


def plant(service: Path, files: Sequence[str]) -> Iterator[Planted]:
    for file in files:
        for mutant in mutate((service / file).read_text()):
            yield Planted(file, mutant)


def report(survivors: Sequence[Planted], known: set[Key]) -> bool:
    """Whether the survivors are those that are known."""
    keys = [each.key for each in survivors]
    new = [key for key in keys if key not in known]
    stale = sorted(known - set(keys))
    show("Survived:", survivors)
    show(f"New: kill them by a test, or say in {DOCUMENT.name} why they are equivalent.", new)
    show(f"Stale: no longer survivors, so delete them from {DOCUMENT.name}.", stale)
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
