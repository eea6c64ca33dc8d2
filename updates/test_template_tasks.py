"""The tasks `template-check`, `template-diff` and `template-update` of a service."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from proof.processes import command_lines, heed_ctrl_c, wait_until
from proof.questions import Answers
from proof.releases import TIP, commit_all, copy_of_release, git, release
from proof.rendering import files_of
from proof.suites import own_environment
from proof.working_tree import ROOT
from updates.scenarios import append, make_ten_commits, replace, write

TASKS = ROOT / "template/template_tasks.py"


@pytest.fixture(autouse=True)
def installed_before(programs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the services need: without it, each would install its own, which takes longer."""
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", str(programs["sqlite"].parent))


def environment() -> dict[str, str]:
    return own_environment() | {"UV_PROJECT_ENVIRONMENT": os.environ["UV_PROJECT_ENVIRONMENT"]}


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(TASKS), *arguments]


def run_task(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=service, env=environment(), capture_output=True, text=True
    )


def state_of(service: Path) -> tuple[dict[str, bytes], str, str, str]:
    """All that a user would see: files, branches with their commits, the index, worktrees."""
    return (
        files_of(service),
        git("branch", "--verbose", "--no-abbrev", cwd=service),
        git("status", "--porcelain", "--ignored", cwd=service),
        git("worktree", "list", "--porcelain", cwd=service),
    )


def assert_refused(service: Path, sentence: str, *arguments: str) -> None:
    """The task says why, and the service is as it was."""
    before = state_of(service)

    result = run_task(service, "update", *arguments)

    assert result.returncode == 1, result.stdout + result.stderr
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert state_of(service) == before


# ── template-check and template-diff ─────────────────────────────────────────


