from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tests.client import AsyncClient

# Who adds a route to this list lets everybody use it.
PUBLIC = {
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("POST", "/auth/register"),
    ("POST", "/auth/token"),
    ("GET", "/docs"),
    ("GET", "/docs/oauth2-redirect"),
    ("GET", "/redoc"),
    ("GET", "/openapi.json"),
}


async def test_every_route_that_is_not_public_refuses_nobody_in_particular(
    app: FastAPI, anonymous_client: AsyncClient
) -> None:
    routes = {
        (method, route.path_format or "")
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if method != "HEAD"
    }

    answers = {
        (method, path): (await anonymous_client.request(method, path)).status_code
        for method, path in routes - PUBLIC
    }

    assert answers == dict.fromkeys(routes - PUBLIC, 401)
    assert routes >= PUBLIC
