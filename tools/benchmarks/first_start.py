"""Measures the time from nothing to the first green run, with warm caches.

Renders the template into FOLDER twice: once for the whole first command of the README, once to
measure `uv sync` and `pytest` alone.

Usage: python -m tools.benchmarks.first_start TEMPLATE FOLDER
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

BAR = 3.0


def seconds(*command: str, cwd: Path | None = None) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    template, folder = sys.argv[1], Path(sys.argv[2])

    def render() -> float:
        shutil.rmtree(folder, ignore_errors=True)
        return seconds("copier", "copy", "--quiet", "--defaults", template, str(folder))

    # One unmeasured run warms the caches.
    render()
    seconds("uv", "run", "pytest", "-q", cwd=folder)
    whole = render() + seconds("uv", "run", "pytest", "-q", cwd=folder)
    render()
    alone = seconds("uv", "sync", cwd=folder)
    alone += seconds(str(folder.resolve() / ".venv/bin/pytest"), "-q", cwd=folder)
    ratio = whole / alone
    print(f"copier copy and uv run pytest: {whole:.2f} s")
    print(f"uv sync and pytest alone:      {alone:.2f} s")
    print(f"ratio:                         {ratio:.2f} (less than {BAR:g})")
    sys.exit(ratio >= BAR)


if __name__ == "__main__":
    main()
