"""The process that `--live` starts.

It prints its port, and ends when its stdin is closed: it never outlives the tests, however they
end.
"""

import gc
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import make_url
from starlette.types import Lifespan

from app.main import create_app
from tests.helpers import settings_for
from tests.plugins.network import guard_network
from tests.stand_ins import put_stand_ins


def note(refusal: str) -> None:
    """The tests look for it in the log."""
    sys.stderr.write(f"{refusal}\n")
    sys.stderr.flush()


def with_stand_ins(lifespan: Lifespan[FastAPI]) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan_with_stand_ins(app: FastAPI) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            put_stand_ins(app)
            yield state

    return lifespan_with_stand_ins


def main() -> None:
    gc.enable()  # as in production; tests/__init__.py has switched it off
    database = make_url(sys.argv[1])
    guard_network(database, note)
    app = create_app(settings_for(database))
    app.router.lifespan_context = with_stand_ins(app.router.lifespan_context)
    # The sockets of uvloop bypass the guard.
    config = uvicorn.Config(app, loop="asyncio", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)

    def stop_with_the_tests() -> None:
        sys.stdin.read()
        server.should_exit = True

    # asyncio switches off TCP's delays only where the protocol is named.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    # Connections queue until startup is done.
    listener.listen()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # nothing reads stdout from here on: what the app prints goes to the log
    Thread(target=stop_with_the_tests, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
