"""Sends each operation of the OpenAPI document requests that it allows, and others.

It takes too long for each run of the tests, so only `poe fuzz` collects it. Each run sends the
same requests: to reproduce a failure, run its operation again with `poe fuzz -k "GET and me"`.
To send more, set `FUZZ_CASES`, the maximum for one operation.
"""

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import anyio
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import strategies
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.errors import NoLinksFound
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message, Receive, Scope, Send

from app.errors import PROBLEM_RESPONSES
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport
from tests.helpers import http_client, settings_for
from tests.plugins.server import with_stand_ins
from tests.route_requests import (
    PARAMETER,
    NoRequestError,
    Operation,
    Reference,
    Requests,
    Route,
    Rows,
    find_operations,
)
from tests.test_routes import REQUESTS, RESTRICTED, ROWS

# Operations that no request may be sent to, each with its reason.
LEFT_OUT: dict[Route, str] = {
    # Your own operations go below this line.
}

# Failures that an operation is allowed to have, by their title, each with its reason; as in
# ("POST", "/bookings"): {"Schema-valid request rejected": "A booking ends after it begins."}
ALLOWED: dict[Route, dict[str, str]] = {
    # Your own failures go below this line.
}

# An operation without parameters has only a few that differ.
MAX_CASES = int(os.environ.get("FUZZ_CASES", "125"))

MAX_SESSIONS = 5

# The end of a response that is not JSON is not awaited for longer, since it may have none.
MAX_SECONDS_OF_A_STREAM = 0.3

pytestmark = pytest.mark.timeout(0)

# ── The document ─────────────────────────────────────────────────────────────


def document_of(app: FastAPI, operations: dict[Route, Operation]) -> dict[str, Any]:
    """The document of the app, with the operations of mounted apps, and a few corrections."""
    document: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    document["paths"] = {}
    schemas = document["components"]["schemas"]
    for route, operation in operations.items():
        if not operation.document or route in LEFT_OUT:
            continue
        prefix = ""
        if operation.mounted:
            prefix = operation.path.removesuffix(operation.route.path_format or "").strip("/") + ":"
        text = json.dumps([operation.document, operation.schemas])
        documented, own_schemas = json.loads(
            text.replace("#/components/schemas/", f"#/components/schemas/{prefix}")
        )
        schemas |= {f"{prefix}{name}": schema for name, schema in own_schemas.items()}
        if operation.mounted:  # its errors are handled as those of the app
            documented["responses"].pop("422", None)
            documented["responses"] |= PROBLEM_RESPONSES
        correct(documented, schemas)
        document["paths"].setdefault(operation.path, {})[operation.method.lower()] = documented
    for scheme in document["components"]["securitySchemes"].values():
        # The same requests as with `oauth2`, for which Schemathesis tries no wrong tokens.
        scheme |= {"type": "http", "scheme": "bearer"}
    return document


