"""Shows what a service gives while it is attacked, and while its database fails.

Usage: python -m tools.benchmarks.faults [DATABASE ...]

Real servers, started as their image starts them. A row says what the clients saw; the command fails
if anything was acknowledged and lost, if a response was a 500, if readiness was not what it has to
be, or if the service was not ready again in half a minute. For the faults of a disk, it mounts file
systems of its own, and so needs Linux and root.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from evergreen.postgresql_server import free_port, open_folder, psql, run_program
from tools.benchmarks.throughput import Server, log_in, running, servers_on

WRITERS = 20
LOGINS = 60
MANY_WRITERS = 1000
SECONDS_TO_RECOVER = 30
DISK_BYTES = 64 * 1024 * 1024


@dataclass
class Seen:
    """The responses that clients got during a fault, and how long they took."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    ready: Counter[int] = field(default_factory=Counter)
    acknowledged: int = 0
    lost: int = 0
    seconds_until_ready: float = 0.0
    expected: set[int] = field(default_factory=lambda: {200, 503})
    notes: str = ""

    def row(self) -> list[str]:
        return [
            counted(self.statuses),
            f"{self.slowest:.1f}",
            counted(self.ready) or "-",
            f"{self.seconds_until_ready:.1f}",
            f"{self.acknowledged} / {self.lost}",
            self.notes,
        ]

    def faults(self) -> Iterator[str]:
        if self.statuses[500] or self.ready[500]:
            yield f"{self.statuses[500] + self.ready[500]} responses were a 500"
        if self.lost:
            yield f"{self.lost} tasks were acknowledged and lost"
        if self.seconds_until_ready > SECONDS_TO_RECOVER:
            yield f"it was not ready {SECONDS_TO_RECOVER} s after the fault"
        if not set(self.ready) <= self.expected:
            yield f"/readyz was {counted(self.ready)}"


def counted(statuses: Counter[int]) -> str:
    return ", ".join(f"{number} x {code}" for code, number in sorted(statuses.items()))


@dataclass
class Service:
    """A served service, and a client that is logged in."""

    client: httpx.AsyncClient
    acknowledged: set[str] = field(default_factory=set)

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
            seen.acknowledged += 1
            self.acknowledged.add(response.json()["id"])

    async def readiness(self) -> int:
        return (await self.client.get("/readyz")).status_code

    async def watch_readiness(self, seen: Seen) -> None:
        while True:
            seen.ready[await self.readiness()] += 1
            await asyncio.sleep(0.5)

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
    service: Service,
    seconds: float,
    fault: Callable[[], object],
    end: Callable[[], object],
    ready: set[int],
) -> Seen:
    """Writes and asks for readiness while there is a fault, and until the service is ready again."""
    seen = Seen(expected=ready)
    fault()
    over = time.perf_counter() + seconds

    async def keep_writing() -> None:
        while time.perf_counter() < over:
            await service.write(seen)
            await asyncio.sleep(0.05)

    writers = [asyncio.create_task(keep_writing()) for _ in range(WRITERS)]
    watching = asyncio.create_task(service.watch_readiness(seen))
    await asyncio.sleep(seconds)
    watching.cancel()
    await asyncio.to_thread(end)
    ended = time.perf_counter()
    while await service.readiness() != 200 and seen.seconds_until_ready <= SECONDS_TO_RECOVER:
        await asyncio.sleep(0.1)
        seen.seconds_until_ready = time.perf_counter() - ended
    await asyncio.gather(*writers)
    seen.lost = await service.lost()
    return seen


async def many_wrong_logins(service: Service) -> Seen:
    seen = Seen(expected={200})

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
            seen.ready[await service.readiness()] += 1
        for attack in attacks:
            attack.cancel()
        await asyncio.gather(*attacks, return_exceptions=True)
    seen.slowest = max(attacked)
    times = statistics.median(attacked) / idle
    seen.notes = f"median of a read {idle * 1000:.1f} ms, then {times:.1f} times that"
    return seen


