"""Updates many services: `python -m updater.fleet FOLDER ...` in a clone of the template.

Each update is a commit on a branch of its own, as for a pull request: a conflict is committed with
its markers, and nothing else changes in a service. All share this clone; a release that is newer
than it is not known here: `git fetch --tags` first.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from updater.releases import CLONE
from updater.service import ANSWERS


@dataclass(frozen=True)
class Result:
    service: Path
    outcome: str
    branch: str
    output: str


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m updater.fleet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="of a service")
    parser.add_argument("--to", metavar="VERSION", help="a release, candidate, branch or commit")
    parser.add_argument("--no-tests", action="store_true", help="don't run the tests of services")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="updates at the same time"
    )
    options = parser.parse_args()
    missing = [str(folder) for folder in options.folders if not (folder / ANSWERS).is_file()]
    if missing:
        sys.exit(f"There is no {ANSWERS} in {', '.join(missing)}.")
    if options.jobs < 1:
        sys.exit(f"--jobs {options.jobs}: at least one update has to run.")
    arguments = [*(["--to", options.to] if options.to else []), *["--no-tests"][: options.no_tests]]
    results = update_all([folder.resolve() for folder in options.folders], arguments, options.jobs)
    print_table(results)
    sys.exit(any(result.outcome == "failed" for result in results))


def update_all(folders: list[Path], arguments: list[str], jobs: int) -> list[Result]:
    """Updates them, several at the same time, and says which is done."""
    with ThreadPoolExecutor(jobs) as pool:
        started = [pool.submit(update, folder, arguments) for folder in folders]
        for number, done in enumerate(as_completed(started), 1):
            result = done.result()
            print(f"{number} of {len(folders)}: {result.service}: {result.outcome}", flush=True)
        return [future.result() for future in started]


def update(folder: Path, arguments: list[str]) -> Result:
    with TemporaryDirectory() as report:
        command = [sys.executable, str(CLONE / "updater"), "update", f"--pull-request={report}"]
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        branch = Path(report, "branch")
        if done.returncode != 0:
            return Result(folder, "failed", "", done.stdout)
        if not branch.is_file():
            return Result(folder, "up to date", "", done.stdout)
        body = Path(report, "body.md").read_text("utf-8")
        outcome = body.splitlines()[0].strip("* ") if Path(report, "draft").exists() else "updated"
        return Result(folder, outcome, branch.read_text("utf-8").strip(), done.stdout)


def print_table(results: list[Result]) -> None:
    """The failures at the end, with what they printed."""
    width = max(len(str(result.service)) for result in results)
    wide = max(len(result.branch) for result in results)
    print()
    for result in results:
        print(f"{result.service!s:{width}}  {result.branch:{wide}}  {result.outcome}")
    for result in results:
        if result.outcome == "failed":
            print(f"\n{result.service} was not updated:\n{result.output.strip()}")


if __name__ == "__main__":
    main()
