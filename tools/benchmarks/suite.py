"""Measures the suite of a service, as a ratio to importing the libraries that it needs.

Usage: python -m tools.benchmarks.suite SERVICE-FOLDER
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIBRARIES = "fastapi, sqlalchemy.ext.asyncio, aiosqlite, alembic, httpx, pytest"
RUNS = 15
BAR = 1.7
# Without byte code, every run would compile its imports.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


def seconds(command: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    service = Path(sys.argv[1])
    programs = service.resolve() / ".venv/bin"
    suite = [str(programs / "pytest"), "-q"]
    imports = [str(programs / "python"), "-c", f"import {LIBRARIES}"]
    # One unmeasured run each writes the byte code.
    seconds(suite, service)
    seconds(imports, service)
    # In pairs, since the machine may be busier in one minute than in the next.
    pairs = [(seconds(suite, service), seconds(imports, service)) for _ in range(RUNS)]
    suite_median = statistics.median(pair[0] for pair in pairs)
    imports_median = statistics.median(pair[1] for pair in pairs)
    ratio = suite_median / imports_median
    print(f"the suite, whole process:     {suite_median:.2f} s (median of {RUNS})")
    print(f"importing the libraries:      {imports_median:.2f} s (median of {RUNS})")
    print(f"ratio:                        {ratio:.2f} (at most {BAR})")
    sys.exit(ratio > BAR)


if __name__ == "__main__":
    main()
