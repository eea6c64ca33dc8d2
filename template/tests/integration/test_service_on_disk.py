"""The service as it is deployed: nothing is overridden, and commits are real.

`TestClient` is the right tool here: it starts and stops the app, in a thread and on an event
loop of its own. So the test is a plain function, and uses nothing of the other tests' loop.
"""

from sqlalchemy import URL, select

from app.auth.models import User
from app.main import create_app
from tests.client import TestClient
from tests.database import RunOn
from tests.helpers import settings_for


def test_a_registered_user_is_in_the_database_after_the_service_has_stopped(
    run_on: RunOn, new_database: URL, logs_as_before: None
) -> None:
    user = {"email": "grace@example.com", "password": "correct horse"}

    with TestClient(create_app(settings_for(new_database))) as client:
        response = client.post("/auth/register", json=user)

    assert response.status_code == 201
    addresses = run_on(
        new_database, lambda connection: connection.scalars(select(User.email)).all()
    )
    assert addresses == ["grace@example.com"]
