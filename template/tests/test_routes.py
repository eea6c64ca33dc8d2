"""Checks of every route, including those that are not written yet."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import TypeAdapter

from app import VERSION
from app.errors import PROBLEM_RESPONSES
from tests.client import AsyncClient

Route = tuple[str, str]

# Anyone can use these routes, without a token.
PUBLIC: set[Route] = {
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


@pytest.fixture
def routes(app: FastAPI) -> dict[Route, RouteContext]:
    return {
        (method, route.path_format or ""): route
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if method != "HEAD"
    }


async def test_every_route_that_is_not_public_returns_401_without_a_token(
    routes: dict[Route, RouteContext], anonymous_client: AsyncClient
) -> None:
    statuses = {
        (method, path): (await anonymous_client.request(method, path)).status_code
        for method, path in routes.keys() - PUBLIC
    }

    assert statuses == dict.fromkeys(routes.keys() - PUBLIC, 401)
    assert routes.keys() >= PUBLIC | SHARED


async def test_each_route_of_a_row_finds_it_only_for_its_owner(
    routes: dict[Route, RouteContext], client: AsyncClient, other_client: AsyncClient
) -> None:
    routes_of_a_row = {(method, path) for method, path in routes if "{" in path} - SHARED
    addresses: dict[str, str] = {}
    found = {}

    # The routes that delete the row come last.
    for method, path in sorted(routes_of_a_row, key=lambda route: route[0] == "DELETE"):
        if path not in addresses:
            addresses[path] = await address_of_a_new_row(client, routes, path)
        body = example_body(routes[method, path])
        by_another = await other_client.request(method, addresses[path], json=body)
        by_its_owner = await client.request(method, addresses[path], json=body)
        found[method, path] = (by_another.status_code, by_its_owner.is_success)

    assert found == dict.fromkeys(routes_of_a_row, (404, True))


async def address_of_a_new_row(
    client: AsyncClient, routes: dict[Route, RouteContext], path: str
) -> str:
    """Fills in a path: a POST to the path before the parameter creates a row."""
    collection, _, rest = path.rpartition("/{")
    assert ("POST", collection) in routes, f"POST {collection} is missing, or {path} in SHARED."
    body = example_body(routes["POST", collection])
    if "{" in collection:
        collection = await address_of_a_new_row(client, routes, collection)
    response = await client.post(collection, json=body)
    assert response.is_success, f"POST {collection} refused {body}: give its fields examples."
    assert "Location" in response.headers, f"POST {collection} must return a Location."
    return response.headers["Location"] + rest.partition("}")[2]


def example_body(route: RouteContext) -> Any:
    """With every field, since an empty change would not write anything."""
    if route.body_field is None:
        return None
    schema = TypeAdapter(route.body_field.field_info.annotation).json_schema()
    return example(schema, schema.get("$defs", {}))


def example(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], definitions)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        return {name: example(part, definitions) for name, part in schema["properties"].items()}
    return {"integer": 1, "number": 1, "boolean": True, "array": []}.get(
        schema.get("type", ""), "x"
    )


@pytest.fixture
def documented(routes: dict[Route, RouteContext]) -> dict[Route, RouteContext]:
    return {
        route: context
        for route, context in routes.items()
        if context.endpoint.__module__.startswith("app.")
    }


def test_each_route_is_documented_with_its_slice(documented: dict[Route, RouteContext]) -> None:
    tags = {route: context.tags for route, context in documented.items()}

    assert tags == {
        route: [context.endpoint.__module__.split(".")[1]] for route, context in documented.items()
    }


def test_each_route_is_documented_to_return_errors_as_problems(
    documented: dict[Route, RouteContext],
) -> None:
    errors = {
        route: {status: context.responses.get(status) for status in PROBLEM_RESPONSES}
        for route, context in documented.items()
    }

    assert errors == dict.fromkeys(documented, PROBLEM_RESPONSES)


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


def test_the_api_is_documented_as_that_of_this_service(app: FastAPI) -> None:
    assert app.title != "FastAPI"
    assert app.description
    assert app.version == VERSION
