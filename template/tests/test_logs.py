import json
import logging
import re
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY, AsyncMock

import pytest
import structlog
from fastapi import FastAPI, Response
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from app.db.base import now
from app.logs import RequestLogMiddleware, configure_logs
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncClient
from tests.helpers import http_client


@pytest.mark.in_process
async def test_each_request_is_logged_with_nothing_of_the_one_before(
    anonymous_client: AsyncClient,
) -> None:
    structlog.contextvars.bind_contextvars(user="of the request before")

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        response = await anonymous_client.get("/livez")

    assert logs == [
        {
            "event": "request",
            "log_level": "info",
            "request_id": response.headers["X-Request-ID"],
            "method": "GET",
            "path": "/livez",
            "status": 200,
            "client": "127.0.0.1",
            "milliseconds": ANY,
        }
    ]


@pytest.mark.in_process
async def test_the_time_of_a_request_is_logged_in_milliseconds(
    anonymous_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([10.0, 10.012345])
    monkeypatch.setattr("app.logs.perf_counter", lambda: next(times))

    with capture_logs() as logs:
        await anonymous_client.get("/livez")

    assert [line["milliseconds"] for line in logs] == [12.3]


async def log_line_of(scope: Scope) -> dict[str, Any]:
    with capture_logs() as logs:
        await RequestLogMiddleware(AsyncMock())({"type": "http", **scope}, AsyncMock(), AsyncMock())
    return dict(logs[0])


async def test_what_a_client_sends_is_cut_in_the_log() -> None:
    # A proxy that is trusted may let a client choose its address.
    client = ("7" * 300, 0)

    line = await log_line_of(
        {"method": "M" * 300, "path": "/" * 300, "client": client, "headers": []}
    )

    assert (line["method"], line["path"], line["client"]) == ("M" * 200, "/" * 200, "7" * 200)


@pytest.mark.parametrize("client", [{}, {"client": None}])
async def test_a_client_of_a_unix_socket_has_no_address(client: dict[str, None]) -> None:
    line = await log_line_of({"method": "GET", "path": "/livez", "headers": [], **client})

    assert line["client"] is None


async def test_a_websocket_is_not_logged_as_a_request() -> None:
    reached = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    with capture_logs() as logs:
        await RequestLogMiddleware(app)({"type": "websocket"}, AsyncMock(), AsyncMock())

    assert reached == ["websocket"]
    assert logs == []


@pytest.mark.parametrize("path", ["/livez", "/auth/me", "/no/such/path"])
async def test_no_response_is_kept_in_a_cache_or_has_its_type_guessed(
    anonymous_client: AsyncClient, path: str
) -> None:
    response = await anonymous_client.get(path)

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.in_process
async def test_a_route_can_allow_caches(client: AsyncClient, app: FastAPI) -> None:
    @app.get("/rates")
    async def list_rates(response: Response) -> None:
        response.headers["Cache-Control"] = "public, max-age=60"

    response = await client.get("/rates")

    assert response.headers["Cache-Control"] == "public, max-age=60"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_preflight_request_is_logged_and_gets_an_id(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"cors_origins": ("*",)}))
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        response = await http_client(ASGITransport(app)).options("/auth/me", headers=headers)

    assert response.status_code == 200
    assert [(line["method"], line["path"], line["request_id"]) for line in logs] == [
        ("OPTIONS", "/auth/me", response.headers["X-Request-ID"])
    ]


@pytest.mark.parametrize("sent", ["id-of-the-proxy-1", "x" * 64])
async def test_the_id_of_a_request_is_returned(anonymous_client: AsyncClient, sent: str) -> None:
    response = await anonymous_client.get("/livez", headers={"X-Request-ID": sent})

    assert response.headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", [b"", b"x" * 65, b"\xe9", b"two words", b"--"])
async def test_a_request_without_a_plain_id_gets_one(
    anonymous_client: AsyncClient, sent: bytes
) -> None:
    response = await anonymous_client.get("/livez", headers=[(b"X-Request-ID", sent)])

    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])


def test_a_log_line_is_json_in_production(
    settings: Settings, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings.model_copy(update={"environment": "production"}))

    logging.getLogger("some.library").warning("It happened %s", "again")

    line = json.loads(capsys.readouterr().err)
    assert line == {
        "event": "It happened again",
        "level": "warning",
        "logger": "some.library",
        "timestamp": ANY,
    }
    assert now() - datetime.fromisoformat(line["timestamp"]) < timedelta(minutes=1)


def test_a_line_below_the_level_is_not_logged(
    settings: Settings, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings.model_copy(update={"log_level": "WARNING"}))
    log = structlog.stdlib.get_logger("app.slice")

    log.info("It happened")

    assert not log.isEnabledFor(logging.INFO)
    assert capsys.readouterr().err == ""


def test_the_server_logs_in_our_format_but_not_its_requests(
    settings: Settings, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    for logger in loggers:  # as servers configure them
        logger.addHandler(logging.StreamHandler())
        logger.propagate = logger.name == "uvicorn.access"
    configure_logs(settings.model_copy(update={"environment": "production"}))

    for logger in loggers:
        logger.info("It happened")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["logger"] for line in lines] == ["uvicorn", "uvicorn.error"]


def test_a_logged_error_has_no_local_variables_in_production(
    settings: Settings, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings.model_copy(update={"environment": "production"}))

    password = "correct " + "horse"

    try:
        raise RuntimeError("It failed")
    except RuntimeError:
        logging.getLogger("some.library").exception("It happened")

    line = capsys.readouterr().err
    assert json.loads(line)["exception"][0]["exc_value"] == "It failed"
    assert password not in line


def test_a_log_line_is_readable_in_development(
    settings: Settings, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings)

    structlog.stdlib.get_logger("app.slice").info("It happened", row=1)

    assert capsys.readouterr().err.split()[1:] == [
        "[info",
        "]",
        "It",
        "happened",
        "[app.slice]",
        "row=1",
    ]
