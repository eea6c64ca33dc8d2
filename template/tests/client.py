"""The one import of httpx (`httpx2`, its maintained continuation, has the same API), and what the
clients of the tests do beyond it: responses are streamed, and remembered for the report.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator

from httpx import ASGITransport as CollectingTransport
from httpx import (
    AsyncBaseTransport,
    AsyncByteStream,
    AsyncClient,
    AsyncHTTPTransport,
    Request,
    RequestNotRead,
    Response,
    ResponseNotRead,
)
from starlette.types import Message, Receive, Scope, Send

with warnings.catch_warnings():
    # It prefers `httpx2`, and works with both.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient, WebSocketDenialResponse

__all__ = [
    "ASGITransport",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncHTTPTransport",
    "Request",
    "RequestNotRead",
    "Response",
    "ResponseNotRead",
    "TestClient",
    "WebSocketDenialResponse",
]

# Of a response that is not read to its end, the report shows at most this much.
MAX_RECORDED_BYTES = 2_000

# The requests of a test in their order, for the report if it fails. A request that failed has
# no response.
exchanges: dict[Request, Response | None] = {}

# The app waits when it is this many messages ahead of the client.
MAX_MESSAGES = 64
# An app that goes on for longer after its client has disconnected is cancelled.
MAX_SECONDS_AFTER_DISCONNECT = 1


class ASGITransport(CollectingTransport):
    """Streams the responses; httpx's own returns one when the app has ended, which may be never."""

    async def handle_async_request(self, request: Request) -> Response:
        body = StreamedBody(self, request)
        try:
            start = await body.messages.get()
            if start is None:  # the app has failed
                return await body.task
        except BaseException:
            await body.disconnect()
            raise
        return Response(start["status"], headers=start.get("headers", []), stream=body)


class StreamedBody(AsyncByteStream):
    """Runs the app in a task. As with httpx's transport, the body ends with the app, after its
    background tasks, and raises what the app raises.
    """

    def __init__(self, transport: ASGITransport, request: Request) -> None:
        self.app = transport.app
        self.has_body = request.method != "HEAD"
        self.messages: asyncio.Queue[Message | None] = asyncio.Queue(MAX_MESSAGES)
        self.is_complete = self.is_disconnected = self.is_over = False
        runner = CollectingTransport(
            self.run_app, transport.raise_app_exceptions, transport.root_path, transport.client
        )
        self.task = asyncio.create_task(self.run(runner, request))

    async def run(self, runner: CollectingTransport, request: Request) -> Response:
        try:
            return await runner.handle_async_request(request)
        finally:
            await self.messages.put(None)

    async def run_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.send_to_runner = send
        await self.app(scope, receive, self.send)

    async def send(self, message: Message) -> None:
        if self.is_disconnected:
            await asyncio.sleep(0)  # lets the app notice it
        else:
            await self.messages.put(message)
        if not self.is_disconnected:
            await self.send_to_runner({**message, "body": b""})
            self.is_complete = message["type"] == "http.response.body" and not message.get(
                "more_body", False
            )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self.messages.get()) is not None:
            if self.has_body and (chunk := message.get("body")):
                yield chunk
        self.is_over = True
        await self.task

    async def aclose(self) -> None:
        if not self.is_over:
            self.is_over = True
            outcome = await self.disconnect()
            if isinstance(outcome, Exception):
                raise outcome

    async def disconnect(self) -> Response | BaseException:
        """Ends the app, as a client does that closes its connection."""
        self.is_disconnected = True
        if not self.is_complete and hasattr(self, "send_to_runner"):
            # After the last part of a response, `receive` returns `http.disconnect`.
            await self.send_to_runner({"type": "http.response.body"})
        while not self.messages.empty():  # the app may wait for room
            self.messages.get_nowait()
        await asyncio.wait({self.task}, timeout=MAX_SECONDS_AFTER_DISCONNECT)
        self.task.cancel()
        (outcome,) = await asyncio.gather(self.task, return_exceptions=True)
        return outcome


async def remember_request(request: Request) -> None:
    exchanges[request] = None


async def remember_response(response: Response) -> None:
    assert isinstance(response.stream, AsyncByteStream)
    response.stream = RecordedStream(response.stream)
    exchanges[response.request] = response


class RecordedStream(AsyncByteStream):
    """Keeps the beginning of what the test reads: a stream may have no end."""

    def __init__(self, stream: AsyncByteStream) -> None:
        self.stream = stream
        self.beginning = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream:
            self.beginning += chunk[: MAX_RECORDED_BYTES - len(self.beginning)]
            yield chunk

    async def aclose(self) -> None:
        await self.stream.aclose()
