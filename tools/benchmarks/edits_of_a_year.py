"""Compares `template-update` with `copier update`: fourteen edits of teams, from each release.

Usage: python -m tools.benchmarks.edits_of_a_year [RELEASE ...]

A cell has the files and lines in conflict, and the lines of the team that were lost.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import copier
from rich.console import Console
from rich.table import Table

from evergreen.edits import SCENARIOS
from evergreen.released_answers import VERSIONS, answers_for
from evergreen.releases import ANONYMOUS_IDENTITY, TIP, commit_all, git, tagged_clone, update
from evergreen.rendering import files_of
from evergreen.suites import own_environment
from evergreen.update_properties import lost_lines
from evergreen.working_tree import ROOT

CONFLICT = re.compile(rb"(?ms)^<<<<<<< .*?^>>>>>>> ")


@dataclass(frozen=True)
class Outcome:
    files: int
    lines: int
    lost: int

    def __str__(self) -> str:
        lost = f", [red]{self.lost} lost[/]" if self.lost else ""
        return f"{self.files}/{self.lines}{lost}" if self.files or self.lost else "0"


def outcome_of(original: dict[str, bytes], edited: dict[str, bytes], service: Path) -> Outcome:
    updated = files_of(service)
    conflicts = {
        path: sum(found.count(b"\n") for found in CONFLICT.findall(content))
        for path, content in updated.items()
    }
    unmerged = [path for path, lines in conflicts.items() if lines]
    # A line that was the template's before is none of the team's, wherever it has moved.
    known = {line for content in original.values() for line in content.decode().splitlines()}
    lost = [
        line
        for line in lost_lines(original, edited, updated)
        if line.partition(": ")[2] not in known
    ]
    return Outcome(len(unmerged), sum(conflicts.values()), len(lost))


def compare(template: Path, folder: Path, version: str, scenario: str) -> tuple[Outcome, Outcome]:
    """Returns what came of template-update and of copier update."""
    number = list(SCENARIOS).index(scenario)
    answers = answers_for(version, number, SCENARIOS[scenario].answers)
    service = folder / "service"
    copier.run_copy(
        str(template), service, data=answers, defaults=True, quiet=True, vcs_ref=version
    )
    commit_all(service)
    original = files_of(service)
    SCENARIOS[scenario].edit(service)
    edited = files_of(service)
    commit_all(service)
    by_copier = shutil.copytree(service, folder / "by copier")
    update(by_copier, TIP)
    subprocess.run(
        [sys.executable, template / "updater", "update", "--no-tests", f"--pull-request={folder}"],
        cwd=service,
        env=own_environment(),
        check=True,
        capture_output=True,
    )
    git("switch", "--quiet", (folder / "branch").read_text().strip(), cwd=service)
    return outcome_of(original, edited, service), outcome_of(original, edited, by_copier)


def main() -> None:
    unknown = sorted(set(sys.argv[1:]) - set(VERSIONS))
    if unknown:
        sys.exit(f"There is no release {', '.join(unknown)} among {', '.join(VERSIONS)}.")
    versions = sys.argv[1:] or VERSIONS
    os.environ.update(ANONYMOUS_IDENTITY)
    console = Console()
    table = Table("files/lines in conflict: template-update, copier update", *versions)
    lost = 0
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(os.cpu_count()) as pool:
        template = tagged_clone(ROOT, Path(name) / "template")
        futures = {
            (scenario, version): pool.submit(
                compare, template, Path(name) / f"{version} {number}", version, scenario
            )
            for (number, scenario), version in product(enumerate(SCENARIOS), versions)
        }
        for scenario in SCENARIOS:
            outcomes = [futures[scenario, version].result() for version in versions]
            lost += sum(ours.lost for ours, _ in outcomes)
            table.add_row(scenario, *(f"{ours}  {theirs}" for ours, theirs in outcomes))
            console.print(f"{scenario}: done")
    console.print(table)
    console.print(f"template-update lost {lost} lines of teams.")
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
