"""Runs workers in parallel, each in its own copy of the service."""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from evergreen.postgresql_server import open_folder
from tools.mutants.operators import Mutant
from tools.mutants.survivors import Key

WORKER = Path(__file__).with_name("worker.py")
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".postgresql*", ".venv", ".*_cache", "__pycache__", "*.db*"
)
MAX_ANSWER = 1_000_000


class RunError(Exception):
    pass


@dataclass(frozen=True)
class Planted:
    file: str
    mutant: Mutant

    @property
    def key(self) -> Key:
        return Key(self.file, self.mutant.where, self.mutant.change)

    def __str__(self) -> str:
        return f"{self.file}:{self.mutant.line} {self.mutant.where}  {self.mutant.change}"


async def survivors_of(
    service: Path, planted: Sequence[Planted], tests: Sequence[str] = ()
) -> list[Planted]:
    """Runs these files of tests on each mutant, or the whole suite.

    Raises `RunError` if they fail without a mutant, or end unexpectedly with one.
    """
    task = asyncio.current_task()
    assert task is not None
    # Cleans up as after Ctrl-C.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    survivors: list[Planted] = []
    progress = Progress(len(planted))
    # The workers share it: each takes the next one when it is done with another.
    waiting = iter(planted)
    with open_folder() as temporary:
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(os.cpu_count() or 1):
                    folder = temporary / f"worker {number}"
                    group.create_task(work(service, folder, tests, waiting, survivors, progress))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
    return sorted(survivors, key=planted.index)


async def work(
    service: Path,
    folder: Path,
    tests: Sequence[str],
    waiting: Iterator[Planted],
    survivors: list[Planted],
    progress: "Progress",
) -> None:
    async with started_worker(service, folder, tests) as worker:
        result = await worker.read_result()
        if result.code != 0:
            raise RunError(f"The suite fails without a mutant.\n{result.output}")
        for planted in waiting:
            result = await worker.run(planted)
            survived = has_survived(planted, result)
            if survived:
                survivors.append(planted)
            progress.step(survived)


@dataclass(frozen=True)
class Result:
    code: int
    output: str


def has_survived(planted: Planted, result: Result) -> bool:
    if result.code == 0:
        return True
    # A test failed, a module of tests can't be imported, or the run took too long.
    killed = result.code in {1, 2, -signal.SIGALRM}
    if killed or (result.code == 4 and "ImportError while loading conftest" in result.output):
        return False
    raise RunError(f"{planted}\nPytest ended with {result.code}.\n{result.output}")


class Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin, self.stdout = process.stdin, process.stdout

    async def run(self, planted: Planted) -> Result:
        mutant = {"file": planted.file, "text": planted.mutant.text}
        self.stdin.write(json.dumps(mutant).encode() + b"\n")
        await self.stdin.drain()
        return await self.read_result()

    async def read_result(self) -> Result:
        line = await self.stdout.readline()
        if not line:
            raise RunError("A worker has stopped. Its output is above.")
        return Result(**json.loads(line))


@asynccontextmanager
async def started_worker(
    service: Path, folder: Path, tests: Sequence[str]
) -> AsyncIterator[Worker]:
    shutil.copytree(service, folder / "service", ignore=NOT_COPIED)
    process = await asyncio.create_subprocess_exec(
        service / ".venv/bin/python",
        # Keeps the folder of this package out of the service's import path.
        "-P",
        WORKER,
        folder,
        *tests,
        cwd=folder / "service",
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=PIPE,
        stdout=PIPE,
        limit=MAX_ANSWER,
        # Only this process receives Ctrl-C; it then stops the whole process group of the worker.
        start_new_session=True,
    )
    worker = Worker(process)
    try:
        yield worker
    finally:
        # Closed, or a worker that is just about to read would notice the signal only afterwards.
        worker.stdin.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        # It is at its end when the run, too, has gone.
        await worker.stdout.read()
        await process.wait()


class Progress:
    """Shows a line that changes on a terminal, and elsewhere a line for each tenth."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.survived = 0
        self.start = time.perf_counter()

    def step(self, survived: bool) -> None:
        self.done += 1
        self.survived += survived
        seconds = (time.perf_counter() - self.start) / self.done * (self.total - self.done)
        killed = (self.done - self.survived) / self.done
        line = f"{self.done}/{self.total} mutants, {killed:.1%} killed, {seconds:.0f} s left"
        if sys.stdout.isatty():
            end = "\n" if self.done == self.total else ""
            print(f"\r{line:<60}", end=end, flush=True)
        elif self.done * 10 // self.total > (self.done - 1) * 10 // self.total:
            print(line, flush=True)
