import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.server import LimitedProtocol

LIMIT = 64 * 1024
LINE = b"POST / HTTP/1.1\r\nHost: test\r\n"
CHUNKED = LINE + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    length = len(await Request(scope, receive).body())
    await PlainTextResponse(f"[{length} bytes]")(scope, receive, send)


@pytest.fixture
async def server() -> AsyncIterator[tuple[Any, ...]]:
    """The address of a socket with this protocol."""
    config = uvicorn.Config(app, log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: LimitedProtocol(config, ServerState(), app_state={}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()
    server.close()


async def send(server: tuple[Any, ...], *parts: bytes) -> bytes:
    """Returns all that the server sends until it closes the connection."""
    reader, writer = await asyncio.open_connection(*server)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)  # or the server would receive them as one
    received = await reader.read()
    writer.close()
    return received


def padded(start: bytes, length: int) -> bytes:
    return start + b"X: " + b"x" * (length - len(start) - 3)


@pytest.mark.parametrize(
    "parts",
    [[padded(LINE, LIMIT + 1)], [CHUNKED, padded(b"", LIMIT + 1)]],
    ids=["header", "trailer"],
)
async def test_a_header_without_end_is_refused(server: tuple[Any, ...], parts: list[bytes]) -> None:
    response = await send(server, *parts)

    assert response.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert response.endswith(b"\r\n\r\nThe headers are too large.")


async def test_headers_may_have_64_kib_in_each_request_of_a_connection(
    server: tuple[Any, ...],
) -> None:
    kept = padded(LINE, LIMIT - 4) + b"\r\n\r\n"
    last = padded(LINE + b"Connection: close\r\n", LIMIT - 4) + b"\r\n\r\n"

    response = await send(server, kept[:-1], kept[-1:], last)

    assert response.count(b"[0 bytes]") == 2


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"], ids=["length", "chunks"]
)
async def test_the_limit_of_headers_is_none_of_the_body(
    server: tuple[Any, ...], framing: bytes
) -> None:
    body = b"x" * 1_000_000
    if b"chunked" in framing:
        body = b"".join(b"3e8\r\n" + b"x" * 1_000 + b"\r\n" for _ in range(1_000)) + b"0\r\n\r\n"

    response = await send(server, LINE + framing + b"\r\nConnection: close\r\n\r\n", body)

    assert response.endswith(b"[1000000 bytes]")
