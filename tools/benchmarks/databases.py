"""Measures the suite of a service on PostgreSQL, as a ratio to that of a service on SQLite.

Usage: python -m tools.benchmarks.databases SQLITE-SERVICE-FOLDER POSTGRESQL-SERVICE-FOLDER
"""

import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from tools.benchmarks.suite import seconds

RUNS = 9
BAR = 2.0


def main() -> None:
    sqlite, postgresql = Path(sys.argv[1]), Path(sys.argv[2])
    for folder in (sqlite, postgresql):
        subprocess.run(["uv", "sync", "--quiet"], cwd=folder, check=True)
    suites = {
        folder: [str(folder.resolve() / ".venv/bin/pytest"), "-q"]
        for folder in (sqlite, postgresql)
    }
    # One unmeasured run each writes the byte code.
    for folder, suite in suites.items():
        seconds(suite, folder)
    # Without its data, the server starts as on a new machine.
    for data in postgresql.glob(".postgresql*"):
        shutil.rmtree(data)
    cold = seconds(suites[postgresql], postgresql)
    pairs = [
        (seconds(suites[sqlite], sqlite), seconds(suites[postgresql], postgresql))
        for _ in range(RUNS)
    ]
    sqlite_median = statistics.median(pair[0] for pair in pairs)
    postgresql_median = statistics.median(pair[1] for pair in pairs)
    ratio = postgresql_median / sqlite_median
    print(f"the suite on SQLite:                       {sqlite_median:.2f} s (median of {RUNS})")
    print(
        f"the suite on PostgreSQL:                   {postgresql_median:.2f} s (median of {RUNS})"
    )
    print(f"the suite on PostgreSQL, its first start:  {cold:.2f} s")
    print(f"ratio:                                     {ratio:.2f} (at most {BAR:g})")
    sys.exit(ratio > BAR)


if __name__ == "__main__":
    main()
