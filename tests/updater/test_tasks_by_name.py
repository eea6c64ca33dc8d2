"""The commands that teams type, by name: the tasks of a service, and the command of the README."""

import fcntl
import os
import re
import signal
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from evergreen.edits import SCENARIOS, append, make_ten_commits, replace
from evergreen.processes import command_lines, heed_ctrl_c, wait_until
from evergreen.released_answers import VERSIONS
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from evergreen.rendering import files_of
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT
from tests.updater.task_runs import BRANCH, NEXT, release_next, state_of

pytestmark = pytest.mark.usefixtures("installed_before")


def poe(service: Path, task: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["uv", "run", "poe", f"template-{task}", *arguments],
        cwd=service,
        env=own_environment(),
        capture_output=True,
        text=True,
    )


def shell(script: str, service: Path) -> None:
    """Runs commands that were printed for people to type."""
    subprocess.run(script, shell=True, cwd=service, check=True, capture_output=True)


def commands_in(printed: str) -> dict[str, str]:
    """The commands that a task suggests, by what they are for."""
    return dict(re.findall(r"(?m)^    ([a-z ]+): +(.*)$", printed))


@pytest.fixture
def service(own_template: Path, tmp_path: Path) -> Path:
    """A service of the tip, for which there is a newer release."""
    folder = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    release_next(own_template)
    return folder


# ── A service that has the bootstrap ─────────────────────────────────────────


def test_the_tasks_of_a_service_do_what_they_say(service: Path) -> None:
    append(service / "app/settings.py", "# ours\n")
    commit_all(service)

    checked, different, updated = (poe(service, task) for task in ("check", "diff", "update"))

    assert checked.stdout.startswith(
        f"This service is made from {TIP}; the newest release of its template is {NEXT}.\n"
    )
    assert "+# ours\n" in different.stdout
    assert " passed" in updated.stdout
    assert updated.returncode == 0, updated.stderr
    shell(commands_in(updated.stdout)["to merge it"], service)
    assert "# Newer." in (service / "app/health/routes.py").read_text()
    assert poe(service, "check").stdout == (
        f"This service is up to date: {NEXT} is the newest release of its template.\n"
    )


def test_a_newer_updater_may_have_options_and_verbs_of_its_own(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    command_line = own_template / "updater/command_line.py"
    replace(
        command_line,
        "    return whole\n",
        '    for task in (update, tasks.add_parser("greet")):\n'
        '        task.add_argument("--name", required=True)\n'
        "    return whole\n",
    )
    replace(
        command_line,
        "    options = read_options(sys.argv[1:])\n",
        "    options = read_options(sys.argv[1:])\n"
        '    sys.exit(f"Hello from {options.task}, {options.name}!")\n',
    )
    release(own_template, NEXT)

    by_task = poe(service, "update", "--name", "it's us")
    by_script = subprocess.run(
        ["uv", "run", "template_tasks.py", "greet", "--name=us"],
        cwd=service,
        env=own_environment(),
        capture_output=True,
        text=True,
    )

    assert by_task.stderr.endswith("Hello from update, it's us!\n")
    assert by_script.stderr.endswith("Hello from greet, us!\n")


# ── The lock file ────────────────────────────────────────────────────────────


@pytest.fixture
def service_with_a_stale_lock(service: Path) -> Path:
    """A dependency was added, and the lock file forgotten: `uv run` brings it up to date."""
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, check=True)
    commit_all(service)
    SCENARIOS["a dependency is added"].edit(service)
    git("commit", "--quiet", "--all", "--message=Add a dependency", cwd=service)
    return service


@pytest.mark.usefixtures("quick_update")
def test_a_lock_file_that_uv_has_just_written_is_not_in_the_way(service: Path) -> None:
    result = poe(service, "update")

    assert result.returncode == 0, result.stderr
    assert git("status", "--porcelain", cwd=service) == "?? uv.lock\n"
    shell(commands_in(result.stdout)["to merge it"], service)
    assert git("status", "--porcelain", cwd=service) == "?? uv.lock\n"


def test_a_lock_file_that_uv_has_just_changed_is_part_of_the_update(
    service_with_a_stale_lock: Path,
) -> None:
    service = service_with_a_stale_lock

    result = poe(service, "update")

    assert result.returncode == 0, result.stderr
    assert git("status", "--porcelain", cwd=service) == " M uv.lock\n"
    assert "uv.lock has changes that are not committed: the branch has them, too.\n" in (
        result.stdout
    )
    locked = (service / "uv.lock").read_text()
    shell(commands_in(result.stdout)["to merge it"], service)
    assert git("status", "--porcelain", cwd=service) == ""
    assert (service / "uv.lock").read_text() == locked
    subprocess.run(["uv", "lock", "--check", "--quiet"], cwd=service, check=True)


@pytest.mark.usefixtures("quick_update")
@pytest.mark.parametrize("way", ["to merge it", "to go back"])
def test_a_lock_file_that_uv_has_just_changed_is_kept_in_a_conflict(
    own_template: Path, service_with_a_stale_lock: Path, way: str
) -> None:
    service = service_with_a_stale_lock
    append(service / "app/health/routes.py", "\n\n# Ours.\n")
    git("commit", "--quiet", "--message=Ours", "app/health/routes.py", cwd=service)

    result = poe(service, "update")

    assert "app/health/routes.py: you and the template changed" in result.stderr
    if way == "to go back":
        shell(commands_in(result.stderr)[way], service)
        assert git("status", "--porcelain", cwd=service) == " M uv.lock\n"
        return
    git("checkout", "--ours", "app/health/routes.py", cwd=service)
    git("add", "app/health/routes.py", cwd=service)
    then = commands_in(result.stderr)["then"].removesuffix(" && uv run poe check")
    shell(f"export GIT_EDITOR=true; {then}; {commands_in(result.stderr)[way]}", service)
    assert git("status", "--porcelain", cwd=service) == ""
    subprocess.run(["uv", "lock", "--check", "--quiet"], cwd=service, check=True)