async def many_writers(service: Service) -> Seen:
    seen = Seen()

    watching = asyncio.create_task(service.watch_readiness(seen))
    await asyncio.gather(*[service.write(seen) for _ in range(MANY_WRITERS)])
    watching.cancel()
    seen.lost = await service.lost()
    return seen


# ── The faults of SQLite ─────────────────────────────────────────────────────


def run_mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    run_mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


async def faults_of_sqlite(service: Service, file: Path) -> AsyncIterator[tuple[str, Seen]]:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        locked = await during(
            service,
            12,
            lambda: other.execute("BEGIN IMMEDIATE"),
            lambda: other.execute("ROLLBACK"),
            {200},
        )
    yield "another process holds the lock for 12 s", locked

    filler = file.with_name("filler")

    def fill() -> None:
        with filler.open("wb", buffering=0) as zeros:
            try:
                while zeros.write(bytes(4096)):
                    pass
            except OSError:
                return  # the disk is full

    yield "the disk is full for 4 s", await during(service, 4, fill, filler.unlink, {503})

    def protect() -> None:
        run_mount("--bind", file, file)
        run_mount("-o", "remount,bind,ro", file)

    def release() -> None:
        subprocess.run(["umount", file], check=True)

    yield "the file is read-only for 4 s", await during(service, 4, protect, release, {503})

    def moved(suffix: str) -> list[tuple[Path, Path]]:
        names = [f"{file}{ending}" for ending in ("", "-wal", "-shm")]
        return [(Path(name), Path(name + suffix)) for name in names]

    def move_away() -> None:
        for here, there in moved(".away"):
            here.rename(there)

    def move_back() -> None:
        for here, there in moved(".away"):
            there.rename(here)

    yield "the file is gone for 4 s", await during(service, 4, move_away, move_back, {503})

    def corrupt() -> None:
        move_away()
        file.write_bytes(b"no database" * 1000)

    yield "the file is corrupt for 4 s", await during(service, 4, corrupt, move_back, {503})


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
        try:
            server = await asyncio.open_connection("127.0.0.1", self.port_of_server)
        except OSError:  # it is stopped
            writer.close()
            return
        for pair in ((reader, server[1]), (server[0], writer)):
            self.readers.add(pair[0])
            self.tasks.add(asyncio.create_task(self.pass_on(*pair)))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if reader not in self.silent:
                    writer.write(data)
        writer.close()

    def silence(self) -> None:
        self.silent |= self.readers


class PostgreSQL:
    def __init__(self, environment: Path, url: str) -> None:
        self.environment, self.url = environment, url
        self.port = int(url.rpartition(":")[2].partition("/")[0])
        (folder,) = self.run("SHOW data_directory")
        self.data = Path(folder)
        _, self.options = (self.data / "postmaster.opts").read_text().strip().split(maxsplit=1)
        self.frozen: list[int] = []
        self.occupied: list[socket.socket] = []

    def run(self, statement: str) -> list[str]:
        return psql(self.environment, self.url, statement)

    def control(self, *arguments: str) -> None:
        run_program(self.environment, "pg_ctl", "-D", str(self.data), "-w", *arguments)

    def stop(self) -> None:
        self.control("-m", "immediate", "stop")

    def start(self) -> None:
        self.control("-l", f"{self.data}/log", "-o", self.options, "start")

    def end_all_connections(self) -> None:
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def freeze(self) -> None:
        server = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        self.frozen = [server, *map(int, children)]
        for process in self.frozen:
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self.frozen:
            os.kill(process, signal.SIGCONT)

    def take_all_slots(self) -> None:
        """Opens connections until the server refuses one, after it has ended those of the service."""
        self.end_all_connections()
        values = b"user\0postgres\0database\0postgres\0\0"
        version = 3 << 16
        while True:
            connection = socket.create_connection(("127.0.0.1", self.port))
            connection.sendall(struct.pack("!ii", len(values) + 8, version) + values)
            if connection.recv(1) == b"E":  # an error, in place of the authentication
                connection.close()
                return
            self.occupied.append(connection)

    def give_slots_back(self) -> None:
        for connection in self.occupied:
            connection.close()


