"""The service as it is deployed: nothing is overridden, and commits are real.

`TestClient` is the right tool here: it starts and stops the app, in a thread and on an event
loop of its own. So the test is a plain function, and uses nothing of the other tests' loop.
"""

import json
from unittest.mock import ANY

import pytest
from sqlalchemy import URL, select

from app.auth.models import User
from app.main import app, create_app
from tests.client import TestClient
from tests.database import RunOn
from tests.helpers import settings_for

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
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    monkeypatch.setenv("ARGON2_MEMORY_KIB", "8")
    monkeypatch.setattr(app.state, "settings", None)  # and so it is again after the test

    with TestClient(app) as client:
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
            "milliseconds": ANY,
        }
    ]
