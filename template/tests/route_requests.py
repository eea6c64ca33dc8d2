"""Finds the routes of the app, and builds a valid request for each one, with rows that exist.

The OpenAPI document tells which parts a request has, their types, and their examples.
"""

import asyncio
import inspect
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import BaseRoute, Mount, WebSocketRoute
from starlette.types import ASGIApp, Message

from tests.client import AsyncClient, Response

Route = tuple[str, str]
NewRow = Callable[..., Awaitable[str]]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARAMETER = re.compile(r"\{(\w+)\}")
ID = re.compile(r"(\w+?)_ids?")
FILE = ("example.txt", b"example", "text/plain")
UUID = "3f0e6c1e-6a44-4a53-9d3e-0a4f3f1f9f52"
TEXTS = {
    "date": "2026-12-24",
    "date-time": "2026-12-24T18:00:00Z",
    "time": "18:00:00",
    "duration": "PT1H",
    "uuid": UUID,
    "email": "alan@example.com",
    "uri": "https://example.com/",
}

# ── Routes ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Operation:
    """One method of a route. The method of a WebSocket is `WEBSOCKET`; that of a mounted app
    whose routes are unknown, such as a folder of files, is `MOUNT`.
    """

    method: str
    path: str
    route: RouteContext
    document: dict[str, Any]  # its part of the OpenAPI document
    schemas: dict[str, Any]
    mounted: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def find_operations(app: FastAPI) -> dict[Route, Operation]:
    found = operations_of(app, app.routes)
    return {(operation.method, operation.path): operation for operation in found}


def operations_of(
    app: ASGIApp, routes: Sequence[BaseRoute], prefix: str = ""
) -> Iterator[Operation]:
    document = app.openapi() if isinstance(app, FastAPI) else {"paths": {}}
    schemas = document.get("components", {}).get("schemas", {})
    for route in iter_route_contexts(routes):
        path = route.path_format or ""
        if isinstance(route.original_route, Mount) and route.routes:
            yield from operations_of(route.app, route.routes, f"{prefix}{route.path}")
            continue
        if isinstance(route.original_route, WebSocketRoute):
            methods = {"WEBSOCKET"}
        elif route.endpoint is None:  # a mounted app, or a `Host`, which has no path
            methods, path = {"MOUNT"}, (route.path or "/") if path else route.host
        else:
            # A class of Starlette has a function for each method that it allows.
            methods = route.methods or {
                method for method in METHODS if hasattr(route.endpoint, method.lower())
            }
        for method in sorted(methods - {"HEAD"}):
            documented = document["paths"].get(path, {}).get(method.lower(), {})
            yield Operation(method, prefix + path, route, documented, schemas, bool(prefix))


# ── Examples ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Examples:
    """Values that a schema allows. `...` stands for the id of a row."""

    schemas: dict[str, Any]
    names_a_row: Callable[[str], bool]

    def of_part(self, part: dict[str, Any]) -> Any:
        """Takes a parameter or a body: its `openapi_examples` are beside its schema."""
        if self.names_a_row(part.get("name", "")):
            return ...
        for given in part.get("examples", {}).values():
            return self.with_rows_marked(given["value"])
        return self.with_rows_marked(self.of(part["schema"]))

    def of(self, schema: dict[str, Any], parents: frozenset[str] = frozenset()) -> Any:
        if "examples" in schema:
            return schema["examples"][0]
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in parents:  # a schema that contains itself
                return None
            return self.of(self.schemas[name], parents | {name})
        if alternatives := schema.get("anyOf") or schema.get("oneOf"):
            return self.of(min(alternatives, key=lambda part: part.get("type") == "null"), parents)
        if "const" in schema or "enum" in schema:
            return schema.get("const") or schema["enum"][0]
        match schema.get("type"):
            case "object":
                return self.of_fields(schema, parents)
            case "array":
                item = self.of(schema.get("items", {}), parents)
                return [] if item is None else [item] * max(1, schema.get("minItems", 1))
            case "integer" | "number" as kind:
                lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
                step = schema.get("multipleOf", 1)
                number = min(math.ceil(lowest / step) * step, schema.get("maximum", math.inf))
                return int(number) if kind == "integer" else number
            case "boolean":
                return True
            case "null":
                return None
        if schema.get("format") == "binary" or "contentMediaType" in schema:
            return FILE
        return TEXTS.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))

    def of_fields(self, schema: dict[str, Any], parents: frozenset[str]) -> dict[str, Any]:
        """Fills every field, since an empty change would not write anything; but not the id
        of something unknown, if it can be left out.
        """
        return {
            name: self.of(part, parents)
            for name, part in schema.get("properties", {}).items()
            if name in schema.get("required", ())
            or not ID.fullmatch(snake_case(name))
            or "examples" in part
            or self.names_a_row(name)
        }

    def with_rows_marked(self, value: Any, name: str = "") -> Any:
        if self.names_a_row(name):
            return [...] if isinstance(value, list) else ...
        if isinstance(value, list):
            return [self.with_rows_marked(part) for part in value]
        if isinstance(value, dict):
            return {key: self.with_rows_marked(part, key) for key, part in value.items()}
        return value


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()


