"""The process that `--live` starts. It prints its port, and ends when its stdin is closed: so
it never outlives the tests, however they end."""

import os
import socket
import sys
from threading import Thread

import uvicorn
from sqlalchemy import make_url

from app.main import create_app
from tests.database import settings_for


def main() -> None:
    app = create_app(settings_for(make_url(sys.argv[1])))
    server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=5))

    def stop_with_the_tests() -> None:
        sys.stdin.read()
        server.should_exit = True

    # Where the protocol isn't named, asyncio doesn't switch off TCP's delays.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    # Who connects from now on waits until the app has started.
    listener.listen()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # nobody reads on: what the app prints goes to the log
    Thread(target=stop_with_the_tests, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
