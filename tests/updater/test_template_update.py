"""The task `template-update` of a service: what it does, and what it refuses."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from evergreen.edits import SCENARIOS, append, make_ten_commits, replace, write
from evergreen.questions import Answers
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, git, release, update
from evergreen.rendering import differences, files_of
from tests.updater.conftest import insert_first
from tests.updater.task_runs import (
    BRANCH,
    CONFLICT,
    EDITED,
    assert_refused,
    merge_the_update,
    run_task,
    second_copy,
    service_with_a_conflict,
    start_update,
    state_of,
)
from updater.processes import started

pytestmark = pytest.mark.usefixtures("installed_before")


@pytest.mark.shows("ten commits of a team, then template-update: kept, and the suite is green")
@pytest.mark.parametrize("version", ["0.1.0"])
def test_one_command_updates_a_service_with_ten_commits(
    template: Path, tmp_path: Path, version: str
) -> None:
    service = copy_of_release(template, version, {}, tmp_path / "service")
    make_ten_commits(service)
    files = files_of(service)

    result = run_task(service, "update")

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith(f"Updating from 0.1.0 to {TIP} ...\n")
    assert " passed" in result.stdout
    assert result.stdout.endswith(
        f"The update is a commit on the branch {BRANCH}; nothing else has changed.\n"
        "Its tests pass.\n"
        f"    to read it:  git diff main...{BRANCH}\n"
        f"    to merge it: git merge {BRANCH}\n"
    )
    assert files_of(service) == files
    assert git("branch", "--format=%(refname:short)", cwd=service) == f"main\n{BRANCH}\n"
    assert git("status", "--porcelain", cwd=service) == ""
    git("merge", "--quiet", "--ff-only", BRANCH, cwd=service)
    assert git("log", "--format=%s", "--max-count=1", cwd=service) == (
        f"Update from the template, 0.1.0 to {TIP}\n"
    )
    assert "notes_router" in (service / "app/main.py").read_text()
    assert (service / "app/notes/routes.py").exists()
    assert "def is_busy" in (service / "app/db/engine.py").read_text()


EACH_SCENARIO = [
    scenario
    if scenario == "the README is rewritten"
    else pytest.param(scenario, marks=pytest.mark.thorough)
    for scenario in SCENARIOS
]


@pytest.mark.shows("template-update gives what copier update gives")
@pytest.mark.parametrize("scenario", EACH_SCENARIO)
@pytest.mark.parametrize("version", ["0.1.0"])
@pytest.mark.usefixtures("quick_update")
def test_it_gives_what_copier_update_gives(
    template: Path, tmp_path: Path, version: str, scenario: str
) -> None:
    answers = SCENARIOS[scenario].answers
    service = copy_of_release(template, version, answers, tmp_path / "service")
    SCENARIOS[scenario].edit(service)
    commit_all(service)
    by_copier = shutil.copytree(service, tmp_path / "by Copier")
    update(by_copier, TIP)
    unmerged = conflicts(by_copier)

    result = run_task(service, "update")

    if not unmerged:
        git("switch", "--quiet", BRANCH, cwd=service)
    assert result.returncode == (1 if unmerged else 0), result.stdout + result.stderr
    assert git("diff", "--name-only", "--diff-filter=U", cwd=service).splitlines() == unmerged
    different = set(differences(files_of(service), files_of(by_copier)))
    # Running the tests brings one of these up to date; Copier leaves the other, which was moved.
    assert different - {"uv.lock", "tests/unit/test_errors.py"} == set(unmerged)


@pytest.mark.usefixtures("quick_update")
def test_a_conflict_is_left_as_a_cherry_pick_leaves_it(template: Path, tmp_path: Path) -> None:
    service = service_with_a_conflict(template, tmp_path / "Dienst für alle")
    write(service / "docs/übersicht.md", "# Ours\n")
    commit_all(service)
    git("branch", BRANCH, cwd=service)  # as of an update that was merged

    result = run_task(service, "update")

    assert result.returncode == 1
    assert result.stderr == (
        f"The update is on the new branch {BRANCH}, where you are now, with conflicts:\n"
        f"    {CONFLICT}\n"
        "Merge them, and `git add` or `git rm` each.\n"
        "    then:        git cherry-pick --continue && uv run poe check\n"
        f"    to merge it: git switch main && git merge {BRANCH}\n"
        f"    to go back:  git cherry-pick --abort; git switch main; git branch -D {BRANCH}\n"
    )
    unmerged = git("diff", "--name-only", "--diff-filter=U", cwd=service)
    assert unmerged == "app/db/engine.py\n"
    assert EDITED in (service / "app/db/engine.py").read_text()
    git("add", "--all", cwd=service)
    git("-c", "core.editor=true", "cherry-pick", "--continue", cwd=service)
    assert git("log", "--format=%s", "main..HEAD", cwd=service) == (
        f"Update from the template, 0.2.0 to {TIP}\n"
    )


@pytest.mark.usefixtures("quick_update")
def test_a_conflict_can_be_left_again(template: Path, tmp_path: Path) -> None:
    service = service_with_a_conflict(template, tmp_path / "service")
    before = state_of(service)

    way_back = run_task(service, "update").stderr.splitlines()[-1]

    script = way_back.removeprefix("    to go back:  ")
    subprocess.run(script, shell=True, cwd=service, check=True, capture_output=True)
    assert state_of(service) == before


@pytest.mark.usefixtures("quick_update")
def test_a_file_that_was_moved_is_updated_where_it_is_now(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    write(service / "docs/guide/testing.md", (service / "docs/testing.md").read_text())
    (service / "docs/testing.md").unlink()
    commit_all(service)

    merge_the_update(service)

    tip = copy_of_release(template, TIP, {}, tmp_path / "tip")
    assert not (service / "docs/testing.md").exists()
    assert files_of(service)["docs/guide/testing.md"] == files_of(tip)["docs/testing.md"]


@pytest.mark.usefixtures("quick_update")
def test_a_file_that_was_deleted_stays_so_and_is_named(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    (service / "docs/testing.md").unlink()
    commit_all(service)

    result = merge_the_update(service)

    assert (
        "\nThe template has changed files that you have deleted or rewritten elsewhere:\n"
        "docs/testing.md\n"
    ) in result.stdout
    assert not (service / "docs/testing.md").exists()


@pytest.mark.usefixtures("quick_update")
def test_the_hooks_of_the_service_do_not_stop_it(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    for name in ("pre-commit", "commit-msg", "post-commit", "post-checkout"):
        write(service / ".git/hooks" / name, "#!/bin/sh\nexit 1\n")
        (service / ".git/hooks" / name).chmod(0o755)

    assert run_task(service, "update").returncode == 0


@pytest.mark.thorough
def test_what_is_installed_for_the_service_stays_as_it_is(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    installed = tmp_path / "installed"

    result = run_task(service, "update", UV_PROJECT_ENVIRONMENT=str(installed))

    assert result.returncode == 0, result.stdout + result.stderr
    assert not installed.exists()


@pytest.mark.thorough
@pytest.mark.usefixtures("quick_update")
def test_a_hook_of_git_can_run_it(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    files = files_of(service)
    set_by_git = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_PREFIX": ""}

    result = run_task(service, "update", **set_by_git)

    assert result.returncode == 0, result.stdout + result.stderr
    assert git("status", "--porcelain", cwd=service) == ""
    assert files_of(service) == files


@pytest.mark.thorough
def test_the_lock_file_is_brought_up_to_date(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    SCENARIOS["the lock file is committed"].edit(service)
    commit_all(service)

    merge_the_update(service)

    subprocess.run(["uv", "lock", "--check", "--quiet"], cwd=service, check=True)
    assert git("status", "--porcelain", cwd=service) == ""


def test_tests_that_fail_since_the_update_are_reported(own_template: Path, tmp_path: Path) -> None:
    routes = own_template / "template/app/health/routes.py"
    replace(routes, "/livez", "/alive")
    release(own_template, "10000.0.0")
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")

    result = run_task(service, "update")

    assert result.returncode == 1
    assert result.stderr == (
        "Its tests fail; before the update, they pass. To fix them: git switch template-10000.0.0\n"
    )
    git("switch", "--quiet", "template-10000.0.0", cwd=service)
    assert "/alive" in (service / "app/health/routes.py").read_text()


@pytest.mark.usefixtures("quick_update")
def test_tests_that_failed_before_are_reported(
    template: Path, tmp_path: Path, own_uv: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    insert_first(own_uv, 'if [ "$*" = "run --quiet pytest -q" ]; then exit 1; fi')

    result = run_task(service, "update")

    assert result.returncode == 1
    assert "\nIts tests fail. Do they before the update?\n" in result.stdout
    assert result.stderr == (
        "Its tests fail, and did so before the update, too (in a fresh checkout, "
        f"without the files that git ignores). To fix them: git switch {BRANCH}\n"
    )


@pytest.mark.usefixtures("quick_update")
def test_a_lock_file_with_changes_is_part_of_the_update(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    write(service / "uv.lock", "version = 1\n")
    commit_all(service)
    append(service / "uv.lock", "revision = 2\n")

    result = run_task(service, "update")

    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(
        "uv.lock has changes that are not committed: the branch has them, too.\n"
        "Its tests pass.\n"
        f"    to read it:  git diff main...{BRANCH}\n"
        f"    to merge it: git restore uv.lock && git merge {BRANCH}\n"
    )
    assert git("show", f"{BRANCH}:uv.lock", cwd=service) == "version = 1\nrevision = 2\n"


@pytest.mark.usefixtures("quick_update")
def test_a_question_is_answered_anew(template: Path, tmp_path: Path) -> None:
    answers: Answers = {"example": False}
    service = copy_of_release(template, TIP, answers, tmp_path / "service")

    merge_the_update(service, "--data", "container=false")

    assert not (service / "Dockerfile").exists()
    assert not (service / "app/tasks").exists()


@pytest.mark.usefixtures("quick_update")
def test_an_answer_that_is_the_same_changes_nothing(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    before = state_of(service)

    result = run_task(service, "update", "--data", "container=true")

    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("That is what this service has: there is nothing to update.\n")
    assert state_of(service) == before


@pytest.mark.usefixtures("quick_update")
def test_an_update_to_an_older_release_warns(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    result = run_task(service, "update", "--to", "0.2.0")

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        "Warning: 0.2.0 is older than 0.3.0, so this removes what 0.3.0 added.\n"
        "Updating from 0.3.0 to 0.2.0 ...\n"
    )
    assert git("branch", "--list", "template-0.2.0", cwd=service)


# ── What it refuses, with the service as it was ──────────────────────────────


def test_changes_that_are_not_committed_are_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    append(service / "README.md", "ours\n")
    write(service / "notes.txt", "ours\n")

    assert_refused(service, "Commit or stash these changes first")


def test_a_service_on_no_branch_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("switch", "--quiet", "--detach", cwd=service)

    assert_refused(service, "You are on no branch")


def test_answers_that_are_not_committed_are_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("rm", "--quiet", "--cached", ".copier-answers.yml", cwd=service)
    append(service / ".gitignore", ".copier-answers.yml\n")
    commit_all(service)

    sentence = "pathspec '.copier-answers.yml' did not match any file(s) known to git\n"
    assert_refused(service, f"error: {sentence}")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("databse=sqlite", "--data databse=sqlite: the template has no question databse"),
        ("_commit=5", "--data _commit=5: the template has no question _commit"),
        ("container", "--data container: write the name of a question, =, and the answer."),
        ("database=oracle", "ValueError: Invalid choice for 'database'"),
    ],
)
@pytest.mark.usefixtures("quick_update")
def test_an_answer_that_makes_no_sense_is_refused(
    template: Path, tmp_path: Path, answer: str, sentence: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    assert_refused(service, sentence, "--data", answer)


def test_a_branch_that_is_there_already_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("switch", "--quiet", "--create", BRANCH, cwd=service)
    commit_all(service)
    git("switch", "--quiet", "main", cwd=service)

    assert_refused(service, f"There is a branch {BRANCH} already: `git merge")


@pytest.mark.thorough
@pytest.mark.usefixtures("quick_update")
def test_a_branch_that_cannot_be_made_is_told(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("branch", f"{BRANCH}/ours", cwd=service)

    new = f"refs/heads/{BRANCH}"
    assert_refused(service, f"fatal: cannot lock ref '{new}': '{new}/ours' exists")


@pytest.mark.parametrize("version", ["7.7.7", "0.*"])
def test_a_release_that_does_not_exist_is_refused(
    template: Path, tmp_path: Path, version: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    sentence = f"There is no release, branch or commit {version} of the template"
    assert_refused(service, sentence, "--to", version)


def test_a_template_without_releases_is_refused(own_template: Path, tmp_path: Path) -> None:
    git("tag", "--delete", *git("tag", cwd=own_template).split(), cwd=own_template)
    service = copy_of_release(own_template, "HEAD", {}, tmp_path / "service")

    assert_refused(service, "The template has no tags, and so no release to update to.")


def test_a_template_that_cannot_be_reached_leaves_the_service_as_it_was(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.3.0", {}, tmp_path / "service")
    own_template.rename(tmp_path / "elsewhere")

    assert_refused(service, f"The template in {own_template} can't be used: fatal: ")


@pytest.mark.usefixtures("quick_update")
def test_a_commit_that_cannot_be_signed_is_told_before_the_tests_run(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("config", "commit.gpgSign", "true", cwd=service)
    git("config", "gpg.program", "false", cwd=service)

    assert_refused(service, "error: gpg failed to sign the data")


# ── An update that is stopped ────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("running", "sent"),
    [
        ("recopy --quiet", signal.SIGTERM),
        ("{second copy}", signal.SIGINT),
        pytest.param("pytest -q", signal.SIGINT, marks=pytest.mark.thorough),
        pytest.param("pytest -q", signal.SIGTERM, marks=pytest.mark.thorough),
        ("pytest -q", signal.SIGKILL),
    ],
)
def test_an_update_that_is_stopped_leaves_the_service_as_it_was(
    template: Path, tmp_path: Path, running: str, sent: signal.Signals
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    files, branches, status, trees = state_of(service)

    until = running.replace("{second copy}", second_copy(template))
    process = start_update(service, until=until)
    os.killpg(process.pid, sent)  # as a terminal does: to all of its processes

    process.communicate()
    assert process.returncode != 0
    assert state_of(service)[:3] == (files, branches, status)
    if sent != signal.SIGKILL:
        assert state_of(service)[3] == trees


def test_a_program_that_does_not_end_after_ctrl_c_is_ended(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), started("sleep", "20", folder=tmp_path) as program:
        raise KeyboardInterrupt

    assert program.returncode == -signal.SIGTERM


@pytest.mark.usefixtures("quick_update")
def test_what_a_killed_update_has_left_does_not_disturb_the_next_one(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("worktree", "add", "--quiet", "--detach", str(tmp_path / "killed"), cwd=service)
    shutil.rmtree(tmp_path / "killed")

    assert run_task(service, "update").returncode == 0
