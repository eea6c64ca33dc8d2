"""`--live` sends the requests of the tests to a server process, through a socket."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Generator
from typing import TextIO

import pytest

from app.settings import Settings
from tests.client import AsyncHTTPTransport
from tests.database import PROJECT
from tests.plugins.network import REFUSED, refusals

SEND_REQUESTS = {"client_as", "anonymous_client"}
LOG = pytest.StashKey[TextIO]()
MAX_LOG_CHARACTERS = 4_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live",
        action="store_true",
        help="send the requests of the tests to a server process; leave out tests that send none",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    if not config.getoption("live"):
        return
    config.hook.pytest_deselected(
        items=[item for item in items if SEND_REQUESTS.isdisjoint(item.fixturenames)]
    )
    items[:] = [item for item in items if not SEND_REQUESTS.isdisjoint(item.fixturenames)]
    for item in items:
        if item.get_closest_marker("in_process"):
            item.add_marker(pytest.mark.skip("needs the app in the process of the tests"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    if LOG not in item.config.stash:
        return (yield)
    log = item.config.stash[LOG]
    refusals.extend(line for line in log.read().splitlines() if line.startswith(REFUSED))
    report = yield
    if report.failed:
        log.seek(0)
        printed = log.read()
        report.sections.append(("Last output of the live server", printed[-MAX_LOG_CHARACTERS:]))
    return report


@pytest.fixture(scope="session")
def live(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("live"))


@pytest.fixture(scope="session")
async def live_server(
    settings: Settings,
    live: bool,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[AsyncHTTPTransport, str] | None]:
    """Yields a transport that all clients share, so that no test closes one, and the address."""
    if not live:
        yield None
        return
    path = tmp_path_factory.mktemp("live") / "server.log"
    with path.open("wb") as output:
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.plugins.server",
            settings.database_url.render_as_string(hide_password=False),
            cwd=PROJECT,
            stdin=PIPE,
            stdout=PIPE,
            stderr=output,
            start_new_session=True,  # Ctrl-C stops the tests, and they stop the server
        )
    log = pytestconfig.stash[LOG] = path.open(errors="replace")
    pytestconfig.add_cleanup(log.close)
    assert server.stdin
    assert server.stdout
    port = (await server.stdout.readline()).decode().strip()
    if not port:
        raise RuntimeError("The server did not start; its output is in this report.")
    async with AsyncHTTPTransport() as transport:
        yield transport, f"http://127.0.0.1:{port}"
    server.stdin.close()
    try:
        await asyncio.wait_for(server.wait(), timeout=10)
    except TimeoutError:
        server.kill()
        await server.wait()
