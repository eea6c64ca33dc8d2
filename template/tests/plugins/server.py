"""The process that `--live` starts.

It prints its port, and ends when its stdin is closed: it never outlives the tests, however they
end.
"""

import gc
import os
import socket
import sys
from threading import Thread

import uvicorn
from sqlalchemy import make_url

from app.main import create_app
from tests.helpers import settings_for


def main() -> None:
    gc.enable()  # as in production; tests/__init__.py has switched it off
    app = create_app(settings_for(make_url(sys.argv[1])))
    server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=5))

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