def correct(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for response in operation["responses"].values():
        # What FastAPI writes for a route that returns a response of another media type.
        if response.get("content") == {"application/json": {"schema": {}}}:
            del response["content"]
    for media_type, part in operation.get("requestBody", {}).get("content", {}).items():
        if media_type == "application/json":
            continue
        # A field of a form can't be null, and an empty one is missing.
        name = part["schema"].get("$ref", "").rpartition("/")[2]
        form = part["schema"] = json.loads(json.dumps(schemas.get(name, part["schema"])))
        for name, field in form["properties"].items():
            alternatives = [one for one in field.pop("anyOf", ()) if one.get("type") != "null"]
            field |= alternatives[0] if len(alternatives) == 1 else {}
            if len(alternatives) > 1:
                field["anyOf"] = alternatives
            is_text = field.get("type") == "string" and "contentMediaType" not in field
            if is_text and name in form.get("required", ()):
                field["minLength"] = max(1, field.get("minLength", 0))


# Without the settings of this machine; `service` replaces them.
app = create_app(Settings.model_construct())
app.router.lifespan_context = with_stand_ins(app.router.lifespan_context)
operations = find_operations(app)
requests = Requests(operations, ROWS, REQUESTS, RESTRICTED)
api = schemathesis.openapi.from_dict(
    document_of(app, operations),
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

# A schema can't say that the app refuses reserved domains, such as `.test`.
schemathesis.openapi.format("email", strategies.emails(domains=strategies.just("example.com")))
# Pydantic adds a slash to a URL, which may then be too long.
schemathesis.openapi.format(
    "uri", strategies.from_regex(r"https://[a-z]{1,9}\.example/[a-z]{0,9}", fullmatch=True)
)


async def app_whose_streams_end(scope: Scope, receive: Receive, send: Send) -> None:
    is_complete = True

    async def send_and_watch(message: Message) -> None:
        nonlocal is_complete
        await send(message)
        if message["type"] == "http.response.start":
            is_complete = False
            headers = dict(message.get("headers", ()))
            if b"json" not in headers.get(b"content-type", b""):
                limit.deadline = anyio.current_time() + MAX_SECONDS_OF_A_STREAM
        elif message["type"] == "http.response.body":
            is_complete = not message.get("more_body", False)

    with anyio.CancelScope() as limit:
        await app(scope, receive, send_and_watch)
    if not is_complete:
        await send({"type": "http.response.body"})


api.app = app_whose_streams_end


def route_of(operation: Any) -> Route:
    return operation.method.upper(), operation.path


# ── Failures ─────────────────────────────────────────────────────────────────

# What Pydantic converts or rounds, where JSON Schema is strict.
CONVERTED = {"incorrect_type", "invalid_format", "non_unique_items", "not_multiple_of"}
CONVERTED_KEYWORDS = {"type", "format", "uniqueItems", "multipleOf"}


@api.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Returns whether the service is to blame."""
    route = route_of(case.operation)
    if failure.title in ALLOWED.get(route, {}):
        return False
    if failure.title == "Schema-violating request accepted":
        data = case.meta.phase.data
        keywords = {keyword for mutation in data.mutations for keyword in mutation.keywords}
        return getattr(data, "scenario", None) not in CONVERTED and not (
            keywords & CONVERTED_KEYWORDS
        )
    if failure.title == "Schema-valid request rejected" and response.status_code == 422:
        # The validators of the service are its own; all else is refused by the types that the
        # document is made of. No schema tells how many digits of a decimal are allowed.
        problem = response.json()
        if problem["detail"] == "A value can't be stored.":
            return False
        errors = {error["type"] for error in problem.get("errors", ())}
        return not errors or bool(errors & {"value_error", "assertion_error"})
    if failure.title == "Response violates schema":
        return 'is not a "duration"' not in failure.message  # as in P1Y1D, which ISO 8601 allows
    if failure.title in {"Wrong response to undeclared method", "Allow header mismatch"}:
        # The path may be that of another route, too: /notes/search is a /notes/{note_id}.
        path = re.sub(r"^https?://[^/]*|\?.*", "", str(response.request.url))
        return not any(
            template != case.operation.path and re.fullmatch(PARAMETER.sub("[^/]+", template), path)
            for _, template in operations
        )
    return True


HOW_TO_ALLOW = (
    "If the service is right, allow it with its reason: ALLOWED in tests/fuzz_api.py, by the title "
    "of the failure."
)

requests_sent: Counter[str] = Counter()


@api.hook
def after_call(
    context: schemathesis.HookContext,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> None:
    requests_sent[case.operation.label] += 1


class Summary:
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for operation, number in sorted(requests_sent.items()):
            terminalreporter.write_line(f"{number:6} {operation}")
        terminalreporter.write_line(f"{requests_sent.total():6} requests, each response checked")


@pytest.fixture(scope="module", autouse=True)
def summary(pytestconfig: pytest.Config) -> None:
    pytestconfig.pluginmanager.register(Summary())


# ── The service ──────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def service(new_database: URL) -> Settings:
    # A log line for each request would bury a failure.
    settings = settings_for(new_database).model_copy(update={"log_level": "ERROR"})
    app.state.settings = settings
    return settings


def log_in() -> dict[str, str]:
    """As a new user, who owns nothing yet."""
    email, password = f"{uuid4()}@example.com", "correct horse"
    register, token = api["/auth/register"]["POST"], api["/auth/token"]["POST"]
    register.Case(body={"email": email, "password": password}).call_and_validate()
    login = token.Case(body={"username": email, "password": password}).call_and_validate()
    return {"Authorization": f"Bearer {login.json()['access_token']}"}


@pytest.fixture
def headers(service: Settings) -> dict[str, str]:
    return log_in()


Ids = dict[Reference, Any]


@pytest.fixture
def ids_of_rows(service: Settings, headers: dict[str, str]) -> Iterator[Callable[[Operation], Ids]]:
    """Creates the rows that a request names, by a second app in an event loop of its own."""
    other_app = create_app(service)
    lifespan = with_stand_ins(other_app.router.lifespan_context)(other_app)
    with asyncio.Runner() as runner:
        runner.run(lifespan.__aenter__())
        client = http_client(ASGITransport(other_app), headers=headers)
        session = AsyncSession(other_app.state.engine)
        rows = Rows(requests, client, other_app, session)

        def ids_of_rows(operation: Operation) -> Ids:
            if operation.method == "DELETE":
                rows.doubt(row.collection for row in requests.references(operation))
            try:
                return runner.run(rows.ids(operation))
            except NoRequestError:  # tests/test_routes.py says what is missing
                return {}

        yield ids_of_rows
        runner.run(session.close())
        runner.run(lifespan.__aexit__(None, None, None))


def put_rows(case: schemathesis.Case[Any], ids: Ids) -> None:
    for reference, row_id in ids.items():
        if reference.in_path:
            case.path_parameters[reference.name] = str(row_id)
        else:
            case.query = with_row(case.query, reference.name, row_id)
            case.body = with_row(case.body, reference.name, row_id)


def with_row(value: Any, name: str, row_id: Any) -> Any:
    if isinstance(value, list):
        return [with_row(part, name, row_id) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        key: with_row(part, name, row_id)
        if key != name or part is None
        else [row_id]
        if isinstance(part, list)
        else row_id
        for key, part in value.items()
    }


# ── The tests ────────────────────────────────────────────────────────────────


@api.parametrize()
def test_operation(
    case: schemathesis.Case[Any],
    headers: dict[str, str],
    ids_of_rows: Callable[[Operation], Ids],
) -> None:
    if case.meta.generation.mode.is_positive:
        put_rows(case, ids_of_rows(operations[route_of(case.operation)]))
    try:
        case.call_and_validate(headers=headers)
    except FailureGroup as failures:
        failures.add_note(HOW_TO_ALLOW)
        raise


def test_sequences() -> None:
    """One operation creates something that the next ones read, change and delete."""

    # What is always refused leads nowhere.
    allowed = api.exclude(lambda context: route_of(context.operation) in RESTRICTED)

    class Sequences(allowed.as_state_machine()):
        def setup(self) -> None:
            self.headers = log_in()

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            return {"headers": self.headers}

    for _ in range(MAX_SESSIONS):
        try:
            Sequences.run(settings=api.config.get_hypothesis_settings(phase="stateful"))
        except NoLinksFound:
            pytest.skip("No operation leads to another one.")
        except FlakyStrategyDefinition:
            # A response differed from that of the same sequence before, and with it what can
            # follow. Schemathesis begins anew, too.
            continue
        except FailureGroup as failures:
            failures.add_note(HOW_TO_ALLOW)
            raise
        return
