import json
import logging
from unittest.mock import ANY, AsyncMock

import pytest
import structlog
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from app.logs import RequestLogMiddleware, configure_logs
from app.settings import Settings
from tests.client import AsyncClient


@pytest.mark.in_process
async def test_each_request_is_logged(anonymous_client: AsyncClient) -> None:
    with capture_logs() as logs:
        await anonymous_client.get("/livez")

    assert logs == [
        {
            "event": "request",
            "log_level": "info",
            "method": "GET",
            "path": "/livez",
            "status": 200,
            "milliseconds": ANY,
        }
    ]


async def test_a_websocket_is_not_logged_as_a_request() -> None:
    reached = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    with capture_logs() as logs:
        await RequestLogMiddleware(app)({"type": "websocket"}, AsyncMock(), AsyncMock())

    assert reached == ["websocket"]
    assert logs == []


async def test_the_id_of_a_request_is_returned(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.get("/livez", headers={"X-Request-ID": "id-of-the-proxy-1"})

    assert response.headers["X-Request-ID"] == "id-of-the-proxy-1"


@pytest.mark.parametrize("sent", ["x" * 65, "é"])
async def test_a_request_without_a_plain_id_gets_one(
    anonymous_client: AsyncClient, sent: str
) -> None:
    response = await anonymous_client.get("/livez", headers=[(b"X-Request-ID", sent.encode())])

    assert response.headers["X-Request-ID"] != sent
    assert len(response.headers["X-Request-ID"]) == 32


def test_a_log_line_is_json_in_production(
    settings: Settings, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(settings.model_copy(update={"environment": "production"}))

    logging.getLogger("some.library").warning("It happened %s", "again")

    assert json.loads(capsys.readouterr().err) == {
        "event": "It happened again",
        "level": "warning",
        "logger": "some.library",
        "timestamp": ANY,
    }


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
