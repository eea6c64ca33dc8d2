"""No test reaches another machine: a test that tries fails, whatever its code makes of the error."""

import ipaddress
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import URL

from tests.plugins.database_url_option import GIVEN

Address = tuple[str, int]

# Hosts and ports of other machines that the tests may reach, as ("mail.example.com", 25).
ALLOWED: list[Address] = [
    # Your own addresses go below this line.
]

REFUSED = "A test tried to reach "
INTERNET = {socket.AF_INET, socket.AF_INET6}
EVENTS = {
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendmsg",
    "socket.sendto",
}

allowed: set[Address] = set()

# What was refused since the last report.
refusals: list[str] = []


def guard_network(database: URL | None, note: Callable[[str], None]) -> None:
    """Refuses other machines until the process ends; the server of `database` is allowed.

    Python calls an audit hook for every socket: it covers all libraries and threads, with or
    without an event loop, and cannot be removed. Libraries that open sockets in C bypass it.
    """
    for host, port in [*ALLOWED, *server_of(database)]:
        allowed.add((host, port))
        with suppress(OSError):  # a name that is unknown here is not reached, either
            allowed.update((str(found[4][0]), port) for found in socket.getaddrinfo(host, port))

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS:
            return
        host, port = target(event, arguments)
        if is_this_machine(host) or (host, port) in allowed:
            return
        message = (
            f"{REFUSED}{host}:{port}, which is another machine. Stub what calls it: in "
            "tests/stand_ins.py, or for one test in app.dependency_overrides. If the tests may "
            "reach it, add it to ALLOWED in tests/plugins/network.py."
        )
        note(message)
        raise RuntimeError(message)

    sys.addaudithook(refuse)


def server_of(database: URL | None) -> list[Address]:
    if database is None:
        return []
    host, port = database.host or database.query.get("host"), database.port
    return [(str(host), int(port or str(database.query.get("port", 5432))))] if host else []


def target(event: str, arguments: tuple[Any, ...]) -> tuple[str, int | str | None]:
    """The host and the port that an audit event is about; no host means this machine."""
    if event == "socket.gethostbyname":
        host, port = arguments[0], None
    elif event == "socket.getaddrinfo":
        host, port = arguments[:2]
    elif arguments[0].family in INTERNET and arguments[1]:
        host, port = arguments[1][:2]
    else:  # a Unix socket, or one that is connected already
        host, port = "", None
    return text(host or ""), text(port)


def text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def is_this_machine(host: str) -> bool:
    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def pytest_configure(config: pytest.Config) -> None:
    guard_network(config.stash[GIVEN], refusals.append)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if refusals and report.passed:  # the code under test has handled the error
        report.outcome = "failed"
        report.longrepr = refusals[0]
    elif refusals and refusals[0] not in report.longreprtext:
        report.sections.append(("Network", refusals[0]))
    refusals.clear()
    return report