# ── Services of 0.1.0 to 0.5.0 ───────────────────────────────────────────────


def command_of_the_readme() -> str:
    found = re.search(r"(?m)^    (uv run --no-project .*)$", (ROOT / "README.md").read_text())
    assert found
    return found[1]


@pytest.mark.usefixtures("quick_update")
@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=() if version == "0.4.0" else pytest.mark.thorough)
        for version in VERSIONS
    ],
)
def test_the_command_of_the_readme_updates_a_service_of_any_release(
    template: Path, tmp_path: Path, version: str
) -> None:
    service = copy_of_release(template, version, {}, tmp_path / "service")
    make_ten_commits(service)

    result = subprocess.run(
        command_of_the_readme(),
        shell=True,
        cwd=service,
        env=own_environment() | {"EVERGREEN": str(template)},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    git("merge", "--quiet", BRANCH, cwd=service)
    assert (
        files_of(service)["template_tasks.py"]
        == (template / "template/template_tasks.py").read_bytes()
    )
    assert "notes_router" in (service / "app/main.py").read_text()


@pytest.mark.usefixtures("quick_update")
def test_the_task_of_0_5_0_updates_to_the_bootstrap_which_does_the_next_update(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.5.0", {}, tmp_path / "service")
    make_ten_commits(service)
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, check=True)
    commit_all(service)

    first = poe(service, "update")

    assert first.returncode == 0, first.stdout + first.stderr
    shell(commands_in(first.stdout)["to take it over"], service)
    release_next(own_template)
    append(service / "app/notes/routes.py", "\n\n# Later.\n")
    commit_all(service)
    second = poe(service, "update")
    assert second.returncode == 0, second.stdout + second.stderr
    shell(commands_in(second.stdout)["to merge it"], service)
    assert "# Newer." in (service / "app/health/routes.py").read_text()
    assert "# Later." in (service / "app/notes/routes.py").read_text()
    assert "notes_router" in (service / "app/main.py").read_text()


@pytest.mark.usefixtures("quick_update")
def test_the_task_of_0_5_0_shows_a_conflict_and_the_way_back(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.5.0", {}, tmp_path / "service")
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, check=True)
    append(service / "app/db/sqlite.py", "# ours\n")
    commit_all(service)
    before = state_of(service)[1:3]

    result = poe(service, "update")

    assert result.returncode == 1
    assert "    app/db/sqlite.py: you changed it, the template deleted it\n" in result.stderr
    assert (service / "app/db/sqlite.py").read_text().endswith("# ours\n")
    shell(commands_in(result.stderr)["to go back"], service)
    assert state_of(service)[1:3] == before


@pytest.mark.thorough
def test_the_task_of_0_5_0_says_that_a_template_needs_a_newer_copier(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.5.0", {}, tmp_path / "service")
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, check=True)
    commit_all(service)
    replace(own_template / "copier.yml", '"9.19"', '"10"')
    release(own_template, NEXT)

    result = poe(service, "update")

    assert "the service is as it was:\n" in result.stderr
    assert "requires Copier version >= 10" in result.stderr


# ── A terminal ───────────────────────────────────────────────────────────────


class Private(BaseHTTPRequestHandler):
    """A host that shows a template to those only who log in."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="templates"')
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def private_host() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Private) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)


def read_until(terminal: int, text: str) -> str:
    printed = ""
    while text not in printed:
        printed += os.read(terminal, 1024).decode()
    return printed


def test_git_can_ask_for_a_password_and_ctrl_c_ends_that(
    template: Path, tmp_path: Path, private_host: str, terminal: tuple[int, int]
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    replace(service / ".copier-answers.yml", f"{template}\n", f"{private_host}/template.git\n")
    ours, theirs = terminal
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def take_the_terminal() -> None:
        heed_ctrl_c()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        ["uv", "run", "poe", "template-check"],
        cwd=service,
        env=own_environment() | {"TMPDIR": str(temporary)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_the_terminal,
    )
    os.close(theirs)
    asked = read_until(ours, "Username for ")
    os.write(ours, b"\x03")

    assert process.wait(timeout=20) == 130
    assert "Traceback" not in asked + os.read(ours, 1024).decode()
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("uv-")] == []


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        pytest.param(lambda process: os.killpg(process.pid, signal.SIGINT), 130, id="Ctrl-C"),
        pytest.param(lambda process: process.terminate(), 143, id="SIGTERM to uv"),
        pytest.param(
            lambda process: os.killpg(process.pid, signal.SIGTERM),
            143,
            id="SIGTERM to all",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_task_that_is_stopped_leaves_nothing_behind(
    service: Path, tmp_path: Path, stop: Callable[[subprocess.Popen[str]], None], code: int
) -> None:
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, check=True)
    commit_all(service)
    before, temporary = state_of(service), tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        ["uv", "run", "poe", "template-update"],
        cwd=service,
        env=own_environment() | {"TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    wait_until(lambda: any("pytest -q" in line for line in command_lines(process.pid)))

    stop(process)

    _, said = process.communicate(timeout=20)
    assert said.endswith("Interrupted: the service is as it was.\n")
    assert process.returncode == code
    assert state_of(service) == before
    assert list(temporary.glob("tmp*")) == []
