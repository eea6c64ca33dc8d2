"""Stands in for other services, and for what the lifespan creates, in every test.

Each app of the tests has these stand-ins: that of `client`, that of `anonymous_client`, the server
of `--live`, which has them after its startup, and the app of `poe fuzz`.
"""

from fastapi import FastAPI

# isort: split
# The imports of your own stand-ins go below this line.


def put_stand_ins(app: FastAPI) -> None:
    """Puts them into an app, as in `app.dependency_overrides[get_rates] = fake_rates`, or
    `app.state.mailer = FakeMailer()`. It is called before each test.
    """
    # Your own stand-ins go below this line.
