import re
from collections.abc import AsyncIterator
from unittest.mock import ANY

import pytest
import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import exc
from structlog.testing import capture_logs

from app.auth.dependencies import get_current_user
from app.errors import PROBLEM_RESPONSES, NotFoundError, register_error_handlers
from app.settings import get_settings
from tests.client import ASGITransport, AsyncClient
from tests.helpers import problem

MEDIA_TYPE = "application/problem+json"


@pytest.mark.parametrize("path", ["/no/such/path", "/livez/"])
async def test_an_unknown_path_is_not_found(anonymous_client: AsyncClient, path: str) -> None:
    response = await anonymous_client.get(path)

    assert response.status_code == 404
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert "Allow" not in response.headers
    assert response.json() == problem(404, "Not Found")


async def test_405_lists_the_allowed_methods(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.delete("/auth/me")

    assert response.status_code == 405
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert response.headers["Allow"] == "GET"
    assert response.json() == problem(405, "Method Not Allowed")


async def test_405_lists_the_allowed_methods_behind_a_proxy_that_adds_a_prefix(
    app_with_login: FastAPI,
) -> None:
    transport = ASGITransport(app_with_login, root_path="/api")
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.delete("/api/auth/me")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


async def test_405_lists_the_allowed_methods_of_a_path_that_has_a_websocket_too() -> None:
    service = FastAPI()
    register_error_handlers(service)
    service.get("/")(list)
    service.websocket("/")(list)

    async with AsyncClient(transport=ASGITransport(service), base_url="http://test") as client:
        response = await client.delete("/")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "response",
    [Response(status_code=413), PlainTextResponse("fine"), PlainTextResponse("over", 429)],
    ids=["413 without a text", "a text", "a text with another error"],
)
async def test_only_a_plain_text_413_becomes_a_problem(response: Response) -> None:
    service = FastAPI()
    register_error_handlers(service)

    @service.get("/")
    async def respond() -> Response:
        return response

    async with AsyncClient(transport=ASGITransport(service), base_url="http://test") as client:
        received = await client.get("/")

    assert received.status_code == response.status_code
    assert received.content == response.body


async def test_a_body_that_is_not_json_is_refused(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.post(
        "/auth/register", content="{email:", headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert response.json() == problem(
        400,
        "Bad Request",
        "The body is not JSON.",
        [{"type": "json_invalid", "location": ["body", 1], "message": ANY}],
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"email": NaN, "password": -Infinity}', 422),
        (b'{"email": "marker\\u0000@example.com"}', 422),
        (b'{"email": "marker\\ud800", "password": "marker"}', 422),
        (b'{"email": "marker\xff"}', 400),
        (b'{"email": ' + b"9" * 5_000 + b"}", 400),
        (b"[" * 10_000, 400),
    ],
    ids=["NaN", "NUL", "lone surrogate", "invalid UTF-8", "5,000 digits", "10,000 levels"],
)
async def test_a_strange_body_is_refused_and_not_echoed(
    anonymous_client: AsyncClient, body: bytes, status: int
) -> None:
    response = await anonymous_client.post(
        "/auth/register", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == status
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert not re.search(r"marker|NaN|Infinity|999|\[\[", response.text)


async def test_only_the_first_errors_are_listed_and_long_names_are_cut(
    anonymous_client: AsyncClient,
) -> None:
    response = await anonymous_client.post(
        "/auth/register", json={"x" * 200 + str(number): 1 for number in range(30)}
    )

    errors = response.json()["errors"]
    assert len(errors) == 20
    assert errors[-1]["location"] == ["body", "x" * 100]


async def test_a_body_of_another_type_is_refused(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.post("/auth/register", content=b"marker")

    assert response.status_code == 422
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert "marker" not in response.text


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.mark.parametrize("with_length", [True, False], ids=["with length", "without length"])
async def test_a_body_over_the_limit_is_refused(
    anonymous_client: AsyncClient, with_length: bool
) -> None:
    body = b" " * (16 * 1024 + 1)

    response = await anonymous_client.post(
        "/auth/register",
        content=body if with_length else in_chunks(body),
        headers={"Content-Type": "application/json"},
    )

    assert response.status_code == 413
    assert len(response.headers["X-Request-ID"]) == 32
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert response.json() == problem(413, "Content Too Large")


@pytest.mark.in_process
@pytest.mark.parametrize(
    ("own_limit", "length", "status"),
    [
        (None, 64 * 1024, 204),
        (None, 64 * 1024 + 1, 413),
        (64 * 1024 + 1, 64 * 1024 + 1, 204),
        (64 * 1024 + 1, 64 * 1024 + 2, 413),
    ],
)
async def test_a_body_may_have_64_kib_or_what_its_route_allows(
    client: AsyncClient, app: FastAPI, own_limit: int | None, length: int, status: int
) -> None:
    @app.post("/bodies", status_code=204, max_body_size=own_limit)
    async def read_body(request: Request) -> None:
        await request.body()

    response = await client.post("/bodies", content=b" " * length)

    assert response.status_code == status


@pytest.mark.in_process
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotFoundError("No such thing."), problem(404, "Not Found", "No such thing.")),
        (HTTPException(413, "Over quota."), problem(413, "Content Too Large", "Over quota.")),
        (HTTPException(499, {"code": 1}), problem(499, "Error", "{'code': 1}")),
        (HTTPException(422), problem(422, "Unprocessable Content")),
        (
            exc.TimeoutError("no connection is free"),
            problem(503, "Service Unavailable", "The database is busy."),
        ),
    ],
    ids=["not found", "413", "unknown status", "422", "no free connection"],
)
async def test_an_error_in_a_handler_becomes_a_problem(
    anonymous_client: AsyncClient,
    app_with_login: FastAPI,
    error: Exception,
    expected: dict[str, object],
) -> None:
    async def fail() -> None:
        raise error

    app_with_login.dependency_overrides[get_current_user] = fail

    response = await anonymous_client.get("/auth/me")

    assert response.status_code == expected["status"]
    assert response.headers["Content-Type"] == MEDIA_TYPE
    assert response.json() == expected