def body_of(media_type: str, value: Any) -> dict[str, Any]:
    """The arguments for `client.request`."""
    if media_type == "multipart/form-data":
        files = [name for name, part in value.items() if part in (FILE, [FILE])]
        return {
            "data": {name: part for name, part in value.items() if name not in files},
            "files": [(name, FILE) for name in files],
        }
    return {"data" if media_type == "application/x-www-form-urlencoded" else "json": value}


# ── Requests ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reference:
    """A part of a request that names a row: a parameter of the path, or a field."""

    name: str
    collection: str
    in_path: bool


class Requests:
    """The request that each route wants, as arguments for `send`; `...` is the id of a row."""

    def __init__(
        self,
        operations: dict[Route, Operation],
        rows: Mapping[str, NewRow | str],
        requests: dict[Route, dict[str, Any]],
        restricted: Sequence[Route],
    ) -> None:
        self.operations, self.requests = operations, requests
        self.rows = {name: row for name, row in rows.items() if not isinstance(row, str)}
        self.paths = {name: path for name, path in rows.items() if isinstance(path, str)}
        posts = {path for method, path in operations.keys() - set(restricted) if method == "POST"}
        # `note_id` names a row of /notes, rather than one of /projects/{project_id}/notes.
        self.collections = sorted(
            posts | self.rows.keys(), key=lambda path: (path.count("{"), path)
        )

    def collection_of(self, name: str, path: str = "") -> str | None:
        """Finds /notes for the field `note_id`, and for the parameter of /notes/{id}."""
        before, parameter, _ = path.partition("/{" + name + "}")
        for key in (before, name):
            if key in self.collections:
                return key
        if name in self.paths:
            return self.paths[name]
        plurals = {snake_case(before.rpartition("/")[2])} if parameter else set()
        if match := ID.fullmatch(snake_case(name)):
            plurals |= {f"{match[1]}s", f"{match[1]}es", f"{match[1][:-1]}ies"}
        for collection in self.collections:
            if snake_case(collection.rpartition("/")[2]) in plurals:
                return collection
        return None

    def template(self, operation: Operation) -> dict[str, Any]:
        def names_a_row(name: str) -> bool:
            collection = self.collection_of(name)
            # The first row of a collection can't name another one of it.
            return collection is not None and (operation.method, operation.path) != (
                "POST",
                collection,
            )

        request = self.request_of(operation, Examples(operation.schemas, names_a_row))
        for name in PARAMETER.findall(operation.path):
            if self.collection_of(name, operation.path):
                request["path"][name] = ...
        return request

    def without_rows(self, operation: Operation) -> dict[str, Any]:
        """A request that is valid, but names no row that exists."""
        request = self.request_of(operation, Examples(operation.schemas, lambda _: False))
        return {part: with_ids(value, {}) for part, value in request.items()}

    def request_of(self, operation: Operation, examples: Examples) -> dict[str, Any]:
        values: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "cookie": {}}
        for parameter in operation.document.get("parameters", ()):
            if parameter["required"]:
                values[parameter["in"]][parameter["name"]] = examples.of_part(parameter)
        request: dict[str, Any] = {
            "path": values["path"],
            "params": values["query"],
            "headers": values["header"],
            "cookies": values["cookie"],
        }
        for media_type, part in (
            operation.document.get("requestBody", {}).get("content", {}).items()
        ):
            request |= body_of(media_type, examples.of_part(part))
        request |= self.requests.get((operation.method, operation.path), {})
        return request

    def references(self, operation: Operation) -> list[Reference]:
        template = self.template(operation)
        in_path = set(names_of_rows(template.pop("path")))
        names = [name for name in PARAMETER.findall(operation.path) if name in in_path]
        return [
            *(
                Reference(name, self.collection_of(name, operation.path) or name, in_path=True)
                for name in names
            ),
            *(
                Reference(name, self.collection_of(name) or name, in_path=False)
                for name in dict.fromkeys(names_of_rows(template))
            ),
        ]

    def unknown_parameters(self, operation: Operation) -> set[str]:
        """Those of the path that name no row, have no example, and are not one of a few values."""
        known = {
            *self.requests.get((operation.method, operation.path), {}).get("path", ()),
            *(row.name for row in self.references(operation) if row.in_path),
        }
        for parameter in operation.document.get("parameters", ()):
            schema = parameter["schema"]
            schema = operation.schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
            if {"examples", "enum", "const"} & {*parameter, *schema}:
                known.add(parameter["name"])
        return set(PARAMETER.findall(operation.path)) - known


