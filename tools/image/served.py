"""Properties of a service that `docker compose` has started, each checked from outside.

A property that holds returns what was seen; one that does not raises `AssertionError`.
"""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from evergreen.processes import wait_until
from evergreen.services import logged_in

HOST, PORT = "127.0.0.1", 8000
ADDRESS = f"http://{HOST}:{PORT}"
REQUESTS_IN_FLIGHT = 20
MAX_MEGABYTES_ABOVE_BASE = 100


@dataclass(frozen=True)
class Composed:
    """A service in a folder, whose compose file runs with these variables."""

    slug: str
    folder: Path
    environment: dict[str, str]

    @property
    def container(self) -> str:
        return f"{self.slug}-service-1"

    def docker(self, *arguments: str) -> str:
        """Raises `AssertionError` with all that the command has printed if it fails."""
        status, printed = self.try_docker(*arguments)
        assert status == 0, f"docker {' '.join(arguments)} has failed:\n{printed}"
        return printed

    def try_docker(self, *arguments: str) -> tuple[int, str]:
        result = subprocess.run(
            ["docker", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return result.returncode, result.stdout.strip()

    def state(self, container: str, value: str) -> str:
        return self.docker("inspect", f"--format={{{{.State.{value}}}}}", container)


def build(composed: Composed) -> str:
    composed.docker("compose", "build")
    return ""


def migrate(composed: Composed) -> str:
    composed.docker("compose", "up", "--detach")
    migration = f"{composed.slug}-migrate-1"
    assert composed.state(migration, "ExitCode") == "0", composed.docker("logs", migration)
    return "exit status 0"


def serve(composed: Composed) -> str:
    started = time.perf_counter()
    try:
        wait_until(is_ready)
    except AssertionError as error:
        raise AssertionError(composed.docker("logs", composed.container)) from error
    return f"ready after {time.perf_counter() - started:.1f} s"


def is_ready() -> bool:
    try:
        return httpx.get(f"{ADDRESS}/readyz").is_success
    except httpx.TransportError:
        return False


def healthy(composed: Composed) -> str:
    wait_until(lambda: composed.state(composed.container, "Health.Status") != "starting")
    state = composed.state(composed.container, "Health.Status")
    assert state == "healthy", composed.docker("inspect", composed.container)
    return state


def ordinary_user(composed: Composed) -> str:
    status = composed.docker("exec", composed.container, "cat", "/proc/1/status")
    fields = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    users = set(fields["Uid"].split())
    assert "0" not in users, f"a process of root: {users}"
    capabilities = {int(fields[name], base=16) for name in ("CapEff", "CapBnd")}
    assert capabilities == {0}, f"capabilities: {status}"
    compose = yaml.safe_load((composed.folder / "compose.yaml").read_text())
    promised = "no-new-privileges:true" in compose["services"]["service"].get("security_opt", [])
    assert promised == (fields["NoNewPrivs"] == "1"), f"compose.yaml has not its effect: {status}"
    more = ", no new privileges" if promised else ""
    return f"uid {', '.join(users)}, no capabilities{more}"


def read_only_root(composed: Composed) -> str:
    touch = ("exec", "--user=0", composed.container, "touch")
    status, printed = composed.try_docker(*touch, "/service/written")
    assert status != 0, "root can write"
    assert "Read-only file system" in printed, printed
    composed.docker("exec", composed.container, "touch", "/tmp/written")
    return "except /tmp"


def data_survive(composed: Composed) -> str:
    with logged_in(ADDRESS) as client:
        client.post("/tasks", json={"title": "Survive"}).raise_for_status()
        before = client.get("/tasks").raise_for_status().json()
    composed.docker("compose", "down")
    containers = composed.docker("ps", "--all", "--quiet", f"--filter=name={composed.slug}-")
    assert not containers, f"`docker compose down` has left containers: {containers}"
    composed.docker("compose", "up", "--detach")
    serve(composed)
    with logged_in(ADDRESS) as client:
        after = client.get("/tasks").raise_for_status().json()
    assert before == after, f"{before} became {after}"
    return "`down` and `up`"


def stop_with_requests_in_flight(composed: Composed) -> str:
    with logged_in(ADDRESS) as client, ExitStack() as connections:
        token = client.headers["Authorization"]
        before = tasks_of(client)
        titles = [f"In flight {number}" for number in range(REQUESTS_IN_FLIGHT)]
        begun = [
            (title, connections.enter_context(begun_request(title, token))) for title in titles
        ]
        stop = subprocess.Popen(
            ["docker", "stop", composed.container],
            env=composed.environment,
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: stop.poll() is not None or not accepts_connections())
        assert stop.poll() is None, "the container has stopped before its requests were finished"
        statuses = [finish(title, connection) for title, connection in begun]
        assert stop.wait() == 0
    assert set(statuses) == {201}, f"statuses: {statuses}"
    status = composed.state(composed.container, "ExitCode")
    assert status == "0", f"exit status {status}: {composed.docker('logs', composed.container)}"
    composed.docker("start", composed.container)
    serve(composed)
    with logged_in(ADDRESS) as client:
        assert tasks_of(client) == before | set(titles), "a task that was acknowledged is lost"
    return f"exit status 0, {len(statuses)} requests got 201"


def tasks_of(client: httpx.Client) -> set[str]:
    content = client.get("/tasks", params={"limit": 100}).raise_for_status().json()
    return set(re.findall(r'"title": "(.*?)"', json.dumps(content)))


def accepts_connections() -> bool:
    """Tells whether the server accepts connections, and not only the port of the container."""
    try:
        httpx.get(f"{ADDRESS}/livez")
    except httpx.TransportError:
        return False
    return True


@contextmanager
def begun_request(title: str, token: str) -> Iterator[socket.socket]:
    """Yields the connection of a request that waits in the service for its body."""
    head = (
        f"POST /tasks HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body(title))}\r\n"
        "Connection: close\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((HOST, PORT), timeout=20) as connection:
        connection.sendall(head.encode())
        received = connection.recv(1000).decode()
        assert received.startswith("HTTP/1.1 100"), received
        yield connection


def finish(title: str, connection: socket.socket) -> int:
    """Sends the body of a request; returns the status of the response."""
    connection.sendall(body(title))
    received = b""
    while part := connection.recv(65536):
        received += part
    return int(received.split()[1]) if received else 0


def body(title: str) -> bytes:
    return json.dumps({"title": title}).encode()


def size(composed: Composed) -> str:
    """The stage that the last one begins with has the layers of the base image only."""
    dockerfile = (composed.folder / "Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    base = f"{composed.slug}:base"
    composed.docker("build", f"--target={stages[-1]}", f"--tag={base}", ".")
    sizes = [
        int(composed.docker("image", "inspect", "--format={{.Size}}", image))
        for image in (composed.slug, base)
    ]
    megabytes = (sizes[0] - sizes[1]) / 1e6
    shown = f"{megabytes:.0f} MB above its base of {sizes[1] / 1e6:.0f} MB"
    assert megabytes <= MAX_MEGABYTES_ABOVE_BASE, f"{shown}, bar {MAX_MEGABYTES_ABOVE_BASE} MB"
    return shown


PROPERTIES = {
    "Build": build,
    "Migrate": migrate,
    "Serve": serve,
    "Be healthy": healthy,
    "Run as an ordinary user": ordinary_user,
    "Keep its root read-only": read_only_root,
    "Keep its data": data_survive,
    "Finish requests at `docker stop`": stop_with_requests_in_flight,
    "Be small": size,
}
