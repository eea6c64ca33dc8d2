"""No test of a service reaches another machine or hangs; the failure says which one tried to."""

from pathlib import Path

import pytest

from evergreen.edits import replace_once
from evergreen.services import run_suite

# ── The network ──────────────────────────────────────────────────────────────

TESTS_THAT_REACH_OTHER_MACHINES = """
import asyncio
import socket
import urllib.request
from contextlib import suppress

from httpx import AsyncClient, get


async def test_asynchronous_client() -> None:
    async with AsyncClient(trust_env=False) as client:
        await client.get("https://api.example.com/rates")


async def test_event_loop() -> None:
    await asyncio.open_connection("192.0.2.1", 443)


async def test_thread() -> None:
    await asyncio.to_thread(urllib.request.urlopen, "http://192.0.2.1")


def test_synchronous_client() -> None:
    get("http://[2001:db8::1]/rates", trust_env=False)


def test_socket() -> None:
    with socket.socket() as tcp:
        tcp.connect_ex(("192.0.2.1", 443))


def test_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.sendto(b"metric:1|c", ("192.0.2.1", 8125))


def test_name() -> None:
    socket.gethostbyname("api.example.com")


def test_that_catches_the_error() -> None:
    with suppress(Exception):
        get("http://192.0.2.1/caught", trust_env=False)


def test_that_fails_for_another_reason() -> None:
    with suppress(Exception):
        get("http://192.0.2.1/caught", trust_env=False)
    assert not "rates"
"""
WIDE = {"COLUMNS": "200"}  # so that the summary has whole lines
SENTENCE = ", another machine. Stub what calls it: in tests/stand_ins.py, or for one test"


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_test_that_reaches_another_machine_fails(
    installed_service: Path, service_to_change: Path, processes: str
) -> None:
    file = service_to_change / "tests/test_other_machines.py"
    file.write_text(TESTS_THAT_REACH_OTHER_MACHINES)

    result = run_suite(
        installed_service,
        str(file),
        "-n",
        processes,
        "--tb=short",
        service=service_to_change,
        environment=WIDE,
    )

    assert "9 failed in" in result.stdout
    assert f"tried to reach api.example.com:443{SENTENCE}" in result.stdout
    assert f"tried to reach 2001:db8::1:80{SENTENCE}" in result.stdout
    caught = "FAILED tests/test_other_machines.py::test_that_catches_the_error - A test tried to"
    assert caught in result.stdout
    reports = result.stdout.split("short test summary")[0].split("\n____")[1:]
    assert all(SENTENCE in report for report in reports)


TEST_THAT_REACHES_THIS_MACHINE = """
import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_servers_of_this_machine(host: str) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), host, 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection(host, port)
    await reader.read()
    writer.close()
    server.close()


async def test_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), path)
    reader, writer = await asyncio.open_unix_connection(path)
    await reader.read()
    writer.close()
    server.close()


def test_allowed_address() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, suppress(OSError):
        udp.connect(("192.0.2.1", 8125))  # this sends nothing


def test_other_port() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, pytest.raises(RuntimeError):
        udp.connect(("192.0.2.1", 8126))
"""


def test_this_machine_and_the_addresses_below_the_seam_are_let_through(
    installed_service: Path, service_to_change: Path
) -> None:
    file = service_to_change / "tests/test_this_machine.py"
    file.write_text(TEST_THAT_REACHES_THIS_MACHINE)
    seam = "    # Your own addresses go below this line.\n"
    replace_once(
        service_to_change / "tests/plugins/network.py", seam, f'{seam}    ("192.0.2.1", 8125),\n'
    )

    result = run_suite(installed_service, str(file), service=service_to_change, environment=WIDE)

    assert "1 failed, 4 passed" in result.stdout
    assert "test_other_port - A test tried to reach 192.0.2.1:8126" in result.stdout


ROUTES_THAT_CALL_ANOTHER_SERVICE = """
from typing import Annotated

from fastapi import APIRouter, Depends, UploadFile
from httpx import AsyncClient, HTTPError

router = APIRouter(prefix="/rates", tags=["rates"])


async def get_rates() -> dict[str, float]:
    async with AsyncClient(trust_env=False) as client:
        return dict((await client.get("https://api.example.com/rates")).json())


@router.get("")
async def read_rates(rates: Annotated[dict[str, float], Depends(get_rates)]) -> dict[str, float]:
    return rates


@router.post("/upload")
async def upload(file: UploadFile) -> int:
    async with AsyncClient(trust_env=False) as client:
        stored = await client.post("https://files.example.com", content=await file.read())
    return stored.status_code


@router.get("/careful")
async def read_carefully() -> dict[str, float]:
    try:
        return await get_rates()
    except Exception:
        return {}
"""
TESTS_OF_ROUTES_THAT_CALL_ANOTHER_SERVICE = """
from tests.client import AsyncClient


async def test_rates(anonymous_client: AsyncClient) -> None:
    assert (await anonymous_client.get("/rates")).json() == {"EUR": 1.0}


async def test_upload(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.post("/rates/upload", files={"file": b"text"})
    assert response.status_code == 200


async def test_careful(anonymous_client: AsyncClient) -> None:
    assert (await anonymous_client.get("/rates/careful")).json() == {}


async def test_none_of_this(anonymous_client: AsyncClient) -> None:
    assert (await anonymous_client.get("/livez")).status_code == 200
"""
STAND_IN = """    from app.rates.routes import get_rates

    app.dependency_overrides[get_rates] = lambda: {"EUR": 1.0}
"""


