"""Runs the tests of the updater on a sample of its mutants: `python -m tools.mutants.updater`.

The sample is the same in each run. Tests of the mutated module come first, and before them those
that have noticed other mutants of it.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from evergreen.releases import clone_with_tags, commit_all
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT, copy_working_tree
from tools.mutants.operators import mutate
from tools.mutants.runner import Planted
from tools.mutants.survivors import DOCUMENT, entry_of, read_equivalent

SEED = 20261126
SAMPLE = 120
BAR = 0.95
MAX_SECONDS = 900
"""For the tests of one mutant; a module that never ends counts as noticed."""
FIRST = {
    "check.py": ["test_template_check_and_diff.py", "test_targets.py"],
    "command_line.py": ["test_command_line.py", "test_template_check_and_diff.py"],
    "diff.py": ["test_template_check_and_diff.py", "test_files_of_the_team.py"],
    "fleet.py": ["test_command_line.py", "test_fleet.py"],
    "formatting.py": ["test_mechanical_differences.py"],
    "fresh_copy.py": [
        "test_mechanical_differences.py",
        "test_template_check_and_diff.py",
        "test_targets.py",
        "test_monorepos.py",
    ],
    "merging.py": [
        "test_nothing_is_lost.py",
        "test_monorepos.py",
        "test_mechanical_differences.py",
        "test_template_update.py",
    ],
    "migrations.py": ["test_planted_migration.py", "test_mechanical_differences.py"],
    "moved_names.py": ["test_moved_names.py"],
    "processes.py": [
        "test_template_update.py",
        "test_planted_migration.py",
        "test_tasks_by_name.py",
    ],
    "pull_request.py": ["test_pull_request.py"],
    "releases.py": ["test_template_check_and_diff.py", "test_targets.py"],
    "service.py": [
        "test_monorepos.py",
        "test_files_of_the_team.py",
        "test_mechanical_differences.py",
        "test_template_update.py",
    ],
    "suites.py": ["test_pull_request.py", "test_template_update.py"],
    "update.py": [
        "test_template_update.py",
        "test_targets.py",
        "test_pull_request.py",
        "test_moved_names.py",
        "test_monorepos.py",
        "test_planted_migration.py",
    ],
    "versions.py": ["test_versions.py", "test_targets.py"],
}
KILLERS = """

def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(Path(__file__).with_name("killers").read_text().splitlines())}
    items.sort(key=lambda item: -ranks.get(item.nodeid, -1))


def pytest_runtest_logreport(report):
    if report.failed:
        with Path(__file__).with_name("killers").open("a") as killers:
            killers.write(f"{report.nodeid}\\n")
"""


def sample(number: int) -> list[Planted]:
    """Returns a random sample of all mutants, in the order of the files."""
    planted = [
        Planted(f"updater/{path.name}", mutant)
        for path in sorted((ROOT / "updater").glob("*.py"))
        if path.name in FIRST
        for mutant in mutate(path.read_text())
    ]
    chosen = random.Random(SEED).sample(range(len(planted)), min(number, len(planted)))
    return [planted[index] for index in sorted(chosen)]


def clone(folder: Path) -> Path:
    """Copies the repository, its history and what is not committed."""
    clone_with_tags(ROOT, folder)
    copy_working_tree(ROOT, folder)
    commit_all(folder)
    with (folder / "tests/updater/conftest.py").open("a") as conftest:
        conftest.write(KILLERS)
    (folder / "tests/updater/killers").touch()
    return folder


def survives(repository: Path, planted: Planted) -> bool:
    """Plants a mutant, runs the tests, and restores the file."""
    file = repository / planted.file
    original = file.read_text()
    file.write_text(planted.mutant.text)
    tests = [f"tests/updater/{name}" for name in FIRST[file.name]]
    command = ["pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not thorough", *tests]
    try:
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=repository,
            env=own_environment(),
            capture_output=True,
            timeout=MAX_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        file.write_text(original)
    return result.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants.updater", description=__doc__)
    parser.add_argument(
        "number", nargs="?", type=int, default=SAMPLE, help="of mutants: %(default)s"
    )
    planted = sample(parser.parse_args().number)
    survivors: list[Planted] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        repositories: SimpleQueue[Path] = SimpleQueue()
        workers = os.cpu_count() or 1
        for worker in range(workers):
            repositories.put(clone(Path(temporary) / f"worker {worker}" / "evergreen"))

        def survives_somewhere(one: Planted) -> bool:
            repository = repositories.get()
            try:
                return survives(repository, one)
            finally:
                repositories.put(repository)

        with ThreadPoolExecutor(workers) as pool:
            running = {pool.submit(survives_somewhere, one): one for one in planted}
            for done, future in enumerate(as_completed(running), 1):
                outcome = "killed"
                if future.result():
                    outcome = "survived"
                    survivors.append(running[future])
                print(f"{done} of {len(planted)}: {outcome}: {running[future]}", flush=True)
    known = read_equivalent("updater")
    new = [survivor for survivor in survivors if survivor.key not in known]
    ratio = 1 - len(survivors) / max(len(planted), 1)
    if new:
        print(
            f"\nNew: kill them with a test, or explain in {DOCUMENT.name} why they are equivalent."
        )
        print(*(entry_of(survivor.key) for survivor in new), sep="\n")
    print(
        f"{len(planted)} mutants of the updater: {len(planted) - len(survivors)} killed, "
        f"{len(survivors)} survived, {len(survivors) - len(new)} of them listed. That is {ratio:.1%} "
        f"(at least {BAR:.0%}), in {time.perf_counter() - started:.0f} s."
    )
    sys.exit(bool(new) or ratio < BAR)


if __name__ == "__main__":
    main()
