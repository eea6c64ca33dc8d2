"""Sends each operation of the OpenAPI document requests that it allows, and others.

It takes too long for each run of the tests, so only `poe fuzz` collects it. Each run sends the
same requests: to reproduce a failure, run its operation again with `poe fuzz -k "GET and me"`.
To send more, set `FUZZ_CASES`, the maximum for one operation.
"""

import os
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.errors import NoLinksFound
from sqlalchemy import URL

from app.main import create_app
from tests.helpers import settings_for

# An operation without parameters has only a few that differ.
MAX_CASES = int(os.environ.get("FUZZ_CASES", "125"))

app = create_app()
document = app.openapi()
for scheme in document["components"]["securitySchemes"].values():
    # The same requests as with `oauth2`, for which Schemathesis tries no wrong tokens.
    scheme |= {"type": "http", "scheme": "bearer"}
api = schemathesis.openapi.from_dict(
    document,
    config=schemathesis.Config.from_dict(
        {
            "generation": {
                "deterministic": True,
                "max-examples": MAX_CASES,
                "database": "none",
                # Each request has the header of the user that has logged in.
                "with-security-parameters": False,
            },
            "suppress-health-check": ["all"],
        }
    ),
)
api.app = app

# A schema can't say that the app refuses reserved domains, such as `.test`.
schemathesis.openapi.format("email", strategies.emails(domains=strategies.just("example.com")))

requests: Counter[str] = Counter()


@api.hook
def after_call(
    context: schemathesis.HookContext,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> None:
    requests[case.operation.label] += 1


class Summary:
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for operation, number in sorted(requests.items()):
            terminalreporter.write_line(f"{number:6} {operation}")
        terminalreporter.write_line(f"{requests.total():6} requests, each response checked")


@pytest.fixture(scope="module", autouse=True)
def summary(pytestconfig: pytest.Config) -> None:
    pytestconfig.pluginmanager.register(Summary())


@pytest.fixture(autouse=True)
def service(new_database: URL) -> None:
    # A log line for each request would bury a failure.
    app.state.settings = settings_for(new_database).model_copy(update={"log_level": "ERROR"})


def log_in() -> dict[str, str]:
    """As a new user, who owns nothing yet."""
    email, password = f"{uuid4()}@example.com", "correct horse"
    register, token = api["/auth/register"]["POST"], api["/auth/token"]["POST"]
    register.Case(body={"email": email, "password": password}).call_and_validate()
    login = token.Case(body={"username": email, "password": password}).call_and_validate()
    return {"Authorization": f"Bearer {login.json()['access_token']}"}


@pytest.fixture
def headers(service: None) -> dict[str, str]:
    return log_in()


@api.parametrize()
def test_operation(case: schemathesis.Case[Any], headers: dict[str, str]) -> None:
    case.call_and_validate(headers=headers)


def test_sequences() -> None:
    """One operation creates something that the next ones read, change and delete."""

    class Sequences(api.as_state_machine()):
        def setup(self) -> None:
            self.headers = log_in()

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            return {"headers": self.headers}

    try:
        Sequences.run(settings=api.config.get_hypothesis_settings(phase="stateful"))
    except NoLinksFound:
        pytest.skip("No operation leads to another one.")
