"""Every error that the app answers is a problem as in RFC 9457."""

import http.client
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from sqlalchemy import exc
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.engine import is_busy

log = structlog.stdlib.get_logger()

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20

# The names of RFC 9110: before 3.13, Python has older ones.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


class NotFoundError(Exception):
    pass


class ConflictError(Exception):
    pass


class UnauthenticatedError(Exception):
    pass


class InvalidPart(BaseModel):
    """What is wrong with one part of a request, without its value: that may be a secret."""

    type: str
    location: list[str | int]
    message: str


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[InvalidPart] | None = None


# For FastAPI's `responses`: any answer that is not a success. With `model`, which would be
# shorter, FastAPI would document that errors can be application/json, too.
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class ProblemResponse(Response):
    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        errors: list[InvalidPart] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        problem = Problem(title=title_of(status), status=status, detail=detail, errors=errors)
        super().__init__(problem.model_dump_json(exclude_none=True), status, headers)


def title_of(status: int) -> str:
    return TITLES.get(status) or http.client.responses.get(status, "Error")


async def not_found(request: Request, error: NotFoundError) -> Response:
    return ProblemResponse(404, str(error))


async def conflict(request: Request, error: ConflictError) -> Response:
    return ProblemResponse(409, str(error))


async def unauthenticated(request: Request, error: UnauthenticatedError) -> Response:
    return ProblemResponse(401, str(error), headers={"WWW-Authenticate": "Bearer"})


async def invalid_request(request: Request, error: RequestValidationError) -> Response:
    errors = [
        InvalidPart(
            type=part["type"],
            # The name of an unknown field can be as long as the body.
            location=[name[:100] if isinstance(name, str) else name for name in part["loc"]],
            message=part["msg"],
        )
        for part in error.errors()[:MOST_ERRORS]
    ]
    if any(part.type == "json_invalid" for part in errors):
        return ProblemResponse(400, "The body is not JSON.", errors)
    return ProblemResponse(422, "The request has invalid parts.", errors)


async def http_error(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(allowed_methods(request)))
    detail = str(error.detail)
    # Where a detail is left out, Starlette repeats the title.
    if detail in {title_of(error.status_code), http.client.responses.get(error.status_code)}:
        return ProblemResponse(error.status_code, headers=headers)
    return ProblemResponse(error.status_code, detail, headers=headers)


async def database_error(request: Request, error: exc.DBAPIError) -> Response:
    if not is_busy(error):
        raise error
    return await database_busy(request, error)


async def database_busy(request: Request, error: Exception) -> Response:
    log.warning("The database is busy", error=str(error))
    return ProblemResponse(503, "The database is busy.", headers={"Retry-After": "1"})


async def unexpected_error(request: Request, error: Exception) -> Response:
    # This answer is made outside the middleware that adds the header to all others.
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return ProblemResponse(500, headers={"X-Request-ID": request_id})


def allowed_methods(request: Request) -> set[str]:
    """Of all routes with this path: the router names those of the first one only."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return {
        method
        for route in iter_route_contexts(request.app.routes)
        if route.path_regex.match(path)
        for method in route.methods or ()
    }


class BodyLimitProblemMiddleware:
    """The body limit answers in plain text; this makes a problem of it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def send_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and is_plain_413(message):
                replaced = True
                await ProblemResponse(413)(scope, receive, send)
            elif not replaced:
                await send(message)

        await self.app(scope, receive, send_problem)


def is_plain_413(message: Message) -> bool:
    content_type = Headers(scope=message).get("content-type", "")
    return message["status"] == 413 and "text/plain" in content_type


def document_problems(app: FastAPI) -> None:
    document_of_routes = app.openapi

    def openapi() -> dict[str, Any]:
        document = document_of_routes()
        _, schemas = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(schemas["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def register_error_handlers(app: FastAPI) -> None:
    document_problems(app)
    app.add_middleware(BodyLimitProblemMiddleware)
    app.exception_handler(NotFoundError)(not_found)
    app.exception_handler(ConflictError)(conflict)
    app.exception_handler(UnauthenticatedError)(unauthenticated)
    app.exception_handler(RequestValidationError)(invalid_request)
    app.exception_handler(HTTPException)(http_error)
    app.exception_handler(exc.DBAPIError)(database_error)
    app.exception_handler(exc.TimeoutError)(database_busy)
    app.exception_handler(Exception)(unexpected_error)