def add_routes(service: Path, name: str, routes: str) -> None:
    """Adds a slice as the README of a service says: a router and two lines in `app/main.py`."""
    package = service / "app" / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "routes.py").write_text(routes)
    for seam, line in (
        (
            "# The imports of your own routers go below this line.\n",
            f"from app.{name} import routes",
        ),
        ("    # Your own routers go below this line.\n", "    app.include_router(routes.router)"),
    ):
        replace_once(service / "app/main.py", seam, f"{seam}{line}\n")


def test_the_live_server_reaches_no_other_machine_and_has_the_stand_ins(
    installed_service: Path, service_to_change: Path
) -> None:
    add_routes(service_to_change, "rates", ROUTES_THAT_CALL_ANOTHER_SERVICE)
    seam = "    # Your own stand-ins go below this line.\n"
    replace_once(service_to_change / "tests/stand_ins.py", seam, seam + STAND_IN)
    file = service_to_change / "tests/test_rates.py"
    file.write_text(TESTS_OF_ROUTES_THAT_CALL_ANOTHER_SERVICE)

    result = run_suite(
        installed_service, str(file), "--live", service=service_to_change, environment=WIDE
    )

    assert "2 failed, 2 passed" in result.stdout
    assert f"tried to reach files.example.com:443{SENTENCE}" in result.stdout
    caught = "FAILED tests/test_rates.py::test_careful - A test tried to reach api.example.com:443"
    assert caught in result.stdout


# ── Time ─────────────────────────────────────────────────────────────────────

TESTS_THAT_HANG = """
import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.client import AsyncClient

hangs = pytest.mark.timeout(1)


async def assert_that_all_is_well(client: AsyncClient) -> None:
    assert (await client.get("/tasks")).json() == []


async def test_first(client: AsyncClient) -> None:
    await assert_that_all_is_well(client)


@pytest.fixture
async def slow_setup(client: AsyncClient) -> AsyncIterator[None]:
    await asyncio.Event().wait()
    yield


@hangs
async def test_wait(client: AsyncClient) -> None:
    await asyncio.sleep(1e9)


@hangs
async def test_requests(client: AsyncClient) -> None:
    while True:
        await client.get("/tasks")


@hangs
async def test_setup(slow_setup: None) -> None:
    pass


@hangs
async def test_blocked_event_loop(client: AsyncClient) -> None:
    time.sleep(1e6)


@hangs
async def test_that_catches_the_error(client: AsyncClient) -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(1e9)


@hangs
def test_blocked_thread(client: AsyncClient) -> None:
    threading.Event().wait()


async def test_last(client: AsyncClient) -> None:
    await assert_that_all_is_well(client)
"""
SENTENCE_OF_THE_LIMIT = "The test took longer than 1 seconds. If it may take longer, mark it with"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        pytest.param(("-n", "2", "--dist=loadfile"), marks=pytest.mark.thorough),
        pytest.param(("--live",), marks=pytest.mark.thorough),
    ],
)
def test_a_test_that_hangs_fails_and_the_next_ones_run(
    installed_service: Path, service_to_change: Path, arguments: tuple[str, ...]
) -> None:
    # Each process of `-n` runs one of the files.
    for name in ("test_hanging.py", "test_hanging_too.py"):
        (service_to_change / "tests" / name).write_text(TESTS_THAT_HANG)

    result = run_suite(
        installed_service,
        "tests/test_hanging.py",
        "tests/test_hanging_too.py",
        "--tb=short",
        "-p",
        "no:randomly",
        *arguments,
        service=service_to_change,
        environment=WIDE,
    )

    assert "10 failed, 4 passed, 2 errors" in result.stdout
    cancelled = f"E   asyncio.exceptions.CancelledError: {SENTENCE_OF_THE_LIMIT}"
    assert result.stdout.count(cancelled) == 6
    assert result.stdout.count("E   Failed: Timeout (>1.0s) from pytest-timeout.") == 4
    caught = "FAILED tests/test_hanging.py::test_that_catches_the_error - The test took longer"
    assert caught in result.stdout


TEST_THAT_LEAVES_A_THREAD = """
import threading


def wait_for_nothing() -> None:
    threading.Event().wait()


def test_something() -> None:
    threading.Thread(target=wait_for_nothing).start()
"""


def test_a_run_that_does_not_end_is_killed(
    installed_service: Path, service_to_change: Path
) -> None:
    (service_to_change / "tests/test_thread.py").write_text(TEST_THAT_LEAVES_A_THREAD)
    plugin = service_to_change / "tests/plugins/time_limit.py"
    replace_once(plugin, "MAX_SECONDS_TO_EXIT = 60", "MAX_SECONDS_TO_EXIT = 1")

    result = run_suite(
        installed_service, "tests/test_thread.py", service=service_to_change, forked=False
    )

    assert result.returncode == 1
    assert "1 passed" in result.stdout
    assert "in wait_for_nothing" in result.stderr
