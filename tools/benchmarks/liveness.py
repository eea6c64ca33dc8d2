"""Measures the response time of `/livez` while a client keeps logging in: hashing must not block.

Usage: python -m tools.benchmarks.liveness SERVICE-FOLDER
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from evergreen.processes import wait_until
from evergreen.services import ADA, is_ready

ADDRESS = "http://127.0.0.1:8765"
SECONDS = 8.0
BAR_MILLISECONDS = 10.0


@contextmanager
def served(service: Path) -> Iterator[None]:
    programs = service.resolve() / ".venv/bin"
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite+aiosqlite:///{folder}/service.db"
        environment = {**os.environ, "DATABASE_URL": database, "LOG_LEVEL": "WARNING"}
        subprocess.run(
            [programs / "alembic", "upgrade", "head"], cwd=service, env=environment, check=True
        )
        command = [str(programs / "uvicorn"), "app.main:app", "--port", "8765", "--no-access-log"]
        process = subprocess.Popen(command, cwd=service, env=environment)
        try:
            wait_until(lambda: is_ready(ADDRESS, process))
            yield
        finally:
            process.terminate()
            process.wait()


def milliseconds_of_livez(client: httpx.Client) -> list[float]:
    """Sends requests for `SECONDS`, with short pauses, and returns how long each of them took."""
    durations = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        client.get("/livez").raise_for_status()
        durations.append((time.perf_counter() - start) * 1000)
        time.sleep(0.005)
    return durations


def log_in_until(stop: threading.Event, logins: list[int]) -> None:
    with httpx.Client(base_url=ADDRESS) as client:
        form = {"username": ADA["email"], "password": ADA["password"]}
        while not stop.is_set():
            client.post("/auth/token", data=form).raise_for_status()
            logins.append(1)


def show(name: str, durations: list[float]) -> float:
    p99 = statistics.quantiles(durations, n=100)[98]
    median = statistics.median(durations)
    print(f"/livez {name}: median {median:.1f} ms, p99 {p99:.1f} ms ({len(durations)} requests)")
    return p99


def main() -> None:
    with served(Path(sys.argv[1])), httpx.Client(base_url=ADDRESS) as client:
        client.post("/auth/register", json=ADA).raise_for_status()
        show("on an idle service", milliseconds_of_livez(client))
        stop, logins = threading.Event(), list[int]()
        thread = threading.Thread(target=log_in_until, args=(stop, logins))
        thread.start()
        p99 = show("while a client logs in in a loop", milliseconds_of_livez(client))
        stop.set()
        thread.join()
    print(f"logins meanwhile: {len(logins)}; p99 must be below {BAR_MILLISECONDS:g} ms")
    sys.exit(p99 >= BAR_MILLISECONDS)


if __name__ == "__main__":
    main()
