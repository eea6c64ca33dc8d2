"""Measures a service under load, as a share of bare FastAPI on the raw driver, and beside 0.5.0.

Usage: python -m tools.benchmarks.throughput [--rounds 3] [--seconds 3] [DATABASE ...]

Each server runs as its own image starts it, the bare routes on the plain loop and parser of
uvicorn. A round measures each route on all of them, by turns. Needs wrk, from Debian's packages.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from evergreen.postgresql_server import free_port, open_folder, postgresql_server, psql
from evergreen.releases import ANONYMOUS_IDENTITY, TIP, copy_of_release, tagged_clone
from evergreen.working_tree import ROOT

OLD = "0.5.0"
SERVERS = ("floor", OLD, "now")
CONNECTIONS = (4, 32)
ROUTES = ("GET /livez", "GET /auth/me", "GET /tasks/{id}", "GET /tasks", "POST /tasks")
USER = {"email": "ada@example.com", "password": "correct horse battery"}
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz-for-benchmarks"
MEMORY_BAR = 1.1
LATENCY_BAR = 4.0
# The share of the floor that a route has to reach, and how many times 0.5.0.
BARS = {
    "postgresql": {
        "GET /auth/me": (0.45, 0.0),
        "GET /tasks/{id}": (0.33, 2.0),
        "POST /tasks": (0.33, 2.0),
    },
    "sqlite": {
        "GET /auth/me": (0.33, 0.0),
        "GET /tasks/{id}": (0.25, 2.5),
        "POST /tasks": (0.25, 2.5),
    },
}


@dataclass(frozen=True)
class Server:
    name: str
    command: list[str]
    folder: Path
    environment: dict[str, str]


@dataclass(frozen=True)
class Load:
    requests: float
    """For each second."""
    median: float
    """In milliseconds, as are the other two."""
    p99: float
    cpu: float
    """For each request."""
    failures: int


Key = tuple[str, int, str]
"""A route, connections, a server."""


def command_of_image(service: Path) -> list[str]:
    found = re.search(r"(?m)^CMD (\[.*\])$", (service / "Dockerfile").read_text())
    assert found, "The Dockerfile has no CMD."
    command: list[str] = json.loads(found[1])
    return command


@contextmanager
def running(server: Server) -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """Yields the process, its address, and the seconds until its first response."""
    port = free_port()
    command = [*server.command]
    for option, value in (("--host", "127.0.0.1"), ("--port", str(port))):
        command[command.index(option) + 1] = value
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=server.folder, env=server.environment, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        while not is_live(address):
            assert process.poll() is None, f"{server.name} has ended: {' '.join(command)}"
            time.sleep(0.005)
        yield process, address, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def is_live(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez").is_success
    except httpx.TransportError:
        return False


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found
    return int(found[1]) / 1024


def log_in(address: str) -> dict[str, str]:
    with httpx.Client(base_url=address) as client:
        client.post("/auth/register", json=USER)  # a 409 from the second round on
        form = {"username": USER["email"], "password": USER["password"]}
        token = client.post("/auth/token", data=form).raise_for_status().json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def put_under_load(
    process: subprocess.Popen[bytes],
    url: str,
    method: str,
    headers: dict[str, str],
    connections: int,
    seconds: int,
) -> Load:
    lines = [f'wrk.method = "{method}"']
    if method == "POST":
        headers = {**headers, "Content-Type": "application/json"}
        lines.append("""wrk.body = '{"title": "Buy milk"}'""")
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("\n".join(lines))
        script.flush()
        before = cpu_seconds(process)
        printed = subprocess.run(
            [
                "wrk",
                "-t1",
                f"-c{connections}",
                f"-d{seconds}s",
                "--latency",
                "-s",
                script.name,
                url,
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        cpu = cpu_seconds(process) - before
    total = re.search(r"(\d+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    failures = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    assert total, printed
    assert rate, printed
    return Load(
        requests=float(rate[1]),
        median=milliseconds(printed, "50%"),
        p99=milliseconds(printed, "99%"),
        cpu=cpu / max(int(total[1]), 1) * 1000,
        failures=int(failures[1]) if failures else 0,
    )


def milliseconds(printed: str, quantile: str) -> float:
    found = re.search(rf"(?m)^\s+{quantile}\s+([\d.]+)(us|ms|s)", printed)
    assert found, printed
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


class Round:
    """All servers at the same time, so that what else happens on the machine meets all of them."""

    def __init__(self, servers: list[Server], seconds: int, stack: ExitStack) -> None:
        self.seconds = seconds
        self.running = {server.name: stack.enter_context(running(server)) for server in servers}
        self.headers: dict[str, dict[str, str]] = {}
        self.tasks: dict[str, str] = {}
        for name, (_, address, _) in self.running.items():
            self.headers[name] = {} if name == "floor" else log_in(address)
            with httpx.Client(base_url=address, headers=self.headers[name]) as client:
                task = client.post("/tasks", json={"title": "Buy milk"}).raise_for_status().json()
            self.tasks[name] = task["id"]
            self.load(name, "GET /tasks/{id}", max(CONNECTIONS), 1)  # opens the connections

    def load(self, name: str, route: str, connections: int, seconds: int) -> Load:
        process, address, _ = self.running[name]
        task = self.tasks[name]
        method, path = route.replace("{id}", task).split()
        if name == "floor" and path == "/auth/me":
            path = f"/tasks/{task}"  # one statement, too
        return put_under_load(
            process, address + path, method, self.headers[name], connections, seconds
        )

    def measure(self, loads: dict[Key, list[Load]]) -> None:
        for route in ROUTES:
            for connections in CONNECTIONS:
                for name in self.running:
                    load = self.load(name, route, connections, self.seconds)
                    loads[route, connections, name].append(load)


def servers_on(database: str, folder: Path, stack: ExitStack) -> list[Server]:
    os.environ.update(ANONYMOUS_IDENTITY)
    template = tagged_clone(ROOT, folder / "template")
    services = {
        version: copy_of_release(template, version, {"database": database}, folder / version)
        for version in (OLD, TIP)
    }
    for service in services.values():
        subprocess.run(["uv", "sync", "--quiet", "--no-dev"], cwd=service, check=True)
    addresses = {name: f"sqlite:///{folder}/{name}.db" for name in SERVERS}
    if database == "postgresql":
        subprocess.run(["uv", "sync", "--quiet"], cwd=services[TIP], check=True)
        environment = services[TIP] / ".venv"
        address = stack.enter_context(postgresql_server(environment))
        for number, name in enumerate(SERVERS):
            psql(environment, f"{address}/postgres", f"CREATE DATABASE server_{number}")
            addresses[name] = f"{address}/server_{number}"
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    servers = []
    for name in SERVERS:
        service = services[OLD if name == OLD else TIP]
        programs = service / ".venv/bin"
        own = {"ENVIRONMENT": "production", "SECRET_KEY": SECRET, "DATABASE": addresses[name]}
        own["DATABASE_URL"] = addresses[name].replace("sqlite:", "sqlite+aiosqlite:")
        command = command_of_image(service)
        if name == "floor":
            options = [
                "--app-dir",
                str(Path(__file__).parent),
                "--loop",
                "asyncio",
                "--http",
                "h11",
            ]
            command = ["uvicorn", "floor:app", "--no-access-log", "--no-server-header", *options]
            command += ["--host", "", "--port", ""]
        else:
            migrate = [str(programs / "alembic"), "upgrade", "head"]
            subprocess.run(
                migrate, cwd=service, env=plain | own, check=True, stderr=subprocess.DEVNULL
            )
        command[0] = str(programs / command[0])
        servers.append(Server(name, command, service, plain | own))
    return servers


def report(database: str, loads: dict[Key, list[Load]], console: Console) -> list[str]:
    """Prints a table, and returns the bars that are missed."""
    table = Table(title=f"{database}: medians of the rounds")
    for column in ("route", "connections", "server", "requests/s", "p50 ms", "p99 ms", "CPU ms"):
        table.add_column(column, justify="left" if column in {"route", "server"} else "right")
    table.add_column("of the floor", justify="right")
    table.add_column(f"times {OLD}", justify="right")
    missed = []
    for route in ROUTES:
        for connections in CONNECTIONS:
            found = {name: loads[route, connections, name] for name in SERVERS}
            for name, of_server in found.items():
                shares = {
                    other: statistics.median(
                        one.requests / two.requests
                        for one, two in zip(of_server, found[other], strict=True)
                    )
                    for other in ("floor", OLD)
                }
                p99 = statistics.median(load.p99 for load in of_server)
                table.add_row(
                    route,
                    str(connections),
                    name,
                    f"{statistics.median(load.requests for load in of_server):.0f}",
                    f"{statistics.median(load.median for load in of_server):.1f}",
                    f"{p99:.1f}",
                    f"{statistics.median(load.cpu for load in of_server):.2f}",
                    f"{shares['floor']:.2f}",
                    f"{shares[OLD]:.1f}",
                )
                if failures := sum(load.failures for load in of_server):
                    missed.append(f"{route}, {connections} connections, {name}: {failures} failed")
                if name != "now":
                    continue
                of_floor, times_old = BARS[database].get(route, (0.0, 0.0))
                if shares["floor"] < of_floor:
                    missed.append(
                        f"{route}, {connections} connections: {shares['floor']:.2f} of the floor, "
                        f"not {of_floor}"
                    )
                if shares[OLD] < times_old:
                    missed.append(
                        f"{route}, {connections} connections: {shares[OLD]:.1f} times {OLD}, "
                        f"not {times_old}"
                    )
                floor = statistics.median(load.p99 for load in found["floor"])
                if connections == max(CONNECTIONS) and p99 > LATENCY_BAR * floor:
                    missed.append(
                        f"{route}: p99 of {p99:.0f} ms, the floor has {floor:.0f}, "
                        f"and {LATENCY_BAR:g} times that is the limit"
                    )
    console.print(table)
    return missed


def benchmark(database: str, rounds: int, seconds: int, console: Console) -> list[str]:
    loads: dict[Key, list[Load]] = defaultdict(list)
    starts: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        servers = servers_on(database, folder, stack)
        for number in range(1, rounds + 1):
            print(f"{database}: round {number} of {rounds}", flush=True)
            with ExitStack() as running_servers:
                measured = Round(servers, seconds, running_servers)
                measured.measure(loads)
                for name, (process, _, start) in measured.running.items():
                    starts[name].append(start)
                    memory[name].append(megabytes(process))
    missed = report(database, loads, console)
    for name in SERVERS:
        print(
            f"{name}: first response after {statistics.median(starts[name]):.2f} s, "
            f"{statistics.median(memory[name]):.0f} MB after the load"
        )
    if statistics.median(memory["now"]) > MEMORY_BAR * statistics.median(memory[OLD]):
        missed.append(f"memory: more than {MEMORY_BAR} times that of {OLD}")
    return [f"{database}: {sentence}" for sentence in missed]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.benchmarks.throughput")
    parser.add_argument("databases", nargs="*", default=list(BARS), metavar="DATABASE")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=3, help="of each load; default: %(default)s")
    options = parser.parse_args()
    if unknown := set(options.databases) - set(BARS):
        parser.error(f"{', '.join(sorted(unknown))}: the databases are {', '.join(BARS)}")
    if shutil.which("wrk") is None:
        sys.exit("The load comes from wrk, which is missing: apt-get install wrk")
    console = Console(width=130)
    missed = [
        sentence
        for database in options.databases
        for sentence in benchmark(database, options.rounds, options.seconds, console)
    ]
    print("\nMissed:\n    " + "\n    ".join(missed) if missed else "\nEach bar is reached.")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
