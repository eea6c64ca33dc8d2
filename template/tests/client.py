"""The one import of httpx: `httpx2`, its maintained continuation, has the same API."""

import warnings

from httpx import (
    ASGITransport,
    AsyncBaseTransport,
    AsyncClient,
    AsyncHTTPTransport,
    Request,
    RequestNotRead,
    Response,
)

with warnings.catch_warnings():
    # It prefers `httpx2`, and works with both.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient, WebSocketDenialResponse

__all__ = [
    "ASGITransport",
    "AsyncBaseTransport",
    "AsyncClient",
    "AsyncHTTPTransport",
    "Request",
    "RequestNotRead",
    "Response",
    "TestClient",
    "WebSocketDenialResponse",
]
