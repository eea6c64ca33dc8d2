"""Runs the tasks `template-check`, `template-diff` and `template-update` in a service."""

import subprocess
import sys
from pathlib import Path

from evergreen.edits import append, replace
from evergreen.processes import command_lines, heed_ctrl_c, wait_until
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from evergreen.rendering import files_of
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT

BOOTSTRAP = ROOT / "template/template_tasks.py"
BRANCH = f"template-{TIP}"
NEXT = "10000.0.0"


def command(service: Path, *arguments: str) -> list[str]:
    """The task of the service; one that is older than the bootstrap runs that of the template."""
    own = service / BOOTSTRAP.name
    has_bootstrap = own.is_file() and own.read_bytes() == BOOTSTRAP.read_bytes()
    return [sys.executable, own.name if has_bootstrap else str(BOOTSTRAP), *arguments]


def run_task(service: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """With these variables in its environment."""
    return subprocess.run(
        command(service, *arguments),
        cwd=service,
        env=own_environment() | variables,
        capture_output=True,
        text=True,
    )


def start_update(service: Path, until: str) -> subprocess.Popen[str]:
    """Starts it in a session of its own, and waits until it runs a command with these words."""
    process = subprocess.Popen(
        command(service, "update"),
        cwd=service,
        env=own_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    wait_until(lambda: any(until in line for line in command_lines(process.pid)))
    return process


def second_copy(template: Path) -> str:
    """Part of the command that makes the copy of the newest release."""
    return f"--vcs-ref={git('rev-parse', f'{TIP}^0', cwd=template).strip()}"


def release_next(template: Path) -> None:
    """Adds a release that changes a file of services."""
    append(template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(template, NEXT)


def edited_service(template: Path, path: str, folder: Path) -> Path:
    """Makes a service of the tip, with a line of a team at the end of a file."""
    service = copy_of_release(template, TIP, {}, folder)
    append(service / path, "# ours\n")
    commit_all(service)
    return service


EDITED = "settings: Settings, echo: bool = False"
CONFLICT = "app/db/engine.py: you and the template changed the same lines"


def service_with_a_conflict(template: Path, folder: Path) -> Path:
    """Makes a service of 0.2.0, with a change of a line that a later release has changed, too."""
    service = copy_of_release(template, "0.2.0", {}, folder)
    replace(service / "app/db/engine.py", "settings: Settings", EDITED)
    commit_all(service)
    return service


def state_of(service: Path) -> tuple[dict[str, bytes], str, str, str]:
    """All that a user would see: files, branches with their commits, the index, worktrees."""
    return (
        files_of(service),
        git("branch", "--verbose", "--no-abbrev", cwd=service),
        git("status", "--porcelain", "--ignored", cwd=service),
        git("worktree", "list", "--porcelain", cwd=service),
    )


def assert_refused(service: Path, sentence: str, *arguments: str) -> None:
    """The update says why, in a line of its own, and the service is as it was."""
    before = state_of(service)

    result = run_task(service, "update", *arguments)

    assert result.returncode == 1, result.stdout + result.stderr
    assert f"\n{sentence}" in f"\n{result.stderr}"
    assert "Traceback" not in result.stderr
    assert state_of(service) == before


def assert_conflict(service: Path, line: str, *arguments: str) -> None:
    """The update ends on its branch, and names the file with a conflict and the reason."""
    result = run_task(service, "update", *arguments)

    assert result.returncode == 1, result.stdout + result.stderr
    assert f"\n    {line}\n" in result.stderr
    assert git("branch", "--show-current", cwd=service).startswith("template-")


def merge_the_update(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Updates the service without a conflict, and merges that."""
    result = run_task(service, "update", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    git("merge", "--quiet", "--ff-only", result.stdout.split()[-1], cwd=service)
    return result
