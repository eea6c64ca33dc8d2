"""`poe new-resource` in a service: what it makes, how that is undone, and what stops it."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evergreen.edits import append, replace_once
from evergreen.processes import command_lines, heed_ctrl_c, wait_until
from evergreen.releases import commit_all, git
from evergreen.working_tree import ROOT
from tests.scaffold.conftest import NewResource, with_program

NOTE = ("note", "title:str:1..50", "pinned:bool:default=false")
FILES = [
    "app/notes/__init__.py",
    "app/notes/models.py",
    "app/notes/routes.py",
    "app/notes/schemas.py",
    "app/notes/service.py",
    "migrations/versions/0003_add_notes.py",
    "tests/services/test_notes_service.py",
    "tests/test_notes.py",
]


def changes_in(service: Path) -> list[str]:
    status = git("status", "--porcelain", "--untracked-files=all", cwd=service)
    return [line[3:] for line in status.splitlines()]


def assert_untouched(service: Path) -> None:
    assert changes_in(service) == []
    assert not (service / "app/notes").exists()


def test_a_resource_is_made_and_its_suite_is_green(
    service: Path, new_resource: NewResource
) -> None:
    result = new_resource(*NOTE)

    assert result.returncode == 0, result.stdout + result.stderr
    assert changes_in(service) == ["app/main.py", *FILES]
    assert re.search(r"^8 new files, \d+ lines:$", result.stdout, re.MULTILINE)
    assert all(f"    {path} " in result.stdout for path in FILES)
    assert "tests/test_notes.py ....." in result.stdout
    assert "no update of the template touches them" in result.stdout
    assert result.stderr == ""


def test_what_was_made_is_undone_by_the_command_that_it_prints(
    service: Path, new_resource: NewResource
) -> None:
    (service / "ignored.db").write_text("")
    result = new_resource(*NOTE, "--no-tests-run")
    undo = re.search(r"^    undo it: +(.+)$", result.stdout, re.MULTILINE)
    assert undo
    append(service / "README.md", "Ours\n")

    subprocess.run(undo[1], shell=True, cwd=service, check=True)

    assert changes_in(service) == ["README.md"]
    assert (service / "ignored.db").exists()


def test_a_dry_run_shows_the_files_and_writes_nothing(
    service: Path, new_resource: NewResource
) -> None:
    result = new_resource(*NOTE, "--dry-run")

    assert result.returncode == 0, result.stderr
    shown = re.findall(r"^\+\+\+ b/(.+)$", result.stdout, re.MULTILINE)
    assert shown == ["app/main.py", *FILES[1:]]  # an empty file has no diff
    assert "\n+    app.include_router(notes_router)\n" in result.stdout
    last = "Nothing is written: without --dry-run, these 8 new files.\n"
    assert result.stdout.endswith(last)
    assert_untouched(service)


def test_a_red_suite_keeps_the_files_and_says_how_to_undo_them(
    service: Path, new_resource: NewResource
) -> None:
    append(service / "tests/test_health.py", "\n\ndef test_it_fails() -> None:\n    assert False\n")
    commit_all(service)

    result = new_resource(*NOTE)

    assert result.returncode == 1
    assert changes_in(service) == ["app/main.py", *FILES]
    undo = re.fullmatch(r"The tests fail. To undo all of it: (.+)\n", result.stderr)
    assert undo
    subprocess.run(undo[1], shell=True, cwd=service, check=True)
    assert_untouched(service)


def test_lines_of_a_team_at_the_seams_stay(service: Path, new_resource: NewResource) -> None:
    first = new_resource(*NOTE, "--no-tests-run")
    commit_all(service)
    second = new_resource("label", "name:str:unique", "--shared", "--no-tests-run")

    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    main = (service / "app/main.py").read_text()
    assert main.count("    app.include_router(notes_router)\n") == 1
    assert main.count("    app.include_router(labels_router)\n") == 1
    routes = (service / "tests/test_routes.py").read_text()
    assert 'SHARED |= {\n    ("POST", "/labels"),\n' in routes


def test_files_with_lines_of_windows_get_more_of_them(
    service: Path, new_resource: NewResource
) -> None:
    for file in (service / "app").rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    commit_all(service)

    result = new_resource(*NOTE, "--no-tests-run")

    assert result.returncode == 0, result.stderr
    for path in ("app/main.py", *FILES[1:]):
        content = (service / path).read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n"), path


# ── What it can't do, in a sentence ──────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("task", "title:str"), "app/tasks/ exists already: choose another name.\n"),
        (("note", "title:string"), "title:string: there is no kind 'string': choose one of "),
        (("note", "a:ref:nothing"), "There is no resource nothing: there are task, user.\n"),
        ((), "Write a name and at least one field, as in `uv run poe new-resource note"),
        (("note",), "Write a name and at least one field, as in `uv run poe new-resource note"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_said(
    service: Path, new_resource: NewResource, words: tuple[str, ...], sentence: str
) -> None:
    result = new_resource(*words)

    assert result.returncode == 1
    assert result.stderr.startswith(sentence)
    assert result.stdout == ""
    assert_untouched(service)


@pytest.mark.parametrize("staged", [True, False])
def test_changes_that_are_not_committed_stop_it(
    service: Path, new_resource: NewResource, staged: bool
) -> None:
    append(service / "README.md", "Ours\n")
    (service / "app/own.py").write_text("")
    if staged:
        git("add", "--all", cwd=service)

    result = new_resource(*NOTE)

    assert result.stderr == (
        "README.md and 1 other files would be mixed with the new files: commit or stash first.\n"
    )
    assert changes_in(service) == ["README.md", "app/own.py"]


@pytest.mark.parametrize(
    "seam",
    [
        "# The imports of your own routers go below this line.",
        "    # Your own routers go below this line.",
    ],
)
def test_a_seam_that_is_gone_stops_it(service: Path, new_resource: NewResource, seam: str) -> None:
    replace_once(service / "app/main.py", f"{seam}\n", "")
    commit_all(service)

    result = new_resource(*NOTE)

    assert result.stderr == (
        f"app/main.py has the line {seam.strip()!r} 0 times, not once: put it back where the "
        "template has it.\n"
    )
    assert_untouched(service)


def test_without_network_nothing_is_written(
    service: Path, new_resource: NewResource, tmp_path: Path
) -> None:
    path = with_program(tmp_path / "programs", "uvx", "echo no network >&2; exit 2")

    result = new_resource(*NOTE, PATH=path)

    assert result.returncode == 1
    assert "failed, and the service is as it was:\nno network\n" in result.stderr
    assert_untouched(service)


def test_a_migration_that_fails_leaves_nothing(service: Path, new_resource: NewResource) -> None:
    append(service / "migrations/versions/0002_tasks.py", "\nraise RuntimeError('broken')\n")
    commit_all(service)

    result = new_resource(*NOTE)

    assert result.returncode == 1
    assert result.stderr.startswith(
        "poe --quiet migration 'add notes' failed, and the service is as it was:\n"
    )
    assert_untouched(service)


@pytest.mark.parametrize("until", ["copier", "--quiet migration", "pytest"])
def test_ctrl_c_leaves_the_service_as_it_was(
    service: Path, variables: dict[str, str], until: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "updater"), "new-resource", *NOTE],
        cwd=service,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    wait_until(lambda: any(until in line for line in command_lines(process.pid)))

    os.killpg(process.pid, signal.SIGINT)

    _, printed = process.communicate(timeout=20)
    assert printed.endswith("\nInterrupted: the service is as it was.\n")
    assert process.returncode == 130
    assert_untouched(service)


# ── At a terminal ────────────────────────────────────────────────────────────


def test_it_asks_for_what_is_missing_at_a_terminal(
    service: Path, variables: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "updater"), "new-resource", "--dry-run"]
    process = subprocess.Popen(
        command, cwd=service, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, b"Note\nnotes\nnote\ntitle:string\ntitle:str\n\n")
    printed = b""
    try:
        while part := os.read(ours, 65_536):
            printed += part
    except OSError:  # the end, on Linux
        pass

    assert process.wait(20) == 0, printed.decode()
    text = printed.decode().replace("\r\n", "\n")
    assert "'Note' is no name of a resource" in text
    assert "notes looks like a plural already" in text
    assert "title:string: there is no kind 'string'" in text
    assert "+++ b/app/notes/models.py\n" in text
    assert_untouched(service)


def test_the_help_has_three_examples(new_resource: NewResource) -> None:
    result = new_resource("--help")

    assert result.returncode == 0
    assert result.stdout.count("    uv run poe new-resource ") == 3
