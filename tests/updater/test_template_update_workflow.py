"""The workflow that opens a pull request each week in which the template has a newer release.

A few tests run it with the real updater; the others with a stand-in that leaves the same behind.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from evergreen.edits import add_a_dependency, write
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from evergreen.suites import own_environment
from tests.updater.conftest import insert_first
from tests.updater.git_server import Access, git_server
from tests.updater.github import JOB_TOKEN, TEMPLATE_TOKEN, UPDATE_TOKEN, WORKFLOW, GitHub
from tests.updater.task_runs import NEXT, release_next

BRANCH = f"template-{NEXT}"
NEWER = "10000.10.0"
BOT = "41898282+github-actions[bot]@users.noreply.github.com"
CHANGED = "app/health/routes.py"
"""The file of services that the next release changes."""


@pytest.fixture
def github(template: Path, tmp_path: Path) -> Iterator[GitHub]:
    """A repository with a service of the tip."""
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    (tmp_path / "github").mkdir()
    with git_server(tmp_path / "github") as server:
        github = GitHub(server)
        github.create_repository(service)
        yield github


def record_address(github: GitHub, address: str) -> None:
    answers = github.text_of("main", ".copier-answers.yml")
    recorded = re.sub("(?m)^_src_path: .*$", f"_src_path: {address}", answers)
    github.commit_by_a_person("main", ".copier-answers.yml", recorded)


@pytest.fixture
def newer_template(
    github: GitHub, own_template: Path, installed_before: None, quick_update: None
) -> Path:
    """The template of the service, with a newer release; the real updater reads it."""
    record_address(github, str(own_template))
    release_next(own_template)
    return own_template


STAND_IN = """\
#!/bin/sh
eval folder=\\$$#
address=$(sed -n "s/^_src_path: //p" .copier-answers.yml)
version=$(git ls-remote --tags "$address" | sed "s,.*refs/tags/,," | sort -V | tail -n 1)
branch="template-${FOLDER_OF_SERVICE:+$FOLDER_OF_SERVICE-}$version"
git switch --quiet --create "$branch"
echo "$version" >> "${PATH_TO_CHANGE:-version.txt}"
git add --all
git commit --quiet --message "Update from the template"
git switch --quiet -
echo "$branch" > "$folder/branch"
echo "Update from the template to $version" > "$folder/title"
echo "Its tests ${TESTS:-pass}." > "$folder/body.md"
[ "$TESTS" != fail ] || : > "$folder/draft"
"""


@pytest.fixture
def releases(github: GitHub, own_uv: Path, tmp_path: Path) -> Path:
    """A template with nothing but releases, and a stand-in for the updater."""
    template = tmp_path / "releases"
    write(template / "README.md", "A template.\n")
    release(template, NEXT)
    record_address(github, str(template))
    own_uv.write_text(STAND_IN)
    return template


# ── The pull request ─────────────────────────────────────────────────────────


@pytest.mark.usefixtures("installed_before", "quick_update")
def test_nothing_is_opened_without_a_newer_release(github: GitHub) -> None:
    run = github.run_workflow()

    assert run.passed, run.output
    assert run.jobs == ["update"]
    assert github.pull_requests == []
    assert github.branches == ["main"]


@pytest.mark.usefixtures("newer_template")
def test_a_newer_release_becomes_a_pull_request(github: GitHub) -> None:

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert pull_request["title"] == f"Update from the template, {TIP} to {NEXT}"
    assert (pull_request["headRefName"], pull_request["baseRefName"]) == (BRANCH, "main")
    assert not pull_request["isDraft"]
    assert CHANGED in github.files_changed_by(BRANCH)
    assert github.authors_of(BRANCH) == {BOT}


@pytest.mark.usefixtures("newer_template")
def test_a_conflict_becomes_a_draft_with_its_reason(github: GitHub) -> None:
    text = github.text_of("main", CHANGED)
    github.commit_by_a_person("main", CHANGED, f"{text}\n\n# Ours.\n")

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert pull_request["isDraft"]
    assert CHANGED in pull_request["body"]
    assert "you and the template changed the same lines" in pull_request["body"]
    assert "\n<<<<<<< " in github.text_of(BRANCH, CHANGED)


@pytest.mark.usefixtures("newer_template")
def test_red_tests_become_a_draft(github: GitHub, own_uv: Path) -> None:
    insert_first(
        own_uv, f'if [ "$*" = "run --quiet pytest -q" ]; then ! grep Newer {CHANGED}; exit; fi'
    )

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert pull_request["isDraft"]
    assert "Its tests fail; before the update, they pass." in pull_request["body"]


@pytest.mark.usefixtures("releases")
@pytest.mark.thorough
def test_a_plan_without_drafts_gets_an_ordinary_pull_request(
    github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.change_settings("no drafts")
    monkeypatch.setenv("TESTS", "fail")

    run = github.run_workflow()

    assert run.passed, run.output
    assert [pull["isDraft"] for pull in github.pull_requests] == [False]


@pytest.mark.usefixtures("releases")
@pytest.mark.thorough
def test_a_pull_request_that_was_refused_is_opened_the_week_after(github: GitHub) -> None:
    github.change_settings("no pull requests")
    refused = github.run_workflow()
    github.change_settings()

    run = github.run_workflow()

    assert not refused.passed
    assert "::error::docs/updates.md says" in refused.output
    assert run.passed, run.output
    assert [pull["headRefName"] for pull in github.pull_requests] == [BRANCH]


# ── The weeks after ──────────────────────────────────────────────────────────


@pytest.mark.usefixtures("releases")
def test_an_untouched_branch_is_refreshed_when_main_has_moved_on(
    github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.run_workflow()
    first = github.commit_of(BRANCH)
    same = github.run_workflow()
    assert same.passed, same.output
    assert github.commit_of(BRANCH) == first

    github.commit_by_a_person("main", "docs/ours.md", "Ours.\n")
    monkeypatch.setenv("TESTS", "fail")
    run = github.run_workflow()

    assert run.passed, run.output
    assert git("merge-base", BRANCH, "main", cwd=github.origin).strip() == github.commit_of("main")
    assert github.files_changed_by(BRANCH) == ["version.txt"]
    [pull_request] = github.pull_requests
    assert pull_request["isDraft"]
    assert pull_request["body"] == "Its tests fail.\n"


@pytest.mark.usefixtures("releases")
@pytest.mark.thorough
def test_a_draft_is_marked_ready_when_main_makes_its_tests_pass(
    github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTS", "fail")
    github.run_workflow()
    github.commit_by_a_person("main", "docs/ours.md", "Ours.\n")
    monkeypatch.setenv("TESTS", "pass")

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert not pull_request["isDraft"]
    assert pull_request["body"] == "Its tests pass.\n"


@pytest.mark.usefixtures("releases")
def test_a_branch_that_a_person_has_pushed_to_is_left_alone(github: GitHub) -> None:
    github.run_workflow()
    github.commit_by_a_person(BRANCH, "docs/ours.md", "Ours.\n")
    github.commit_by_a_person("main", "docs/other.md", "Ours, too.\n")
    commit, pull_requests = github.commit_of(BRANCH), github.pull_requests

    run = github.run_workflow()

    assert run.passed, run.output
    assert f"::notice::Someone has worked on {BRANCH}, so it is left alone." in run.output
    assert github.commit_of(BRANCH) == commit
    assert github.pull_requests == pull_requests


def test_a_newer_release_closes_the_pull_request_of_the_older_one(
    github: GitHub, releases: Path
) -> None:
    github.run_workflow()
    release(releases, NEWER)

    run = github.run_workflow()

    assert run.passed, run.output
    older, newest = github.pull_requests
    assert (older["headRefName"], older["state"]) == (BRANCH, "CLOSED")
    assert older["comments"] == [f"The template has a newer release: #{newest['number']}."]
    assert (newest["headRefName"], newest["state"]) == (f"template-{NEWER}", "OPEN")


@pytest.mark.usefixtures("releases")
@pytest.mark.thorough
def test_a_pull_request_that_was_closed_is_not_opened_again(github: GitHub) -> None:
    github.run_workflow()
    github.set_state(1, "CLOSED")
    github.commit_by_a_person("main", "docs/ours.md", "Ours.\n")

    run = github.run_workflow()

    assert run.passed, run.output
    assert "::notice::The pull request of" in run.output
    assert [pull["state"] for pull in github.pull_requests] == ["CLOSED"]


# ── Locks, monorepos, private templates ──────────────────────────────────────


@pytest.mark.usefixtures("newer_template")
@pytest.mark.thorough
def test_a_stale_lock_file_is_no_obstacle(github: GitHub, tmp_path: Path) -> None:
    service = tmp_path / "locked"
    git("clone", "--quiet", str(github.origin), str(service), cwd=tmp_path)
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, env=own_environment(), check=True)
    github.commit_by_a_person("main", "uv.lock", (service / "uv.lock").read_text())
    add_a_dependency(service)
    github.commit_by_a_person("main", "pyproject.toml", (service / "pyproject.toml").read_text())

    run = github.run_workflow()

    assert run.passed, run.output
    assert [pull["headRefName"] for pull in github.pull_requests] == [BRANCH]


ADDRESSES = {
    "https": "{server}/platform/template.git",
    "scp": "git@{host}:platform/template.git",
    "ssh": "ssh://git@{host}/platform/template.git",
}


@pytest.fixture
def private_template(github: GitHub, releases: Path) -> None:
    """The template is on the server, where only its token can read it."""
    private = github.server.folder / "platform/template.git"
    git("clone", "--quiet", "--bare", str(releases), str(private), cwd=releases)
    github.server.access["platform"] = Access(readers={TEMPLATE_TOKEN})


@pytest.mark.usefixtures("private_template")
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_private_template_is_read_with_a_token_that_nothing_else_sees(
    github: GitHub, own_uv: Path, tmp_path: Path, address: str
) -> None:
    server = github.server.address
    record_address(github, address.format(server=server, host=server.removeprefix("http://")))
    variables = tmp_path / "github/variables"
    insert_first(own_uv, f"env >> {variables}")

    run = github.run_workflow(TEMPLATE_TOKEN=TEMPLATE_TOKEN, TEMPLATE_UPDATE_TOKEN=UPDATE_TOKEN)

    assert run.passed, run.output
    assert github.files_changed_by(BRANCH) == ["version.txt"]
    assert "RUNNER_TEMP=" in variables.read_text()
    written = [path for path in (tmp_path / "github").rglob("*") if path.is_file()]
    tokens = (TEMPLATE_TOKEN, UPDATE_TOKEN, JOB_TOKEN)
    assert [
        path
        for path in written
        for token in tokens
        if token.encode() in path.read_bytes() and "hooks" not in path.parts
    ] == []


@pytest.mark.usefixtures("private_template")
@pytest.mark.thorough
def test_a_private_template_without_a_token_is_said(github: GitHub) -> None:
    address = f"{github.server.address}/platform/template.git"
    record_address(github, address)

    run = github.run_workflow()

    assert not run.passed
    assert run.jobs == ["update"]
    assert f"::error::{address} can't be read: see docs/updates.md, A private temp" in run.output


@pytest.mark.parametrize(
    ("short", "address"),
    [
        ("gh:acme/template", "https://github.com/acme/template"),
        ("gl:acme/template", "https://gitlab.com/acme/template"),
        ("'git+https://github.com/acme/template'", "https://github.com/acme/template"),
    ],
)
@pytest.mark.thorough
def test_short_addresses_are_understood(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, short: str, address: str
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no test reaches another machine
    record_address(github, short)

    run = github.run_workflow()

    assert f"::error::{address} can't be read" in run.output


@pytest.mark.usefixtures("newer_template")
def test_a_service_in_a_folder_needs_one_line_of_the_workflow_changed(
    github: GitHub, tmp_path: Path
) -> None:
    service, repository = tmp_path / "clone", tmp_path / "repository"
    git("clone", "--quiet", str(github.origin), str(service), cwd=tmp_path)
    shutil.move(service, repository / "services/a")
    shutil.rmtree(repository / "services/a/.git")
    own = (repository / "services/a" / WORKFLOW).read_text()
    own = own.replace("working-directory: .", "working-directory: services/a")
    write(repository / ".github/workflows/a.yml", own)
    commit_all(repository)
    shutil.rmtree(github.origin)
    github.create_repository(repository)

    run = github.run_workflow(".github/workflows/a.yml")

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    branch = pull_request["headRefName"]
    assert branch == f"template-services-a-{NEXT}"
    assert f"services/a/{CHANGED}" in github.files_changed_by(branch)
    assert all(path.startswith("services/a/") for path in github.files_changed_by(branch))


@pytest.mark.thorough
def test_a_newer_release_closes_no_pull_request_of_another_service(
    github: GitHub, releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = ["services-a", "services", "services-a-b", "services-2"]
    for folder in folders:
        monkeypatch.setenv("FOLDER_OF_SERVICE", folder)
        github.run_workflow()
    release(releases, NEWER)
    monkeypatch.setenv("FOLDER_OF_SERVICE", "services")

    run = github.run_workflow()

    assert run.passed, run.output
    closed = [pull["headRefName"] for pull in github.pull_requests if pull["state"] == "CLOSED"]
    assert closed == [f"template-services-{NEXT}"]


# ── What the tokens can do ───────────────────────────────────────────────────


@pytest.mark.usefixtures("releases")
@pytest.mark.thorough
def test_an_update_of_workflows_needs_a_token_with_that_permission(
    github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH_TO_CHANGE", ".github/workflows/ci.yml")

    refused = github.run_workflow()
    run = github.run_workflow(TEMPLATE_UPDATE_TOKEN=UPDATE_TOKEN)

    assert not refused.passed
    assert "refusing to allow a GitHub App to create or update a workflow" in refused.output
    assert "::error::docs/updates.md says what a push and a pull request need." in refused.output
    assert run.passed, run.output
    assert github.files_changed_by(BRANCH) == [".github/workflows/ci.yml"]


FORGERY = """\
#!/bin/sh
eval folder=\\$$#
git update-ref refs/heads/production "$(git commit-tree -p HEAD -m Forged HEAD^{tree})"
echo production > "$folder/branch"
echo Forged | tee "$folder/title" > "$folder/body.md"
"""


@pytest.mark.usefixtures("releases")
@pytest.mark.thorough
def test_code_that_the_tests_run_cannot_push_to_another_branch(
    github: GitHub, own_uv: Path
) -> None:
    own_uv.write_text(FORGERY)
    git("branch", "production", "main", cwd=github.origin)

    run = github.run_workflow(TEMPLATE_UPDATE_TOKEN=UPDATE_TOKEN)

    assert run.jobs == ["update", "propose"]
    assert not run.passed
    assert github.commit_of("production") == github.commit_of("main")
    assert github.pull_requests == []


def test_code_of_the_service_runs_without_secrets_and_permissions(github: GitHub) -> None:
    workflow = yaml.safe_load(github.text_of("main", WORKFLOW))
    runs_code = workflow["jobs"]["update"]

    assert runs_code["permissions"] == {"contents": "read"}
    assert [step["name"] for step in runs_code["steps"] if "secrets." in str(step)] == [
        "Copy the template"
    ]
    assert "uv" not in str([step.get("run") for step in workflow["jobs"]["propose"]["steps"]])
