"""WebSockets need `TestClient`, which starts and stops the app in a thread of its own."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL
from starlette.testclient import WebSocketDenialResponse

from app.main import create_app
from tests.client import TestClient
from tests.helpers import settings_for

USER = {"email": "grace@example.com", "password": "correct horse"}


@pytest.fixture
def started(new_database: URL, logs_as_before: None) -> Iterator[TestClient]:
    with TestClient(create_app(settings_for(new_database))) as client:
        yield client


@pytest.fixture
def headers(started: TestClient) -> dict[str, str]:
    started.post("/auth/register", json=USER)
    form = {"username": USER["email"], "password": USER["password"]}
    token = started.post("/auth/token", data=form).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def test_anyone_can_ask_for_the_number_of_users(started: TestClient) -> None:
    with started.websocket_connect("/live") as socket:
        assert socket.receive_json() == {"users": 0}


def test_a_user_asks_for_the_number_of_their_tasks(
    started: TestClient, headers: dict[str, str]
) -> None:
    with started.websocket_connect("/live/tasks", headers=headers) as socket:
        socket.send_text("?")
        assert socket.receive_json() == {"tasks": 0}

        started.post("/tasks", json={"title": "Buy milk"}, headers=headers)
        socket.send_text("?")
        assert socket.receive_json() == {"tasks": 1}


def test_a_wrong_token_is_refused_before_the_handshake(started: TestClient) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        started.websocket_connect("/live/tasks", headers=wrong),
    ):
        pass

    assert refused.value.status_code == 401
