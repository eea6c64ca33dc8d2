"""The service as it is deployed: nothing is overridden, and what it commits stays.

`TestClient` is the right tool here: it starts and stops the app, in a thread and on an event
loop of its own. So the test is a plain function, and uses nothing of the loop of the others.
"""

from sqlalchemy import URL

from app.main import create_app
from tests.client import TestClient
from tests.database import settings_for


def test_who_has_registered_can_log_in_when_the_service_has_been_started_again(
    new_database: URL, logs_as_before: None
) -> None:
    app = create_app(settings_for(new_database))
    user = {"email": "grace@example.com", "password": "correct horse"}
    form = {"username": user["email"], "password": user["password"]}

    with TestClient(app) as client:
        registration = client.post("/auth/register", json=user)
    with TestClient(app) as client:
        login = client.post("/auth/token", data=form)

    assert (registration.status_code, login.status_code) == (201, 200)
