import logging.config
import sys
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings

log = structlog.stdlib.get_logger("app.request")

# What a client sends, such as a path, can be as long as its request.
MAX_LOGGED_CHARACTERS = 200

# Each response has them, unless its route has set its own: no cache keeps what was meant for one
# user, and no browser guesses at the type.
DEFAULT_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]


def configure_logs(settings: Settings) -> None:
    """Gives the log lines of uvicorn and other libraries the format of our own."""
    renderers: list[structlog.typing.Processor]
    if settings.environment == "development":
        renderers = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    else:
        # Without local variables, which may be passwords.
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderers = [
            structlog.processors.ExceptionRenderer(tracebacks),
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structlog": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": PROCESSORS,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *renderers,
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
            "root": {"handlers": ["stderr"], "level": settings.log_level},
            "loggers": {
                # To the root, without the handlers of the server; so do those below it.
                "uvicorn": {"propagate": True},
                # It would log each request a second time.
                "uvicorn.access": {"propagate": False},
            },
        }
    )


def client_of(scope: Scope) -> str | None:
    """The address of the client; behind a proxy, the server has to trust it: docs/production.md."""
    client = scope.get("client")
    return client[0][:MAX_LOGGED_CHARACTERS] if client else None


class RequestLogMiddleware:
    """Gives each request an id and logs one line for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = perf_counter()
        status = 500
        sent_id = Headers(scope=scope).get("x-request-id", "")
        # A client's text gets into our log only if it looks like an id.
        is_id = len(sent_id) <= 64 and sent_id.isascii() and sent_id.replace("-", "").isalnum()
        request_id = sent_id if is_id else uuid4().hex
        # Stays bound after the request, so that the server's report of an unexpected
        # error has it, too.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in DEFAULT_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            log.info(
                "request",
                method=scope["method"][:MAX_LOGGED_CHARACTERS],
                path=scope["path"][:MAX_LOGGED_CHARACTERS],
                status=status,
                client=client_of(scope),
                milliseconds=round((perf_counter() - started) * 1000, 1),
            )
