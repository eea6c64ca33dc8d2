"""Runs the suite of a service on one mutant after another.

The Python of the service runs this file, in a copy of the service. Each line of the input names
a file and its mutated text; each line of the output, the first of which is about the service
as it is, has the exit code of pytest and the end of what it printed.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import pytest

# What takes most of the time of a run is to import these, so it is done once: each run begins
# as a copy of this process. Nothing of the service may be imported here.
LIBRARIES = ["fastapi", "sqlalchemy.ext.asyncio", "aiosqlite", "alembic.command", "httpx"]
OPTIONS = [
    "-q",
    "-x",
    *("-p", "no:cacheprovider"),
    *("-p", "no:randomly"),
    # One of the libraries brings a plugin, too.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
]
MIN_LIMIT = 20
LIMIT_AS_A_RATIO = 10
MAX_OUTPUT = 10_000


def main() -> None:
    folder = Path(sys.argv[1])
    # The runs get a copy of it: as long as one of them is alive, the output is not at its end.
    answers = os.fdopen(os.dup(1), "w")
    gc.disable()
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    gc.freeze()
    gc.enable()

    start = time.perf_counter()
    print(run_suite(folder), file=answers, flush=True)
    limit = max(MIN_LIMIT, math.ceil(LIMIT_AS_A_RATIO * (time.perf_counter() - start)))
    # From here on all byte code is that of the service as it is.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for line in sys.stdin:
        mutant = json.loads(line)
        path = Path(mutant["file"])
        original = path.read_bytes()
        # It could pass for that of a mutant, if they have one length and one second.
        Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
        path.write_text(mutant["text"])
        print(run_suite(folder, limit), file=answers, flush=True)
        path.write_bytes(original)


def run_suite(folder: Path, limit: int = 0) -> str:
    """In a process of its own, which is killed after `limit` seconds, if that is not 0."""
    output = folder / "output"
    child = os.fork()
    if child == 0:
        exit_code = int(pytest.ExitCode.INTERNAL_ERROR)
        try:
            signal.alarm(limit)
            redirect(output)
            exit_code = pytest.main([*OPTIONS, f"--basetemp={folder / 'tests'}"])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(exit_code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end = output.read_text(errors="replace")[-MAX_OUTPUT:]
    return json.dumps({"code": code, "output": end})


def redirect(output: Path) -> None:
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)


if __name__ == "__main__":
    main()
