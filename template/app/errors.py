"""Every error response is a problem as in RFC 9457."""

import http.client
from typing import Any, ClassVar
from uuid import UUID

import structlog
from fastapi import FastAPI, Request, Response, WebSocket, status
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from sqlalchemy import exc
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketState

from app.db.engine import is_busy, is_invalid
from app.logs import DEFAULT_HEADERS, MAX_LOGGED_CHARACTERS, client_of

log = structlog.stdlib.get_logger()

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
# What the frame that closes a WebSocket has room for.
MAX_REASON_BYTES = 123

# The titles of RFC 9110; Python has older ones before 3.13.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


class ServiceError(Exception):
    """An error of the domain: the response has its status, and its message as the detail."""

    status: ClassVar[int]
    headers: ClassVar[dict[str, str]] = {}


class UnauthenticatedError(ServiceError):
    status = 401
    headers: ClassVar = {"WWW-Authenticate": "Bearer"}

    def __init__(self, detail: str, user_id: UUID | None = None) -> None:
        super().__init__(detail)
        self.user_id = user_id  # for the log, where the client has named a user


class ForbiddenError(ServiceError):
    status = 403


class NotFoundError(ServiceError):
    status = 404


class ConflictError(ServiceError):
    status = 409


class UnavailableError(ServiceError):
    status = 503
    headers: ClassVar = {"Retry-After": "1"}


# Your own errors go below this line.


class InvalidPart(BaseModel):
    """The fault in one part of a request, without its value, which may be a secret."""

    type: str
    location: list[str | int]
    message: str


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    errors: list[InvalidPart] | None = None


# For FastAPI's `responses`: every response that is not a success. `model` would be shorter,
# but then FastAPI would document application/json as well.
PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": PROBLEM_RESPONSE,
    "default": PROBLEM_RESPONSE,
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
        self.reason = detail or problem.title


def title_of(status: int) -> str:
    return TITLES.get(status) or http.client.responses.get(status, "Error")


async def respond(connection: HTTPConnection, problem: ProblemResponse) -> Response | None:
    """Closes a WebSocket that has been accepted: there is no response to it any more."""
    if (
        isinstance(connection, WebSocket)
        and connection.application_state is WebSocketState.CONNECTED
    ):
        reason = problem.reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        await connection.close(status.WS_1008_POLICY_VIOLATION, reason)
        return None
    return problem


async def service_error(connection: HTTPConnection, error: ServiceError) -> Response | None:
    if isinstance(error, UnauthenticatedError):
        log.warning(
            "Authentication failed",
            reason=str(error)[:MAX_LOGGED_CHARACTERS],
            path=connection.scope["path"][:MAX_LOGGED_CHARACTERS],
            client=client_of(connection.scope),
            user_id=str(error.user_id) if error.user_id else None,
        )
    problem = ProblemResponse(error.status, str(error), headers=error.headers)
    return await respond(connection, problem)


async def invalid_request(request: Request, error: RequestValidationError) -> Response:
    errors = [
        InvalidPart(
            type=part["type"],
            # The name of an unknown field can be as long as the body.
            location=[name[:100] if isinstance(name, str) else name for name in part["loc"]],
            message=part["msg"],
        )
        for part in error.errors()[:MAX_ERRORS]
    ]
    if any(part.type == "json_invalid" for part in errors):
        return ProblemResponse(400, "The body is not JSON.", errors)
    return ProblemResponse(422, "The request has invalid parts.", errors)


async def http_error(connection: HTTPConnection, error: HTTPException) -> Response | None:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(allowed_methods(connection)))
    detail = str(error.detail)
    # Where a detail is left out, Starlette repeats the title.
    if detail in {title_of(error.status_code), http.client.responses.get(error.status_code)}:
        return await respond(connection, ProblemResponse(error.status_code, headers=headers))
    return await respond(connection, ProblemResponse(error.status_code, detail, headers=headers))


async def database_error(connection: HTTPConnection, error: exc.DBAPIError) -> Response | None:
    if is_invalid(error):
        log.warning("The database refused a value", error=str(error.orig)[:MAX_LOGGED_CHARACTERS])
        return await respond(connection, ProblemResponse(422, "A value can't be stored."))
    if not is_busy(error):
        raise error
    return await database_busy(connection, error)


async def database_busy(connection: HTTPConnection, error: Exception) -> Response | None:
    log.warning("The database is busy", error=str(error))
    problem = ProblemResponse(503, "The database is busy.", headers={"Retry-After": "1"})
    return await respond(connection, problem)


async def unexpected_error(request: Request, error: Exception) -> Response:
    # This response is created outside the middleware that adds the headers to all others. The
    # server closes the connection after it: a client that isn't told loses its next request.
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    headers = {**DEFAULT_HEADERS, "X-Request-ID": request_id, "Connection": "close"}
    return ProblemResponse(500, headers=headers)


def allowed_methods(connection: HTTPConnection) -> set[str]:
    """Those of every route of the path: the router reports only the first matching route's."""
    path = connection.scope["path"].removeprefix(connection.scope.get("root_path", ""))
    return {
        method
        for route in iter_route_contexts(connection.app.routes)
        if route.path_regex.match(path)
        for method in route.methods or ()
    }


class BodyLimitProblemMiddleware:
    """Turns the plain-text response of the body limit into a problem."""

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
    # The way that FastAPI documents under "Extending OpenAPI".
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
    app.exception_handler(ServiceError)(service_error)
    app.exception_handler(RequestValidationError)(invalid_request)
    app.exception_handler(HTTPException)(http_error)
    app.exception_handler(exc.DBAPIError)(database_error)
    app.exception_handler(exc.TimeoutError)(database_busy)
    app.exception_handler(Exception)(unexpected_error)
