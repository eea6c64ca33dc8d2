"""Checks of every route, including those that are not written yet."""

import inspect
import math
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Receive, Scope, Send

from app import VERSION
from app.auth.models import User
from app.errors import PROBLEM_RESPONSES
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncClient
from tests.conftest import ClientAs
from tests.helpers import add_user, http_client
from tests.route_requests import (
    Exchange,
    NewRow,
    NoRequestError,
    Operation,
    Requests,
    Route,
    Rows,
    advice,
    find_operations,
    send,
)

# isort: split
# The imports of your own rows go below this line.

# Anyone can use these routes, without a token. A WebSocket is ("WEBSOCKET", its path), and a
# mounted app without routes, such as a folder of files, ("MOUNT", its path).
PUBLIC: set[Route] = {
    # Your own public routes go below this line.
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("POST", "/auth/register"),
    ("POST", "/auth/token"),
    ("GET", "/docs"),
    ("GET", "/docs/oauth2-redirect"),
    ("GET", "/redoc"),
    ("GET", "/openapi.json"),
}

# Every user can use the rows of all users through these routes.
SHARED: set[Route] = set()
# Your own shared routes go below this line.

# Only users with a role can use these routes; all others get a 403.
RESTRICTED: list[Route] = [
    # Your own restricted routes go below this line.
]

# How a row is created that no POST creates: by the path of its collection, or by the name of the
# field that names it. `async def new_invoice(client: AsyncClient) -> str` returns its address; it
# can have a parameter `session: AsyncSession`, too. Without a `client`, what a field names belongs
# to no user. If another POST creates what a field names, its path will do: "billed_id": "/projects".
ROWS: dict[str, NewRow | str] = {
    # Your own rows go below this line.
}

# Valid requests that the OpenAPI document can't tell: arguments for `client.request`, and `path`
# for parameters of the path. `...` stands for the id of a row, as in {"json": {"note_id": ...}}.
REQUESTS: dict[Route, dict[str, Any]] = {
    # Your own requests go below this line.
}


@pytest.fixture(scope="session")
def operations(apps: tuple[FastAPI, FastAPI]) -> dict[Route, Operation]:
    return find_operations(apps[0])


@pytest.fixture(scope="session")
def requests(operations: dict[Route, Operation]) -> Requests:
    return Requests(operations, ROWS, REQUESTS, RESTRICTED)


@pytest.fixture
async def users(
    requests: Requests, app: FastAPI, client_as: ClientAs, fake_user: User, session: AsyncSession
) -> tuple[Rows, Rows]:
    """The rows of two users."""

    def rows_of(user: User) -> Rows:
        async def app_as_user(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "user_id": user.id}, receive, send)

        return Rows(requests, client_as(user), app_as_user, session)

    return rows_of(fake_user), rows_of(await add_user(session, "grace@example.com"))


def test_the_lists_name_only_routes_of_the_app(operations: dict[Route, Operation]) -> None:
    assert {*PUBLIC, *SHARED, *RESTRICTED, *REQUESTS} - operations.keys() == set()


async def test_every_route_that_is_not_public_returns_401_without_a_token(
    requests: Requests, app_with_login: FastAPI, anonymous_client: AsyncClient
) -> None:
    mistakes = []
    for route, operation in requests.operations.items():
        if route in PUBLIC:
            continue
        if operation.method == "MOUNT":
            mistakes.append(
                f"{operation} has no routes that a test can see. If anyone can use whatever is "
                f"there, list {route} in PUBLIC."
            )
            continue
        path = requests.without_rows(operation)["path"]
        response = await send(anonymous_client, app_with_login, operation, {"path": path})
        # A WebSocket that is closed before it is accepted is a 403 to its client.
        expected = {401, 403} if operation.method == "WEBSOCKET" else {401}
        if response.status_code not in expected:
            mistakes.append(
                f"{operation} returned {response.status_code} without a token. Give it the "
                f"parameter `user: CurrentUser`; or, if anyone can use it, list {route} in PUBLIC."
            )

    fail_because_of(mistakes)


async def test_restricted_routes_return_403_to_users_without_the_role(
    requests: Requests, users: tuple[Rows, Rows]
) -> None:
    mistakes = []
    for route in RESTRICTED:
        operation = requests.operations[route]
        request = requests.without_rows(operation)
        for rows in users:
            response = await send(rows.client, rows.app, operation, request)
            if response.status_code != 403:
                mistakes.append(
                    f"{Exchange(operation, request, response)}. A route of RESTRICTED must return "
                    "403 before it looks at the request: check the role in a dependency."
                )

    fail_because_of(mistakes)