def test_check_says_what_newer_releases_changed(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")

    printed = run_task(service, "check").stdout

    assert printed.startswith(
        f"This service is made from 0.2.0; the newest release of its template is {TIP}.\n"
    )
    assert "## [0.3.0]" in printed
    assert "## [0.2.0]" not in printed
    assert printed.endswith("To update: uv run poe template-update\n")


def test_check_says_that_there_is_nothing_new(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")

    assert run_task(service, "check").stdout == (
        f"This service is up to date: {TIP} is the newest release of its template.\n"
    )


def test_diff_shows_what_the_service_has_and_a_fresh_copy_has_not_and_the_reverse(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    append(service / "app/settings.py", "# ours\n")
    (service / "docs/testing.md").unlink()
    write(service / "app/notes.py", "")
    commit_all(service)

    printed = run_task(service, "diff").stdout

    assert "+++ b/service/app/settings.py" in printed
    assert "+# ours\n" in printed
    assert "deleted file mode 100644\n" in printed
    assert "--- a/template/docs/testing.md" in printed
    assert printed.endswith("Files that only this service has:\n    app/notes.py\n")


def test_diff_of_a_service_that_nobody_has_edited_shows_nothing(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    assert run_task(service, "diff").stdout == (
        "Each file of the template is as in a fresh copy.\n"
    )


# ── template-update ──────────────────────────────────────────────────────────


@pytest.mark.shows("ten commits of a team, then template-update: kept, and the suite is green")
@pytest.mark.parametrize("version", ["0.1.0"])
def test_one_command_updates_a_service_with_ten_commits(
    template: Path, tmp_path: Path, version: str
) -> None:
    service = copy_of_release(template, version, {}, tmp_path / "service")
    make_ten_commits(service)
    before = state_of(service)

    result = run_task(service, "update")

    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Updating from 0.1.0 to {TIP} …\n" in result.stdout
    assert " passed" in result.stdout
    assert result.stdout.endswith(
        f"Its tests pass. To take it over: git switch main && git merge template-{TIP}\n"
    )
    assert git("branch", "--show-current", cwd=service) == f"template-{TIP}\n"
    assert git("status", "--porcelain", cwd=service) == ""
    assert git("rev-list", "--count", f"main..template-{TIP}", cwd=service) == "1\n"
    assert (service / "app/notes/routes.py").exists()
    assert "notes_router" in (service / "app/main.py").read_text()
    assert (service / "app/db/sqlite.py").exists()
    git("switch", "--quiet", "main", cwd=service)
    git("branch", "--quiet", "-D", f"template-{TIP}", cwd=service)
    assert state_of(service) == before


def test_a_conflict_is_left_as_a_merge_would_leave_it(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "Dienst für alle")
    replace(service / "app/db/engine.py", '"timeout": 10', '"timeout": 20')
    write(service / "docs/übersicht.md", "# Ours\n")
    commit_all(service)

    result = run_task(service, "update")

    assert result.returncode == 1
    assert "you and the template changed the same lines of\n    app/db/engine.py" in result.stderr
    unmerged = git("diff", "--name-only", "--diff-filter=U", cwd=service)
    assert unmerged == "app/db/engine.py\n"
    assert '"timeout": 20' in (service / "app/db/engine.py").read_text()
    git("add", "--all", cwd=service)
    git("commit", "--quiet", "--message=Merged", cwd=service)
    assert git("rev-list", "--count", "main..HEAD", cwd=service) == "1\n"


def test_tests_that_fail_after_an_update_are_told(own_template: Path, tmp_path: Path) -> None:
    routes = own_template / "template/app/health/routes.py"
    replace(routes, "/livez", "/alive")
    release(own_template, "10000.0.0")
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")

    result = run_task(service, "update")

    assert result.returncode == 1
    assert "Its tests fail: mend them here, or go back by `git switch main`." in result.stderr
    assert git("branch", "--show-current", cwd=service) == "template-10000.0.0\n"


def test_a_question_is_answered_anew(template: Path, tmp_path: Path) -> None:
    answers: Answers = {"example": False}
    service = copy_of_release(template, TIP, answers, tmp_path / "service")

    result = run_task(service, "update", "--data", "container=false")

    assert result.returncode == 0, result.stdout + result.stderr
    assert not (service / "Dockerfile").exists()
    assert not (service / "app/tasks").exists()


def test_changes_that_are_not_committed_are_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    append(service / "README.md", "ours\n")
    write(service / "notes.txt", "ours\n")

    assert_refused(service, "Commit or stash these changes first")


def test_a_folder_of_a_larger_repository_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "larger/service")
    shutil.rmtree(service / ".git")
    commit_all(tmp_path / "larger")

    assert_refused(service, "and this works only where it is the service's own.")


def test_a_service_on_no_branch_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("switch", "--quiet", "--detach", cwd=service)

    assert_refused(service, "You are on no branch")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("databse=sqlite", "--data databse=sqlite: the template has no question databse"),
        ("database=oracle", "Invalid choice for 'database'"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(
    template: Path, tmp_path: Path, answer: str, sentence: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    assert_refused(service, sentence, "--data", answer)


def test_a_program_that_is_missing_is_named(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    result = subprocess.run(
        command("check"), cwd=service, env={"PATH": ""}, capture_output=True, text=True
    )

    assert result.stderr == "There is no program uvx: install uv and git first.\n"


def test_a_folder_without_a_repository_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    shutil.rmtree(service / ".git")

    result = run_task(service, "update")

    assert result.returncode == 1
    assert "not a git repository" in result.stderr


def test_a_folder_without_answers_is_refused(tmp_path: Path) -> None:
    result = run_task(tmp_path, "check")

    assert result.returncode == 1
    assert result.stderr.startswith("There is no .copier-answers.yml in ")


def test_a_branch_that_is_there_already_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("branch", f"template-{TIP}", cwd=service)

    assert_refused(service, f"There is a branch template-{TIP} already")


def test_a_release_that_does_not_exist_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    sentence = f"There is no release 7.7.7 of the template; the newest one is {TIP}."
    assert_refused(service, sentence, "--to", "7.7.7")


def test_a_template_without_releases_is_refused(own_template: Path, tmp_path: Path) -> None:
    git("tag", "--delete", *git("tag", cwd=own_template).split(), cwd=own_template)
    service = copy_of_release(own_template, "HEAD", {}, tmp_path / "service")

    assert_refused(service, f"The template in {own_template} has no tags, and so no release to")


def test_a_template_that_cannot_be_reached_leaves_the_service_as_it_was(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.3.0", {}, tmp_path / "service")
    own_template.rename(tmp_path / "elsewhere")

    assert_refused(service, "the service is as it was")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("running", ["copier recopy", "copier update", "pytest -q"])
def test_an_update_that_is_stopped_leaves_the_service_as_it_was(
    template: Path, tmp_path: Path, sent: signal.Signals, running: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    files, branches, status, _ = state_of(service)

    process = subprocess.Popen(
        command("update"),
        cwd=service,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    wait_until(lambda: any(running in line for line in command_lines(process.pid)))
    os.killpg(process.pid, sent)  # as a terminal does: to all of its processes

    assert process.wait() != 0
    assert state_of(service)[:3] == (files, branches, status)


def test_what_a_killed_update_has_left_does_not_disturb_the_next_one(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("worktree", "add", "--quiet", "--detach", str(tmp_path / "killed"), cwd=service)
    shutil.rmtree(tmp_path / "killed")

    assert run_task(service, "update").returncode == 0
    assert len(git("worktree", "list", cwd=service).splitlines()) == 1


# ── The edits that Copier loses without a word ───────────────────────────────


def test_an_edited_file_of_a_feature_that_is_switched_off_is_not_lost(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    append(service / "Dockerfile", "# ours\n")
    commit_all(service)

    assert_refused(service, "Dockerfile would be deleted", "--data", "container=false")

    accepted = run_task(service, "update", "--data", "container=false", "--lose-edits")
    assert accepted.returncode == 0, accepted.stderr
    assert not (service / "Dockerfile").exists()


@pytest.mark.parametrize("moved_to", [None, "app/logging.py"])
def test_an_edited_file_that_the_template_deletes_or_renames_is_not_lost(
    own_template: Path, tmp_path: Path, moved_to: str | None
) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    append(service / "app/logs.py", "# ours\n")
    commit_all(service)
    logs = own_template / "template/app/logs.py"
    if moved_to is None:
        logs.unlink()
    else:
        logs.rename(own_template / "template" / moved_to)
    release(own_template, "10000.0.0")

    assert_refused(service, "app/logs.py would be deleted")


def test_an_edited_binary_file_is_not_lost(own_template: Path, tmp_path: Path) -> None:
    logo = own_template / "template/docs/logo.bin"
    logo.write_bytes(b"\x00first\xff")
    release(own_template, "10000.0.0")
    logo.write_bytes(b"\x00second\xff")
    release(own_template, "10001.0.0")
    service = copy_of_release(own_template, "10000.0.0", {}, tmp_path / "service")
    (service / "docs/logo.bin").write_bytes(b"\x00ours\xff")
    commit_all(service)

    assert_refused(service, "docs/logo.bin would be replaced")


def test_a_file_of_the_template_that_git_ignores_stays_as_it_is(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    append(service / ".gitignore", "/docs/\n")
    append(service / "docs/testing.md", "ours\n")
    git("rm", "--quiet", "--cached", "docs/testing.md", cwd=service)
    commit_all(service)
    ours = (service / "docs/testing.md").read_bytes()

    result = run_task(service, "update")

    assert result.returncode == 0, result.stderr
    assert "git ignores these files of the template, so they stay as they are:" in result.stdout
    assert (service / "docs/testing.md").read_bytes() == ours


def test_no_path_of_the_template_depends_on_an_answer() -> None:
    paths = [str(path.relative_to(ROOT)) for path in (ROOT / "template").rglob("*")]

    assert [path for path in paths if "{" in path] == [
        "template/{{ _copier_conf.answers_file }}.jinja"
    ]


def test_no_file_of_the_template_is_binary_or_ignored(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")

    for content in files_of(service).values():
        content.decode()
    names = "\n".join(files_of(service))
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=service,
        input=names,
        capture_output=True,
        text=True,
    )
    assert ignored.stdout == ""


# ── The workflow that does it each week ──────────────────────────────────────


def test_the_workflow_pushes_a_branch_and_opens_a_pull_request(
    template: Path, tmp_path: Path
) -> None:
    older = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    workflow = yaml.safe_load(
        files_of(copy_of_release(template, TIP, {}, tmp_path / "tip"))[
            ".github/workflows/template-update.yml"
        ]
    )
    origin = tmp_path / "origin"
    git("clone", "--quiet", "--bare", str(older), str(origin), cwd=tmp_path)
    git("clone", "--quiet", str(origin), str(tmp_path / "checkout"), cwd=tmp_path)
    write(tmp_path / "bin/gh", f'#!/bin/sh\necho "$@" >> {tmp_path}/gh.log\n')
    (tmp_path / "bin/gh").chmod(0o755)
    variables = environment() | {
        "GITHUB_REF_NAME": "main",
        "GH_TOKEN": "a token",
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
    }

    for step in workflow["jobs"]["update"]["steps"]:
        if "run" in step:
            script = step["run"].replace("uv run poe template-update", " ".join(command("update")))
            subprocess.run(
                ["bash", "-e", "-c", script], cwd=tmp_path / "checkout", env=variables, check=True
            )

    assert f"template-{TIP}" in git("branch", "--list", cwd=origin)
    assert (tmp_path / "gh.log").read_text() == (
        f"auth setup-git\npr create --fill --head template-{TIP} --base main\n"
    )
