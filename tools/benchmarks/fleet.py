"""Updates a fleet: services of all releases, with random answers and edits, to the working tree.

Usage: python -m tools.benchmarks.fleet [NUMBER-OF-SERVICES]

Fails if an update loses a line of a team, or leaves a file without edits out of date.
"""

import multiprocessing
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import copier
from rich.console import Console
from rich.progress import track
from rich.table import Table

from evergreen.compilation import Compiled, compiled_once
from evergreen.edits import SCENARIOS
from evergreen.questions import Answers
from evergreen.released_answers import VERSIONS, offered_by
from evergreen.releases import (
    ANONYMOUS_IDENTITY,
    TIP,
    commit_all,
    conflicts,
    fresh_files,
    tagged_clone,
    update,
)
from evergreen.rendering import files_of
from evergreen.update_properties import keeps_what_was_edited
from evergreen.working_tree import ROOT

SEED = 20261125
SERVICES = 50
STEP = 10
COMPILED: Compiled = {}


@dataclass(frozen=True)
class Member:
    """A service of the fleet: its release, its answers, and the edits of its team."""

    version: str
    answers: Answers
    edits: list[str]


@dataclass(frozen=True)
class Outcome:
    seconds: float
    conflicts: list[str]
    lost: list[str]


def random_fleet(count: int) -> list[Member]:
    """The seed is fixed, so every run has the same fleet."""
    chance = random.Random(SEED)
    return [random_member(chance) for _ in range(count)]


def random_member(chance: random.Random) -> Member:
    version = chance.choice(VERSIONS)
    answers = {name: chance.choice(values) for name, values in offered_by(version).items()}
    edits = [
        name
        for name in chance.sample(sorted(SCENARIOS), chance.randint(1, 4))
        if SCENARIOS[name].answers.items() <= answers.items()
    ]
    if "the example is deleted" in edits:
        edits = [name for name in edits if not SCENARIOS[name].answers.get("example")]
        edits.append("the example is deleted")
    return Member(version, answers, edits)


def update_member(template: Path, folder: Path, member: Member) -> Outcome:
    """Creates the service, edits it as its team does, and updates it."""
    with compiled_once(COMPILED):
        copier.run_copy(
            str(template),
            folder,
            data=member.answers,
            defaults=True,
            quiet=True,
            vcs_ref=member.version,
        )
        commit_all(folder)
        original = files_of(folder)
        for name in member.edits:
            SCENARIOS[name].edit(folder)
        edited = files_of(folder)
        commit_all(folder)
        started = time.perf_counter()
        update(folder, TIP)
        seconds = time.perf_counter() - started
        expected = fresh_files(template, TIP, member.answers)
        lost = keeps_what_was_edited(folder, original, edited, expected)
    return Outcome(seconds, conflicts(folder), lost)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SERVICES
    fleet = random_fleet(count)
    console = Console()
    outcomes: dict[int, Outcome] = {}
    elapsed: dict[int, float] = {}
    os.environ.update(ANONYMOUS_IDENTITY)
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool,
    ):
        template = tagged_clone(ROOT, Path(name) / "template")
        started = time.perf_counter()
        futures = {
            pool.submit(update_member, template, Path(name) / f"service {number}", member): number
            for number, member in enumerate(fleet)
        }
        for done, future in enumerate(
            track(as_completed(futures), "services", count, console=console), start=1
        ):
            outcomes[futures[future]] = future.result()
            if done % STEP == 0:
                elapsed[done] = time.perf_counter() - started
    show(console, fleet, outcomes, elapsed)
    sys.exit(any(outcome.lost for outcome in outcomes.values()))


def show(
    console: Console,
    fleet: list[Member],
    outcomes: dict[int, Outcome],
    elapsed: dict[int, float],
) -> None:
    table = Table(
        "from", "services", "without a conflict", "with a conflict", "lost", "seconds per update"
    )
    for version in [*VERSIONS, "all"]:
        found = [
            outcomes[number]
            for number, member in enumerate(fleet)
            if version in (member.version, "all")
        ]
        if found:
            unmerged = sum(bool(outcome.conflicts) for outcome in found)
            table.add_row(
                version,
                str(len(found)),
                str(len(found) - unmerged),
                str(unmerged),
                str(sum(bool(outcome.lost) for outcome in found)),
                f"{sum(outcome.seconds for outcome in found) / len(found):.2f}",
            )
    console.print(table)
    for number, member in enumerate(fleet):
        for line in outcomes[number].lost:
            console.print(f"[red]lost[/] in service {number}, {member}: {line}")
    for done, seconds in elapsed.items():
        console.print(f"{done} services created and updated in {seconds:.0f} s")


if __name__ == "__main__":
    main()
