"""Shows that a service under a mixed load holds no more memory and descriptors as time goes by.

Usage: python -m tools.benchmarks.soak [--minutes 10] [DATABASE ...]

The service runs as its image starts it. Each client creates a task, reads, changes and deletes it, so
that the table does not grow, sends requests that are refused, and logs in now and then. The command
fails if the memory grows by more than 2 % after a minute of warm-up, if descriptors are left open,
or if a response has not the status that it should have.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from evergreen.postgresql_server import open_folder
from tools.benchmarks.throughput import USER, Server, log_in, megabytes, running, servers_on

CLIENTS = 8
WARM_UP_SECONDS = 60
SECONDS_BETWEEN_SAMPLES = 2
MAX_GROWTH = 0.02
ROUNDS_FOR_A_LOGIN = 50


@dataclass
class Sample:
    megabytes: float
    descriptors: int


class Load:
    """The requests of all clients, and those whose status was wrong."""

    def __init__(self, address: str) -> None:
        self.client = httpx.AsyncClient(
            base_url=address, headers=log_in(address), limits=httpx.Limits(), timeout=60
        )
        self.requests = 0
        self.wrong: Counter[str] = Counter()

    async def send(
        self, method: str, path: str, expected: int, **arguments: object
    ) -> httpx.Response:
        response = await self.client.request(method, path, **arguments)  # type: ignore[arg-type]
        self.requests += 1
        if response.status_code != expected:
            self.wrong[f"{method} {path.split('/')[1]}: {response.status_code}"] += 1
        return response

    async def run(self) -> None:
        rounds = 0
        while True:
            await self.read_and_write()
            await self.send_refused_requests()
            if rounds % ROUNDS_FOR_A_LOGIN == 0:
                await self.log_in("wrong password", 401)
                await self.log_in(USER["password"], 200)
            rounds += 1

    async def read_and_write(self) -> None:
        created = await self.send("POST", "/tasks", 201, json={"title": "Buy milk"})
        task = created.headers.get("Location", "/tasks/none")
        await self.send("GET", task, 200)
        await self.send("PATCH", task, 200, json={"done": True})
        await self.send("GET", "/tasks", 200)
        await self.send("GET", "/auth/me", 200)
        await self.send("GET", "/readyz", 200)
        await self.send("DELETE", task, 204)

    async def send_refused_requests(self) -> None:
        await self.send("GET", f"/tasks/{uuid4()}", 404)
        await self.send("GET", f"/{uuid4()}", 404)
        await self.send("POST", "/tasks", 422, json={"title": ""})
        await self.send("POST", "/tasks", 413, content=b"0" * 100_000)
        await self.send("GET", "/tasks", 401, headers={"Authorization": f"Bearer {uuid4()}"})

    async def log_in(self, password: str, expected: int) -> None:
        form = {"username": USER["email"], "password": password}
        await self.send("POST", "/auth/token", expected, data=form)


def sample(process: subprocess.Popen[bytes]) -> Sample:
    return Sample(megabytes(process), len(list(Path(f"/proc/{process.pid}/fd").iterdir())))


async def take_samples(
    process: subprocess.Popen[bytes], load: Load, seconds: float
) -> list[Sample]:
    """Puts the service under the load; the warm-up is in none of the samples."""
    clients = [asyncio.create_task(load.run()) for _ in range(CLIENTS)]
    await asyncio.sleep(WARM_UP_SECONDS)
    samples = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and not any(client.done() for client in clients):
        samples.append(sample(process))
        await asyncio.sleep(SECONDS_BETWEEN_SAMPLES)
    for client in clients:
        client.cancel()
    ended = await asyncio.gather(*clients, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
    await load.client.aclose()
    return samples


def soak(database: str, server: Server, seconds: float) -> list[str]:
    with running(server) as (process, address, _):
        load = Load(address)
        samples = asyncio.run(take_samples(process, load, seconds))
    tenth = max(1, len(samples) // 10)
    first, last = (
        Sample(
            statistics.median(one.megabytes for one in some),
            round(statistics.median(one.descriptors for one in some)),
        )
        for some in (samples[:tenth], samples[-tenth:])
    )
    growth = last.megabytes / first.megabytes - 1
    print(
        f"{database}: {load.requests} requests in {seconds / 60:g} minutes and the warm-up, "
        f"{load.wrong.total()} with a wrong status; {first.megabytes:.1f} MB, then "
        f"{last.megabytes:.1f} ({growth:+.1%}); {first.descriptors} descriptors, then "
        f"{last.descriptors}",
        flush=True,
    )
    faults = [f"{number} x {request}" for request, number in load.wrong.items()]
    if growth > MAX_GROWTH:
        faults.append(f"the memory has grown by {growth:.1%}, and {MAX_GROWTH:.0%} is the limit")
    if last.descriptors > first.descriptors:
        faults.append(f"{last.descriptors - first.descriptors} descriptors more than before")
    return [f"{database}: {fault}" for fault in faults]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks.soak")
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--minutes", type=float, default=10, help="default: %(default)s")
    options = parser.parse_args()
    faults = []
    for database in options.databases:
        with ExitStack() as stack:
            *_, server = servers_on(database, stack.enter_context(open_folder()), stack)
            faults += soak(database, server, options.minutes * 60)
    print(*faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
