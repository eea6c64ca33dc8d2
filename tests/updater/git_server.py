"""Serves git repositories by HTTP to those who have a token, as GitHub does."""

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Access:
    """The tokens that can read the repositories of an owner, and those that can push to them.

    A repository without readers is public.
    """

    readers: set[str] = field(default_factory=set)
    writers: set[str] = field(default_factory=set)


@dataclass
class GitServer:
    """Serves the folder of each owner: `ADDRESS/OWNER/REPOSITORY.git`."""

    folder: Path
    address: str
    access: dict[str, Access] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """Checks the token, and leaves the rest to the program that git has for this."""

    def __init__(self, server: GitServer, *arguments: object) -> None:
        self.repositories = server
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        access = self.repositories.access[path.split("/")[1]]
        encoded = self.headers.get("Authorization", "").removeprefix("Basic ")
        token = base64.b64decode(encoded).decode().partition(":")[2]
        readers = access.readers | access.writers if access.readers else {token}
        if token not in (access.writers if "git-receive-pack" in self.path else readers):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.end_headers()
            return
        self.run_backend(path, query, token)

    def do_POST(self) -> None:
        self.do_GET()

    def run_backend(self, path: str, query: str, token: str) -> None:
        variables = {
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.repositories.folder),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_USER": token,
            "REQUEST_METHOD": self.command,
        }
        response = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
            env=os.environ | variables,
            capture_output=True,
        ).stdout
        head, _, body = response.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Prints nothing."""


@contextmanager
def git_server(folder: Path) -> Iterator[GitServer]:
    server = GitServer(folder, "")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, server)) as http:
        server.address = f"http://127.0.0.1:{http.server_port}"
        thread = Thread(target=http.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