@pytest.mark.in_process
async def test_a_busy_database_is_a_503_with_retry_after(
    anonymous_client: AsyncClient, app_with_login: FastAPI
) -> None:
    async def fail() -> None:
        raise exc.TimeoutError("no connection is free")

    app_with_login.dependency_overrides[get_current_user] = fail

    with capture_logs() as logs:
        response = await anonymous_client.get("/auth/me")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert logs[0] == {
        "event": "The database is busy",
        "log_level": "warning",
        "error": "no connection is free",
    }


class RefusedValueError(Exception):
    sqlstate = "22001"


@pytest.mark.in_process
async def test_what_the_database_says_of_a_value_is_cut_in_the_log(
    anonymous_client: AsyncClient, app_with_login: FastAPI
) -> None:
    async def fail() -> None:
        raise exc.DataError("SELECT", None, RefusedValueError("x" * 300))

    app_with_login.dependency_overrides[get_current_user] = fail

    with capture_logs() as logs:
        await anonymous_client.get("/auth/me")

    assert logs[0] == {
        "event": "The database refused a value",
        "log_level": "warning",
        "error": "x" * 200,
    }


@pytest.mark.in_process
async def test_any_other_database_error_is_unexpected(
    anonymous_client: AsyncClient, app_with_login: FastAPI
) -> None:
    async def fail() -> None:
        raise exc.OperationalError("SELECT", None, Exception("no such table"))

    app_with_login.dependency_overrides[get_current_user] = fail

    with pytest.raises(exc.OperationalError):
        await anonymous_client.get("/auth/me")


async def test_an_unexpected_error_does_not_reveal_its_cause(app: FastAPI) -> None:
    async def break_down() -> None:
        raise RuntimeError("the secret cause")

    app.dependency_overrides[get_settings] = break_down
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
            response = await client.post("/auth/token", data={"username": "ada", "password": "pw"})

    assert response.status_code == 500
    assert [line["status"] for line in logs] == [500]
    assert response.json() == problem(500, "Internal Server Error")
    assert dict(response.headers) == {
        "content-type": MEDIA_TYPE,
        "content-length": ANY,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": logs[0]["request_id"],
        # uvicorn closes the connection: a client that doesn't know would lose its next request.
        "connection": "close",
    }


def test_the_openapi_document_describes_errors_as_problems() -> None:
    service = FastAPI(responses=PROBLEM_RESPONSES)
    register_error_handlers(service)
    service.get("/")(list)

    document = service.openapi()

    assert document["paths"]["/"]["get"]["responses"]["default"] == {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    schema, part = (document["components"]["schemas"][name] for name in ("Problem", "InvalidPart"))
    assert schema["required"] == ["title", "status"]
    assert {"$ref": "#/components/schemas/InvalidPart"} in [
        variant.get("items") for variant in schema["properties"]["errors"]["anyOf"]
    ]
    assert part["required"] == ["type", "location", "message"]
