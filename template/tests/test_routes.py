"""What holds for every route, those included that are not written yet."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import TypeAdapter

from tests.client import AsyncClient

Route = tuple[str, str]

# Who adds a route to this list lets everybody use it.
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

# Who adds one to this list lets all users use the rows of each other.
SHARED: set[Route] = set()


@pytest.fixture
def routes(app: FastAPI) -> dict[Route, RouteContext]:
    return {
        (method, route.path_format or ""): route
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if method != "HEAD"
    }


async def test_every_route_that_is_not_public_answers_401_without_a_token(
    routes: dict[Route, RouteContext], anonymous_client: AsyncClient
) -> None:
    answers = {
        (method, path): (await anonymous_client.request(method, path)).status_code
        for method, path in routes.keys() - PUBLIC
    }

    assert answers == dict.fromkeys(routes.keys() - PUBLIC, 401)
    assert routes.keys() >= PUBLIC | SHARED


async def test_each_route_of_a_row_finds_it_for_its_owner_and_for_nobody_else(
    routes: dict[Route, RouteContext], client: AsyncClient, other_client: AsyncClient
) -> None:
    routes_of_a_row = {(method, path) for method, path in routes if "{" in path} - SHARED
    addresses: dict[str, str] = {}
    answers = {}

    # What deletes the row comes last.
    for method, path in sorted(routes_of_a_row, key=lambda route: route[0] == "DELETE"):
        if path not in addresses:
            addresses[path] = await address_of_a_new_row(client, routes, path)
        body = example_body(routes[method, path])
        by_another = await other_client.request(method, addresses[path], json=body)
        by_its_owner = await client.request(method, addresses[path], json=body)
        answers[method, path] = (by_another.status_code, by_its_owner.is_success)

    assert answers == dict.fromkeys(routes_of_a_row, (404, True))


async def address_of_a_new_row(
    client: AsyncClient, routes: dict[Route, RouteContext], path: str
) -> str:
    """Fills in a path: to make a row is to POST to the path before its parameter."""
    collection, _, rest = path.rpartition("/{")
    assert ("POST", collection) in routes, f"POST {collection} is missing, or {path} in SHARED."
    body = example_body(routes["POST", collection])
    if "{" in collection:
        collection = await address_of_a_new_row(client, routes, collection)
    response = await client.post(collection, json=body)
    assert response.is_success, f"POST {collection} refused {body}: give its fields examples."
    assert "Location" in response.headers, f"POST {collection} must answer with a Location."
    return response.headers["Location"] + rest.partition("}")[2]


def example_body(route: RouteContext) -> Any:
    """Of all fields, since a change of nothing writes nothing."""
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
        return {name: example(each, definitions) for name, each in schema["properties"].items()}
    return {"integer": 1, "number": 1, "boolean": True, "array": []}.get(
        schema.get("type", ""), "x"
    )


def test_each_route_is_documented_with_its_slice(routes: dict[Route, RouteContext]) -> None:
    modules = {
        path: route.endpoint.__module__.split(".")
        for (_, path), route in routes.items()
        if route.endpoint.__module__.startswith("app.")
    }
    tags = {path: route.tags for (_, path), route in routes.items() if path in modules}

    assert tags == {path: [module[1]] for path, module in modules.items()}
