"""Shows what a service gives while it is attacked, and while its database fails.

Usage: python -m tools.benchmarks.faults [DATABASE ...]

Real servers, started as their image starts them. A row says what the clients saw; the command fails
if anything was acknowledged and lost, or if a response was a 500.
"""

import argparse
import asyncio
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from evergreen.postgresql_server import free_port, open_folder, psql
from tools.benchmarks.throughput import Server, log_in, running, servers_on

WRITERS = 20
LOGINS = 60
MANY_WRITERS = 1000


@dataclass
class Seen:
    """The responses that clients got during a fault, and how long they took."""

    statuses: Counter[int]
    slowest: float
    ready: list[int]
    seconds_until_ready: float
    notes: str = ""

    def row(self) -> list[str]:
        counted = ", ".join(f"{number} x {code}" for code, number in sorted(self.statuses.items()))
        ready = ", ".join(map(str, sorted(set(self.ready)))) or "-"
        return [
            counted,
            f"{self.slowest:.1f}",
            ready,
            f"{self.seconds_until_ready:.1f}",
            self.notes,
        ]


@dataclass
class Service:
    """A served service, and a client that is logged in."""

    client: httpx.AsyncClient
    acknowledged: set[str]

    async def write(self, seen: Seen) -> None:
        started = time.perf_counter()
        try:
            response = await self.client.post("/tasks", json={"title": "Buy milk"})
        except httpx.TransportError:
            seen.statuses[0] += 1  # no response
            return
        seen.statuses[response.status_code] += 1
        seen.slowest = max(seen.slowest, time.perf_counter() - started)
        if response.status_code == 201:
            self.acknowledged.add(response.json()["id"])

    async def lost(self) -> int:
        """Counts the tasks that were acknowledged and are not there."""
        found: set[str] = set()
        while True:
            page = await self.client.get("/tasks", params={"limit": 100, "offset": len(found)})
            tasks = page.raise_for_status().json()
            found |= {task["id"] for task in tasks}
            if len(tasks) < 100:
                return len(self.acknowledged - found)


async def during(
    service: Service, seconds: float, fault: Callable[[], object], end: Callable[[], object]
) -> Seen:
    """Writes and asks for readiness while there is a fault, and until the service is ready again."""
    seen = Seen(Counter(), 0.0, [], 0.0)
    fault()
    over = time.perf_counter() + seconds

    async def keep_writing() -> None:
        while time.perf_counter() < over:
            await service.write(seen)
            await asyncio.sleep(0.05)

    async def keep_asking() -> None:
        while time.perf_counter() < over:
            seen.ready.append((await service.client.get("/readyz")).status_code)
            await asyncio.sleep(0.5)

    writers = [asyncio.create_task(keep_writing()) for _ in range(WRITERS)]
    asking = asyncio.create_task(keep_asking())
    await asyncio.sleep(seconds)
    end()
    ended = time.perf_counter()
    while (await service.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    seen.seconds_until_ready = time.perf_counter() - ended
    await asyncio.gather(asking, *writers)
    return seen


async def many_wrong_logins(service: Service) -> Seen:
    seen = Seen(Counter(), 0.0, [], 0.0)

    async def seconds_of_a_read() -> float:
        started = time.perf_counter()
        seen.statuses[(await service.client.get("/tasks")).status_code] += 1
        return time.perf_counter() - started

    async def log_in_wrongly(client: httpx.AsyncClient) -> None:
        form = {"username": "nobody@example.com", "password": "wrong password"}
        while True:
            await client.post("/auth/token", data=form)

    idle = statistics.median([await seconds_of_a_read() for _ in range(100)])
    async with httpx.AsyncClient(
        base_url=service.client.base_url, timeout=60, limits=httpx.Limits(max_connections=None)
    ) as attacker:
        attacks = [asyncio.create_task(log_in_wrongly(attacker)) for _ in range(LOGINS)]
        await asyncio.sleep(1)
        attacked = []
        for _ in range(12):
            attacked += [await seconds_of_a_read() for _ in range(10)]
            seen.ready.append((await service.client.get("/readyz")).status_code)
        for attack in attacks:
            attack.cancel()
        await asyncio.gather(*attacks, return_exceptions=True)
    seen.slowest = max(attacked)
    times = statistics.median(attacked) / idle
    seen.notes = f"median of a read {idle * 1000:.1f} ms, then {times:.1f} times that"
    return seen


async def many_writers(service: Service) -> Seen:
    seen = Seen(Counter(), 0.0, [], 0.0)
    await asyncio.gather(*[service.write(seen) for _ in range(MANY_WRITERS)])
    return seen


# ── The faults of SQLite ─────────────────────────────────────────────────────


async def faults_of_sqlite(service: Service, file: Path) -> AsyncIterator[tuple[str, Seen]]:
    yield f"{MANY_WRITERS} writers at once", await many_writers(service)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        locked = await during(
            service, 12, lambda: other.execute("BEGIN IMMEDIATE"), lambda: other.execute("ROLLBACK")
        )
    yield "another process holds the lock for 12 s", locked
    copy = file.with_suffix(".copy")

    def move_away() -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{file}{suffix}").rename(f"{copy}{suffix}")

    def move_back() -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{copy}{suffix}").rename(f"{file}{suffix}")

    yield "the file is gone for 4 s", await during(service, 4, move_away, move_back)


# ── The faults of PostgreSQL ─────────────────────────────────────────────────


class Proxy:
    """Passes on what the service and the server send, until the connections go silent.

    It has a thread and an event loop of its own, since the start of a server blocks the other one.
    """

    def __init__(self, port_of_server: int) -> None:
        self.port_of_server = port_of_server
        self.port = free_port()
        self.readers: set[asyncio.StreamReader] = set()
        self.silent: set[asyncio.StreamReader] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        threading.Thread(target=asyncio.run, args=(self.serve(),), daemon=True).start()

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connect, "127.0.0.1", self.port)
        await server.serve_forever()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection("127.0.0.1", self.port_of_server)
        for pair in ((reader, server[1]), (server[0], writer)):
            self.readers.add(pair[0])
            self.tasks.add(asyncio.create_task(self.pass_on(*pair)))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if reader not in self.silent:
                writer.write(data)
        writer.close()

    def silence(self) -> None:
        self.silent |= self.readers


