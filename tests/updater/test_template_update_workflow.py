"""The workflow that opens a pull request each week in which the template has a newer release."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from evergreen.edits import add_a_dependency, append, write
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from evergreen.suites import own_environment
from tests.updater.conftest import insert_first
from tests.updater.git_server import Access, git_server
from tests.updater.github import (
    JOB_TOKEN,
    TEMPLATE_TOKEN,
    UPDATE_TOKEN,
    WORKFLOW,
    GitHub,
)
from tests.updater.task_runs import NEXT, release_next

pytestmark = pytest.mark.usefixtures("installed_before", "quick_update")

BRANCH = f"template-{NEXT}"
BOT = "41898282+github-actions[bot]@users.noreply.github.com"
CHANGED = "app/health/routes.py"
"""The file of services that the next release changes."""


@pytest.fixture
def github(own_template: Path, tmp_path: Path) -> Iterator[GitHub]:
    """A repository with a service of the tip."""
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    (tmp_path / "github").mkdir()
    with git_server(tmp_path / "github") as server:
        github = GitHub(server)
        github.create_repository(service)
        yield github


def make_the_tests_fail(own_uv: Path) -> None:
    insert_first(own_uv, 'case "$*" in *pytest*) echo "1 failed"; exit 1 ;; esac')


def release_a_change(template: Path, version: str, path: str = CHANGED) -> str:
    append(template / "template" / path, f"\n\n# Of {version}.\n")
    release(template, version)
    return f"template-{version}"


# ── The pull request ─────────────────────────────────────────────────────────


def test_nothing_is_opened_without_a_newer_release(github: GitHub) -> None:
    run = github.run_workflow()

    assert run.passed, run.output
    assert run.jobs == ["update"]
    assert github.pull_requests == []
    assert github.branches == ["main"]


def test_a_newer_release_becomes_a_pull_request(github: GitHub, own_template: Path) -> None:
    release_next(own_template)

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert pull_request["title"] == f"Update from the template, {TIP} to {NEXT}"
    assert (pull_request["headRefName"], pull_request["baseRefName"]) == (BRANCH, "main")
    assert not pull_request["isDraft"]
    assert CHANGED in github.files_changed_by(BRANCH)
    assert github.authors_of(BRANCH) == {BOT}


def test_a_conflict_becomes_a_draft_with_its_reason(github: GitHub, own_template: Path) -> None:
    text = github.text_of("main", CHANGED)
    github.commit_by_a_person("main", CHANGED, f"{text}\n\n# Ours.\n")
    release_next(own_template)

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert pull_request["isDraft"]
    assert CHANGED in pull_request["body"]
    assert "you and the template changed the same lines" in pull_request["body"]
    assert "\n<<<<<<< " in github.text_of(BRANCH, CHANGED)


def test_red_tests_become_a_draft(github: GitHub, own_template: Path, own_uv: Path) -> None:
    release_next(own_template)
    make_the_tests_fail(own_uv)

    run = github.run_workflow()

    assert run.passed, run.output
    [pull_request] = github.pull_requests
    assert pull_request["isDraft"]
    assert "fail" in pull_request["body"]


def test_a_plan_without_drafts_gets_an_ordinary_pull_request(
    github: GitHub, own_template: Path, own_uv: Path
) -> None:
    github.change_settings("no drafts")
    release_next(own_template)
    make_the_tests_fail(own_uv)

    run = github.run_workflow()

    assert run.passed, run.output
    assert [pull["isDraft"] for pull in github.pull_requests] == [False]


def test_a_pull_request_that_was_refused_is_opened_the_week_after(
    github: GitHub, own_template: Path
) -> None:
    release_next(own_template)
    github.change_settings("no pull requests")
    refused = github.run_workflow()
    github.change_settings()

    run = github.run_workflow()

    assert not refused.passed
    assert "::error::docs/updates.md says" in refused.output
    assert run.passed, run.output
    assert [pull["headRefName"] for pull in github.pull_requests] == [BRANCH]


# ── The weeks after ──────────────────────────────────────────────────────────


def test_an_untouched_branch_is_refreshed_when_main_has_moved_on(
    github: GitHub, own_template: Path, own_uv: Path
) -> None:
    release_next(own_template)
    github.run_workflow()
    first = github.commit_of(BRANCH)
    same = github.run_workflow()
    assert same.passed, same.output
    assert github.commit_of(BRANCH) == first

    github.commit_by_a_person("main", "docs/ours.md", "Ours.\n")
    make_the_tests_fail(own_uv)
    run = github.run_workflow()

    assert run.passed, run.output
    assert git("merge-base", BRANCH, "main", cwd=github.origin).strip() == github.commit_of("main")
    assert CHANGED in github.files_changed_by(BRANCH)
    assert [pull["isDraft"] for pull in github.pull_requests] == [True]


def test_a_draft_that_has_been_helped_is_marked_ready(github: GitHub, own_template: Path) -> None:
    before = github.text_of("main", CHANGED)
    github.commit_by_a_person("main", CHANGED, f"{before}\n\n# Ours.\n")
    release_next(own_template)
    github.run_workflow()

    github.commit_by_a_person("main", CHANGED, before)
    run = github.run_workflow()

    assert run.passed, run.output
    assert [pull["isDraft"] for pull in github.pull_requests] == [False]


def test_a_branch_that_a_person_has_pushed_to_is_left_alone(
    github: GitHub, own_template: Path
) -> None:
    release_next(own_template)
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
    github: GitHub, own_template: Path
) -> None:
    release_next(own_template)
    github.run_workflow()
    newer = release_a_change(own_template, "10000.10.0")

    run = github.run_workflow()

    assert run.passed, run.output
    older, newest = github.pull_requests
    assert (older["headRefName"], older["state"]) == (BRANCH, "CLOSED")
    assert older["comments"] == [f"The template has a newer release: #{newest['number']}."]
    assert (newest["headRefName"], newest["state"]) == (newer, "OPEN")


def test_a_pull_request_that_was_closed_is_not_opened_again(
    github: GitHub, own_template: Path
) -> None:
    release_next(own_template)
    github.run_workflow()
    github.set_state(1, "CLOSED")
    github.commit_by_a_person("main", "docs/ours.md", "Ours.\n")

    run = github.run_workflow()

    assert run.passed, run.output
    assert "::notice::The pull request of" in run.output
    assert [pull["state"] for pull in github.pull_requests] == ["CLOSED"]


# ── Locks, monorepos, private templates ──────────────────────────────────────


def test_a_stale_lock_file_is_no_obstacle(
    github: GitHub, own_template: Path, tmp_path: Path
) -> None:
    service = tmp_path / "locked"
    git("clone", "--quiet", str(github.origin), str(service), cwd=tmp_path)
    subprocess.run(["uv", "lock", "--quiet"], cwd=service, env=own_environment(), check=True)
    github.commit_by_a_person("main", "uv.lock", (service / "uv.lock").read_text())
    add_a_dependency(service)
    github.commit_by_a_person("main", "pyproject.toml", (service / "pyproject.toml").read_text())
    release_next(own_template)

    run = github.run_workflow()

    assert run.passed, run.output
    assert [pull["headRefName"] for pull in github.pull_requests] == [BRANCH]


ADDRESSES = {
    "https": "{server}/platform/template.git",
    "scp": "git@{host}:platform/template.git",
    "ssh": "ssh://git@{host}/platform/template.git",
}


@pytest.fixture
def private_template(github: GitHub, own_template: Path) -> Path:
    """The template with a newer release, on the server, where only its token can read it."""
    release_next(own_template)
    private = github.server.folder / "platform/template.git"
    git("clone", "--quiet", "--bare", str(own_template), str(private), cwd=own_template)
    github.server.access["platform"] = Access(readers={TEMPLATE_TOKEN})
    return private


def record_address(github: GitHub, address: str) -> None:
    answers = github.text_of("main", ".copier-answers.yml")
    recorded = re.sub("(?m)^_src_path: .*$", f"_src_path: {address}", answers)
    github.commit_by_a_person("main", ".copier-answers.yml", recorded)


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
    assert CHANGED in github.files_changed_by(BRANCH)
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
def test_short_addresses_are_understood(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, short: str, address: str
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no test reaches another machine
    record_address(github, short)

    run = github.run_workflow()

    assert f"::error::{address} can't be read" in run.output


def test_services_of_one_repository_have_pull_requests_of_their_own(
    github: GitHub, own_template: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    for name in ("a", "b"):
        shutil.copytree(
            tmp_path / "service",
            repository / "services" / name,
            ignore=shutil.ignore_patterns(".git"),
        )
        text = (tmp_path / "service" / WORKFLOW).read_text()
        own = text.replace("working-directory: .", f"working-directory: services/{name}")
        write(repository / f".github/workflows/{name}.yml", own)
    commit_all(repository)
    shutil.rmtree(github.origin)
    github.create_repository(repository)
    release_next(own_template)
    runs = [github.run_workflow(f".github/workflows/{name}.yml") for name in ("a", "b")]
    newer = release_a_change(own_template, "10000.10.0").removeprefix("template-")

    runs.append(github.run_workflow(".github/workflows/a.yml"))

    assert all(run.passed for run in runs), "\n".join(run.output for run in runs)
    assert [(pull["headRefName"], pull["state"]) for pull in github.pull_requests] == [
        (f"template-services-a-{NEXT}", "CLOSED"),
        (f"template-services-b-{NEXT}", "OPEN"),
        (f"template-services-a-{newer}", "OPEN"),
    ]
    changed = github.files_changed_by(f"template-services-a-{newer}")
    assert {path.split("/")[1] for path in changed} == {"a"}


# ── What the tokens can do ───────────────────────────────────────────────────


def test_an_update_of_workflows_needs_a_token_with_that_permission(
    github: GitHub, own_template: Path
) -> None:
    branch = release_a_change(own_template, NEXT, path=".github/workflows/ci.yml.jinja")

    refused = github.run_workflow()
    run = github.run_workflow(TEMPLATE_UPDATE_TOKEN=UPDATE_TOKEN)

    assert not refused.passed
    assert "refusing to allow a GitHub App to create or update a workflow" in refused.output
    assert "::error::docs/updates.md says what a push and a pull request need." in refused.output
    assert run.passed, run.output
    assert ".github/workflows/ci.yml" in github.files_changed_by(branch)


FORGERY = """\
case "$*" in *--pull-request*)
    eval folder=\\$$#
    git switch --quiet --detach
    git update-ref refs/heads/main "$(git commit-tree -p HEAD -m Forged HEAD^{tree})"
    echo main > "$folder/branch"
    echo Forged | tee "$folder/title" > "$folder/body.md"
    exit ;;
esac"""


def test_code_that_the_tests_run_cannot_push_to_another_branch(
    github: GitHub, own_uv: Path
) -> None:
    insert_first(own_uv, FORGERY)
    before = github.commit_of("main")

    run = github.run_workflow(TEMPLATE_UPDATE_TOKEN=UPDATE_TOKEN)

    assert run.jobs == ["update", "propose"]
    assert not run.passed
    assert github.commit_of("main") == before
    assert github.branches == ["main"]
    assert github.pull_requests == []


def test_code_of_the_service_runs_without_secrets_and_permissions(github: GitHub) -> None:
    workflow = yaml.safe_load(github.text_of("main", WORKFLOW))
    runs_code = workflow["jobs"]["update"]

    assert runs_code["permissions"] == {"contents": "read"}
    assert [step["name"] for step in runs_code["steps"] if "secrets." in str(step)] == [
        "Copy the template"
    ]
    assert "uv" not in str([step.get("run") for step in workflow["jobs"]["propose"]["steps"]])