async def test_each_route_of_a_row_finds_it_only_for_its_owner(
    requests: Requests, users: tuple[Rows, Rows]
) -> None:
    owner, other = users
    operations = [
        operation
        for route, operation in requests.operations.items()
        if route not in {*PUBLIC, *SHARED, *RESTRICTED} and operation.method != "MOUNT"
        if "{" in operation.path or requests.references(operation)
    ]
    # What deletes a row comes last, and its children before it.
    operations.sort(key=lambda it: -it.path.count("/") if it.method == "DELETE" else -math.inf)
    mistakes: list[str] = []
    for operation in operations:
        try:
            leaks = await leaks_to_another_user(operation, owner, other)
            exchange = await owner.send(operation)
            if exchange.status == 404:
                # An earlier route may have deleted the rows, so that no one finds them.
                owner.doubt(owner.created)
                leaks = await leaks_to_another_user(operation, owner, other)
                exchange = await owner.send(operation)
            was_deleted_by_other = exchange.status == 404 and leaks
            # A conflict with what the row is shows that it was found.
            if exchange.status < 400 or exchange.status == 409 or was_deleted_by_other:
                mistakes += leaks
            else:
                mistakes.append(f"{exchange}. {advice(exchange.status)}")
        except NoRequestError as error:
            mistakes.append(str(error))

    fail_because_of(mistakes)


async def leaks_to_another_user(operation: Operation, owner: Rows, other: Rows) -> list[str]:
    """Another user sends rows of the owner: all that the path names, then one at a time."""
    references = owner.requests.references(operation)
    in_path = tuple(reference for reference in references if reference.in_path)
    own_rows = [row for row in references if not is_shared(row.collection, owner.requests)]
    leaks = []
    for foreign in dict.fromkeys([in_path, *((row,) for row in own_rows)]):
        if not set(foreign) & set(own_rows):
            continue
        exchange = await other.send(operation, dict.fromkeys(foreign, owner))
        expected = {404} if foreign[0].in_path else set(range(400, 500))
        if operation.method == "WEBSOCKET":
            expected = {403, 404}
        if exchange.status not in expected:
            names = " and ".join(reference.name for reference in foreign)
            collections = " and ".join(reference.collection for reference in foreign)
            leaks.append(
                f"{exchange}, with the {names} of another user. Look the row up together with its "
                "owner, and raise NotFoundError if there is none. If every user can use all rows "
                f"of {collections}, list their routes in SHARED."
            )
    return leaks


def is_shared(collection: str, requests: Requests) -> bool:
    """No user has rows of his own there: no route of a row is for its owner only."""
    if not collection.startswith("/"):
        return "client" not in inspect.signature(requests.rows[collection]).parameters
    rows = {(method, path) for method, path in requests.operations if row_of(path) == collection}
    return (rows or {("GET", collection)}) <= {*PUBLIC, *SHARED, *RESTRICTED}


def row_of(path: str) -> str | None:
    return path.rpartition("/{")[0] if path.endswith("}") else None


def fail_because_of(mistakes: list[str]) -> None:
    if mistakes:
        pytest.fail("\n".join(dict.fromkeys(mistakes)), pytrace=False)


@pytest.fixture
def documented(operations: dict[Route, Operation]) -> dict[Route, RouteContext]:
    """The operations of the service's own OpenAPI document; a mounted app has another one."""
    return {
        route: operation.route
        for route, operation in operations.items()
        if operation.document and not operation.mounted
    }


def test_each_route_is_documented_with_its_slice(documented: dict[Route, RouteContext]) -> None:
    # A route of app/billing/invoices/routes.py can have either of the two tags.
    slices = {
        route: context.endpoint.__module__.split(".")[1:] for route, context in documented.items()
    }

    assert {
        route: context.tags
        for route, context in documented.items()
        if not (len(context.tags) == 1 and context.tags[0] in slices[route])
    } == {}


def test_each_route_is_documented_to_return_errors_as_problems(
    documented: dict[Route, RouteContext],
) -> None:
    errors = {
        route: [context.responses.get(status) for status in ("4XX", "default")]
        for route, context in documented.items()
    }

    assert errors == dict.fromkeys(documented, [PROBLEM_RESPONSES["default"]] * 2)


def test_each_route_is_documented_under_the_name_of_its_function(
    documented: dict[Route, RouteContext],
) -> None:
    """Unless it has an `operation_id` of its own: that is what a generated client calls it."""
    routes = {
        route: context for route, context in documented.items() if context.operation_id is None
    }

    assert {route: context.unique_id for route, context in routes.items()} == {
        route: context.name for route, context in routes.items()
    }


def test_no_two_routes_have_functions_of_the_same_name(
    documented: dict[Route, RouteContext],
) -> None:
    routes: dict[str, list[str]] = {}
    for (method, path), context in documented.items():
        route = f"{method} {path} in {context.endpoint.__module__}"
        routes.setdefault(context.operation_id or context.unique_id, []).append(route)
    to_rename = {name: several for name, several in routes.items() if len(several) > 1}

    assert to_rename == {}, "A generated client has one function of a name: rename the others."


@pytest.mark.parametrize(
    ("environment", "api_docs", "status"),
    [
        ("development", None, 200),
        ("development", False, 404),
        ("production", None, 404),
        ("production", True, 200),
    ],
)
async def test_only_development_shows_the_documentation_unless_a_setting_says_so(
    settings: Settings, environment: str, api_docs: bool | None, status: int
) -> None:
    update = {"environment": environment, "api_docs": api_docs}
    client = http_client(ASGITransport(create_app(settings.model_copy(update=update))))

    paths = ["/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"]
    responses = [await client.get(path) for path in paths]

    assert [response.status_code for response in responses] == [status] * 4


def test_the_api_is_documented_as_that_of_this_service(app: FastAPI) -> None:
    assert app.title != "FastAPI"
    assert app.description
    assert app.version == VERSION