async def faults_of_postgresql(
    service: Service, programs: Path, url: str, proxy: Proxy
) -> AsyncIterator[tuple[str, Seen]]:
    def processes(number: signal.Signals) -> None:
        pids = psql(programs, url, "SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL")
        for pid in pids:
            if Path(f"/proc/{pid}").exists():
                os.kill(int(pid), number)

    yield "connections go silent, for 20 s", await during(service, 20, proxy.silence, lambda: None)

    def terminate() -> None:
        psql(
            programs,
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
        )

    yield "the server ends all connections", await during(service, 3, terminate, lambda: None)
    lock = "BEGIN; LOCK TABLE tasks; SELECT pg_sleep(12); COMMIT"
    holder: list[asyncio.Future[list[str]]] = []

    def lock_table() -> None:
        loop = asyncio.get_running_loop()
        holder.append(loop.run_in_executor(None, psql, programs, url, lock))

    yield "the table is locked for 12 s", await during(service, 12, lock_table, lambda: None)
    await holder[0]

    def freeze() -> None:
        processes(signal.SIGSTOP)

    def thaw() -> None:
        subprocess.run(["pkill", "-CONT", "postgres"], check=False)

    yield "the connections' processes are frozen for 12 s", await during(service, 12, freeze, thaw)


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[Service]:
    with running(server) as (_, address, _):
        headers = log_in(address)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(
            base_url=address, headers=headers, timeout=60, limits=limits
        ) as client:
            yield Service(client, set())


async def table_of(database: str, console: Console) -> list[str]:
    faulty = []
    table = Table(title=database)
    for column in ("fault", "responses", "slowest s", "/readyz", "ready after s", ""):
        table.add_column(column)

    def add(fault: str, seen: Seen) -> None:
        table.add_row(fault, *seen.row())
        print(f"{database}: {fault}: {', '.join(seen.row())}", flush=True)
        if seen.statuses[500]:
            faulty.append(f"{database}: {fault}: {seen.statuses[500]} responses were a 500")

    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        *_, server = servers_on(database, folder, stack)
        if database == "sqlite":
            async with served(server) as service:
                add(f"{LOGINS} wrong logins at once", await many_wrong_logins(service))
                async for fault, seen in faults_of_sqlite(service, folder / "now.db"):
                    add(fault, seen)
                lost = await service.lost()
        else:
            url = server.environment["DATABASE_URL"]
            port = int(url.rpartition(":")[2].partition("/")[0])
            proxy = Proxy(port)
            proxied = url.replace(f":{port}/", f":{proxy.port}/")
            server.environment["DATABASE_URL"] = f"{proxied}?ssl=disable"
            async with served(server) as service:
                add(f"{LOGINS} wrong logins at once", await many_wrong_logins(service))
                programs = server.folder / ".venv"
                async for fault, seen in faults_of_postgresql(service, programs, url, proxy):
                    add(fault, seen)
                lost = await service.lost()
        if lost:
            faulty.append(f"{database}: {lost} tasks were acknowledged and lost")
        print(f"{database}: {len(service.acknowledged)} tasks acknowledged, {lost} lost")
    console.print(table)
    return faulty


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks.faults")
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    console = Console(width=130)
    faulty = [
        sentence
        for database in parser.parse_args().databases
        for sentence in asyncio.run(table_of(database, console))
    ]
    print(*faulty, sep="\n")
    sys.exit(bool(faulty))


if __name__ == "__main__":
    main()