def names_of_rows(value: Any, name: str = "") -> Iterator[str]:
    if value is ...:
        yield name
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from names_of_rows(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from names_of_rows(part, name)


def with_ids(value: Any, ids: Mapping[str, Any], name: str = "") -> Any:
    if value is ...:
        return ids.get(name, UUID)
    if isinstance(value, dict):
        return {key: with_ids(part, ids, key) for key, part in value.items()}
    if isinstance(value, list):
        return [with_ids(part, ids, name) for part in value]
    return value


# ── Sending ──────────────────────────────────────────────────────────────────


async def send(
    client: AsyncClient, app: ASGIApp, operation: Operation, request: dict[str, Any]
) -> Response:
    """A WebSocket is opened in this process, by `app`."""
    arguments = {"path": {}, "headers": {}, "cookies": {}, **request}
    address = PARAMETER.sub(
        lambda parameter: quote(str(arguments["path"].get(parameter[1], "1"))), operation.path
    )
    del arguments["path"]
    if cookies := arguments.pop("cookies"):
        arguments["headers"] = {**arguments["headers"], "Cookie": urlencode(cookies, safe="; ")}
    arguments["headers"] = {name: str(part) for name, part in arguments["headers"].items()}
    try:
        if operation.method == "WEBSOCKET":
            return Response(await open_websocket(app, address, arguments))
        async with client.stream(operation.method, address, **arguments) as response:
            if is_json(response):  # anything else may have no end
                await response.aread()
            return response
    except Exception as error:
        error.add_note(f"It was raised by {operation}.")
        raise


async def open_websocket(app: ASGIApp, address: str, arguments: dict[str, Any]) -> int:
    """Returns the status that a server would send, and leaves; 101 opens the WebSocket."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    opening: Iterator[Message] = iter([{"type": "websocket.connect"}])

    async def receive() -> Message:
        return next(opening, {"type": "websocket.disconnect", "code": 1001})

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": unquote(address),
        "query_string": urlencode(arguments.get("params", {}), doseq=True).encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), part.encode())
            for name, part in {"Host": "test", **arguments["headers"]}.items()
        ],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    conversation = asyncio.ensure_future(app(scope, receive, messages.put))
    first = asyncio.ensure_future(messages.get())
    await asyncio.wait({conversation, first}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    conversation.cancel()
    first.cancel()
    error, message = await asyncio.gather(conversation, first, return_exceptions=True)
    if isinstance(message, BaseException):
        raise error if isinstance(error, Exception) else message
    if message["type"] == "websocket.http.response.start":
        return int(message["status"])
    return 101 if message["type"] == "websocket.accept" else 403


@dataclass(frozen=True)
class Exchange:
    """A request as it was built, and its response."""

    operation: Operation
    request: dict[str, Any]
    response: Response

    @property
    def status(self) -> int:
        return self.response.status_code

    def __str__(self) -> str:
        problem = json_of(self.response)
        reason = "; ".join(
            f"{'.'.join(map(str, error['location']))}: {error['message']}"
            for error in problem.get("errors") or ()
        ) or problem.get("detail")
        parts = {name: part for name, part in self.request.items() if part}
        sent = f" for {parts}" if parts else ""
        reason = f": {str(reason).rstrip('.')}" if reason else ""
        return f"{self.operation} returned {self.status}{sent}{reason}"


def json_of(response: Response) -> dict[str, Any]:
    body = response.json() if is_json(response) and response.content else {}
    return body if isinstance(body, dict) else {}


def is_json(response: Response) -> bool:
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    return media_type in {"application/json", "application/problem+json"}


# ── Rows ─────────────────────────────────────────────────────────────────────


class NoRequestError(Exception):
    """A request can't be built: the message says what is missing."""


class Rows:
    """The rows of one user: one of each collection, created when a request needs it."""

    def __init__(
        self, requests: Requests, client: AsyncClient, app: ASGIApp, session: AsyncSession
    ) -> None:
        self.requests, self.client, self.app, self.session = requests, client, app, session
        self.created: dict[str, tuple[str, dict[str, Any]]] = {}  # the address and the body
        self.doubted: set[str] = set()
        self.creating: list[str] = []

    async def send(
        self, operation: Operation, owners: Mapping[Reference, Self] | None = None
    ) -> Exchange:
        """Sends rows of this user, except for those that `owners` says are another user's."""
        if unknown := self.requests.unknown_parameters(operation):
            name = min(unknown)
            collection = operation.path.partition("/{" + name + "}")[0]
            raise NoRequestError(
                f"{operation}: what is its {name}? There is no POST {collection}. Say in "
                f'ROWS["{collection}"] how such a row is created. If every user can use the rows '
                "of all users, list the route in SHARED; if only users with a role can use it, in "
                "RESTRICTED. If it names no row (but a year, say), give the parameter an example."
            )
        ids = await self.ids(operation, owners)
        template = self.requests.template(operation)
        in_path = {row.name: ids[row] for row in ids if row.in_path}
        fields = {row.name: ids[row] for row in ids if not row.in_path}
        path = with_ids(template.pop("path"), in_path)
        request = {"path": path, **with_ids(template, fields)}
        response = await send(self.client, self.app, operation, request)
        if operation.method == "POST" and response.is_success and not owners:
            location = response.headers.get("Location", "")
            self.created[operation.path] = location, json_of(response)
            self.doubted.discard(operation.path)
        return Exchange(operation, request, response)

    async def ids(
        self, operation: Operation, owners: Mapping[Reference, Self] | None = None
    ) -> dict[Reference, Any]:
        return {
            reference: await (owners or {}).get(reference, self).id_of(reference)
            for reference in self.requests.references(operation)
        }

    def doubt(self, collections: Iterable[str]) -> None:
        """Their rows may have been deleted: the next request creates them anew."""
        self.doubted.update(collections)

    async def id_of(self, reference: Reference) -> Any:
        collection = reference.collection
        if collection not in self.created.keys() - self.doubted:
            await self.create(collection)
        address, body = self.created[collection]
        in_address = unquote(urlsplit(address).path.rstrip("/").rpartition("/")[2])
        in_body = body.get("id", body.get(reference.name))
        # An article may be /articles/the-news in a path, and 42 in a field.
        found = (in_address or in_body) if reference.in_path else (in_body or in_address)
        if not found:
            raise NoRequestError(
                f"POST {collection} returned neither the Location nor the `id` of the new row. "
                f'Return one, or say in ROWS["{collection}"] how a row is created.'
            )
        return found

    async def create(self, collection: str) -> None:
        if collection in self.creating:
            raise NoRequestError(
                f"The rows of {' and '.join(self.creating)} need each other. Say in "
                f'ROWS["{collection}"] how one is created.'
            )
        if new_row := self.requests.rows.get(collection):
            given = {"client": self.client, "session": self.session}
            arguments = {name: given[name] for name in inspect.signature(new_row).parameters}
            self.created[collection] = await new_row(**arguments), {}
        else:
            self.creating.append(collection)
            operation = self.requests.operations["POST", collection]
            try:
                exchange = await self.send(operation)
                if exchange.status == 404:  # an earlier route may have deleted what it names
                    self.doubt(row.collection for row in self.requests.references(operation))
                    exchange = await self.send(operation)
            finally:
                self.creating.pop()
            if exchange.status == 409 and collection not in self.created:
                await self.find(collection)
            # A conflict with the row that was doubted shows that it still exists.
            if not exchange.response.is_success and (
                exchange.status != 409 or collection not in self.created
            ):
                raise NoRequestError(f"{exchange}. {advice(exchange.status)}")
        self.doubted.discard(collection)

    async def find(self, collection: str) -> None:
        """Takes one that another user has created, where every user can use all of them."""
        if operation := self.requests.operations.get(("GET", collection)):
            listed = (await self.send(operation)).response
            rows = listed.json() if listed.is_success and is_json(listed) else []
            if isinstance(rows, list) and rows and isinstance(rows[0], dict):
                self.created[collection] = "", rows[0]


ADVICE = {
    401: "Its user is logged in: let it take the user from `user: CurrentUser`.",
    403: "If it is for users with a role only, list it in RESTRICTED.",
    404: "It must find the rows of its own user.",
    400: "Give its fields examples that are valid, or a whole request in REQUESTS.",
    409: "A second row was not needed: say in ROWS how one is created that has no conflict.",
    422: "Give its fields examples that are valid, or a whole request in REQUESTS; if a row must "
    "have been prepared for it, say in ROWS how.",
}


def advice(status: int) -> str:
    return ADVICE.get(
        status, "A valid request of its own user must succeed, or give one in REQUESTS."
    )
