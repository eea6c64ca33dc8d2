"""The service as it is deployed: nothing is overridden, and commits are real.

`TestClient` is the right tool here: it starts and stops the app, in a thread and on an event
loop of its own. So the test is a plain function, and uses nothing of the other tests' loop.
"""

import json
import re
from unittest.mock import ANY

import pytest
from fastapi import FastAPI, Request, WebSocket
from sqlalchemy import URL, select
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from app import main
from app.auth.dependencies import CurrentUser
from app.auth.models import User
from app.auth.routes import router as auth_router
from app.errors import ForbiddenError
from app.main import create_app
from tests.client import TestClient, WebSocketDenialResponse
from tests.database import RunOn
from tests.helpers import problem, settings_for

USER = {"email": "grace@example.com", "password": "correct horse"}


def test_a_registered_user_is_in_the_database_after_the_service_has_stopped(
    run_on: RunOn, new_database: URL, logs_as_before: None
) -> None:
    with TestClient(create_app(settings_for(new_database))) as client:
        response = client.post("/auth/register", json=USER)

    assert response.status_code == 201
    addresses = run_on(
        new_database, lambda connection: connection.scalars(select(User.email)).all()
    )
    assert addresses == ["grace@example.com"]


def test_the_service_reads_its_settings_and_configures_its_logs_when_it_starts(
    new_database: URL,
    logs_as_before: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", new_database.render_as_string(hide_password=False))
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", "a secret that only this test knows")

    with TestClient(create_app()) as client:
        response = client.post("/auth/register", json=USER)

    assert response.status_code == 201
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line for line in lines if line["logger"] != "httpx"] == [
        {
            "event": "request",
            "level": "info",
            "logger": "app.request",
            "timestamp": ANY,
            "request_id": response.headers["X-Request-ID"],
            "method": "POST",
            "path": "/auth/register",
            "status": 201,
            "client": "testclient",
            "milliseconds": ANY,
        }
    ]


def test_a_start_with_the_public_secret_is_logged(
    new_database: URL, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with TestClient(create_app(settings_for(new_database))):
        pass

    sentence = "SECRET_KEY is the public one of development: anyone can forge a token"
    assert sentence in capsys.readouterr().err


def test_the_app_of_the_server_is_created_when_it_is_asked_for(
    database_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url.render_as_string(hide_password=False))
    monkeypatch.setattr(main, "app", None, raising=False)  # removes it after the test
    del main.app

    app = main.app

    assert isinstance(app, FastAPI)
    assert main.app is app


def test_no_other_name_is_created() -> None:
    with pytest.raises(AttributeError, match=r"^module 'app\.main' has no attribute 'engine'$"):
        _ = main.engine


def test_a_mounted_app_has_the_settings_the_engine_and_the_errors_of_the_service(
    new_database: URL, logs_as_before: None
) -> None:
    service, second = create_app(settings_for(new_database)), FastAPI()
    second.include_router(auth_router)
    service.mount("/mounted", second)

    with TestClient(service) as client:
        registered = client.post("/mounted/auth/register", json=USER)
        anonymous = client.get("/mounted/auth/me")

    assert registered.status_code == 201
    assert anonymous.status_code == 401
    assert anonymous.json() == problem(401, "Unauthorized", "Not authenticated")


def test_two_services_can_mount_the_same_app(new_database: URL, logs_as_before: None) -> None:
    shared = FastAPI()

    @shared.get("/environment")
    def read_environment(request: Request) -> str:
        return str(request.app.state.settings.environment)

    settings = settings_for(new_database)
    first = create_app(settings)
    first.mount("/shared", shared)
    with TestClient(first) as client:
        client.get("/shared/environment")
    second = create_app(settings.model_copy(update={"environment": "production"}))
    second.mount("/shared", shared)

    environments = [TestClient(app).get("/shared/environment").json() for app in (first, second)]

    assert environments == ["development", "production"]


def test_an_app_that_is_mounted_elsewhere_is_refused_at_the_start(
    new_database: URL, logs_as_before: None
) -> None:
    service, second = create_app(settings_for(new_database)), FastAPI()
    second.mount("/third", FastAPI())
    service.mount("/second", second)

    sentence = (
        "The app at /third has neither settings nor an engine: mount it with `mount` of the app "
        "that `create_app` creates, or include its routers there."
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(sentence)}$"), TestClient(service):
        pass


def test_an_app_of_another_kind_can_be_mounted(new_database: URL, logs_as_before: None) -> None:
    service = create_app(settings_for(new_database))
    service.mount("/plain", PlainTextResponse("Hello"))

    with TestClient(service) as client:
        response = client.get("/plain/")

    assert response.text == "Hello"


def test_a_web_socket_gets_the_session_and_the_user(
    new_database: URL, logs_as_before: None
) -> None:
    service = create_app(settings_for(new_database))

    @service.websocket("/me")
    async def send_user(socket: WebSocket, user: CurrentUser) -> None:
        await socket.accept()
        await socket.send_text(user.email)
        raise ForbiddenError("That is all.")

    with TestClient(service) as client:
        client.post("/auth/register", json=USER)
        login = {"username": USER["email"], "password": USER["password"]}
        token = client.post("/auth/token", data=login).json()["access_token"]
        with client.websocket_connect(
            "/me", headers={"Authorization": f"Bearer {token}"}
        ) as socket:
            received = socket.receive_text()
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/me"):
            pass

    assert received == "grace@example.com"
    assert (closed.value.code, closed.value.reason) == (1008, "That is all.")
    assert denied.value.status_code == 401
    assert denied.value.json() == problem(401, "Unauthorized", "Not authenticated")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://app.example.com", "https://app.example.com"), ("https://evil.example.com", None)],
)
def test_a_page_of_a_listed_origin_may_call_the_service(
    new_database: URL, logs_as_before: None, origin: str, allowed: str | None
) -> None:
    settings = settings_for(new_database)
    origins = ("https://app.example.com", "https://www.example.com")
    service = create_app(settings.model_copy(update={"cors_origins": origins}))

    with TestClient(service) as client:
        response = client.get("/livez", headers={"Origin": origin})

    assert response.headers.get("Access-Control-Allow-Origin") == allowed