async def faults_of_postgresql(
    service: Service, server: PostgreSQL, proxy: Proxy
) -> AsyncIterator[tuple[str, Seen]]:
    def nothing() -> None: ...

    either = {200, 503}
    yield (
        "connections go silent, for 20 s",
        await during(service, 20, proxy.silence, nothing, either),
    )
    yield (
        "the server ends all connections",
        await during(service, 3, server.end_all_connections, nothing, either),
    )
    yield (
        "all slots are taken for 5 s",
        await during(service, 5, server.take_all_slots, server.give_slots_back, {503}),
    )
    yield (
        "the server is stopped for 4 s",
        await during(service, 4, server.stop, server.start, {503}),
    )

    lock = "BEGIN; LOCK TABLE tasks; SELECT pg_sleep(12); COMMIT"
    locking = threading.Thread(target=server.run, args=(lock,))
    yield (
        "the table is locked for 12 s",
        await during(service, 12, locking.start, locking.join, either),
    )
    yield (
        "the server is frozen for 12 s",
        await during(service, 12, server.freeze, server.thaw, {503}),
    )


@asynccontextmanager
async def served(server: Server, headers: dict[str, str] | None = None) -> AsyncIterator[Service]:
    with running(server) as (_, address, _):
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(
            base_url=address, headers=headers or log_in(address), timeout=60, limits=limits
        ) as client:
            yield Service(client)


async def all_faults_of_sqlite(server: Server, folder: Path) -> AsyncIterator[tuple[str, Seen]]:
    with small_disk(folder) as disk:
        file = disk / "now.db"
        shutil.move(folder / "now.db", file)
        server.environment["DATABASE_URL"] = f"sqlite+aiosqlite:///{file}"
        async with served(server) as service:
            yield f"{LOGINS} wrong logins at once", await many_wrong_logins(service)
            yield f"{MANY_WRITERS} writers at once", await many_writers(service)
            async for fault, seen in faults_of_sqlite(service, file):
                yield fault, seen
        # A disk with files that are open for writing can't be made read-only.
        run_mount("-o", "remount,ro", disk)
        async with served(server, dict(service.client.headers)) as started:
            started.acknowledged = service.acknowledged
            seen = await during(
                started, 4, lambda: None, lambda: run_mount("-o", "remount,rw", disk), {503}
            )
            yield "it starts on a read-only disk, for 4 s", seen


async def all_faults_of_postgresql(server: Server) -> AsyncIterator[tuple[str, Seen]]:
    postgresql = PostgreSQL(server.folder / ".venv", server.environment["DATABASE_URL"])
    proxy = Proxy(postgresql.port)
    proxied = postgresql.url.replace(f":{postgresql.port}/", f":{proxy.port}/")
    server.environment["DATABASE_URL"] = f"{proxied}?ssl=disable"
    async with served(server) as service:
        yield f"{LOGINS} wrong logins at once", await many_wrong_logins(service)
        yield f"{MANY_WRITERS} writers at once", await many_writers(service)
        async for fault, seen in faults_of_postgresql(service, postgresql, proxy):
            yield fault, seen


async def table_of(database: str, console: Console) -> list[str]:
    faulty = []
    table = Table(title=database)
    for column in (
        "fault",
        "responses",
        "slowest s",
        "/readyz",
        "ready after s",
        "acknowledged / lost",
        "",
    ):
        table.add_column(column)
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        *_, server = servers_on(database, folder, stack)
        faults = (
            all_faults_of_sqlite(server, folder)
            if database == "sqlite"
            else all_faults_of_postgresql(server)
        )
        async for fault, seen in faults:
            table.add_row(fault, *seen.row())
            print(f"{database}: {fault}: {', '.join(seen.row())}", flush=True)
            faulty += [f"{database}: {fault}: {sentence}" for sentence in seen.faults()]
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
