"""Measures the time from nothing to the first green run, with warm caches.

Renders the template into FOLDER twice: once for the whole first command of the README, once to
measure `uv sync` and `pytest` alone.

Usage: python -m tools.benchmarks.first_start TEMPLATE FOLDER
"""

import shutil
import sys
from pathlib import Path

from tools.benchmarks.suite import seconds

BAR = 3.0
TEST = ["uv", "run", "pytest", "-q"]


def main() -> None:
    template, folder = sys.argv[1], Path(sys.argv[2])

    def render() -> float:
        shutil.rmtree(folder, ignore_errors=True)
        command = [
            "copier",
            "copy",
            "--quiet",
            "--defaults",
            "--vcs-ref=HEAD",
            template,
            str(folder),
        ]
        return seconds(command, Path.cwd())

    # One unmeasured run warms the caches.
    render()
    seconds(TEST, folder)
    whole = render() + seconds(TEST, folder)
    render()
    alone = seconds(["uv", "sync"], folder)
    alone += seconds([str(folder.resolve() / ".venv/bin/pytest"), "-q"], folder)
    ratio = whole / alone
    print(f"copier copy and uv run pytest: {whole:.2f} s")
    print(f"uv sync and pytest alone:      {alone:.2f} s")
    print(f"ratio:                         {ratio:.2f} (less than {BAR:g})")
    sys.exit(ratio >= BAR)


if __name__ == "__main__":
    main()
