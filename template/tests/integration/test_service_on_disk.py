"""The service as it is deployed: nothing is overridden, and commits reach a real file.

`TestClient` is the right tool here: it starts and stops the app, in a thread and on an event
loop of its own. So the test is a plain function, and uses nothing of the loop of the others.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from app.main import create_app
from tests.client import TestClient
from tests.database import settings_for, url_of


def test_who_has_registered_is_in_the_file_when_the_service_has_stopped(
    migrated_database: Path, tmp_path: Path, logs_as_before: None
) -> None:
    database = shutil.copy(migrated_database, tmp_path)
    user = {"email": "grace@example.com", "password": "correct horse"}

    with TestClient(create_app(settings_for(url_of(database)))) as client:
        response = client.post("/auth/register", json=user)

    assert response.status_code == 201
    with closing(sqlite3.connect(database)) as file:
        assert file.execute("SELECT email FROM users").fetchall() == [("grace@example.com",)]
