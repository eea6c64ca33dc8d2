"""Updates to and from releases, candidates, branches and commits, withdrawn ones included."""

from pathlib import Path

import pytest

from evergreen.edits import append, replace
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from tests.updater.task_runs import NEXT, assert_refused, merge_the_update, release_next, run_task

pytestmark = pytest.mark.usefixtures("quick_update")

CANDIDATE = "10000.0.0rc1"


def recorded(service: Path) -> str:
    answers = (service / ".copier-answers.yml").read_text()
    return next(line for line in answers.splitlines() if line.startswith("_commit: "))


@pytest.fixture
def service(own_template: Path, tmp_path: Path) -> Path:
    return copy_of_release(own_template, TIP, {}, tmp_path / "service")


# ── Candidates ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [CANDIDATE, f"v{CANDIDATE}"])
def test_a_candidate_is_tried_by_its_name(own_template: Path, service: Path, name: str) -> None:
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(own_template, CANDIDATE)

    merge_the_update(service, "--to", name)

    assert recorded(service) == f"_commit: {CANDIDATE}"
    assert "# Newer." in (service / "app/health/routes.py").read_text()


def test_a_candidate_is_not_the_newest_release(own_template: Path, service: Path) -> None:
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(own_template, CANDIDATE)

    assert run_task(service, "check").stdout == (
        f"This service is up to date: {TIP} is the newest release of its template.\n"
    )
    assert run_task(service, "update").stdout == (
        f"This service is made from {TIP} already; the newest release is {TIP}.\n"
    )


def test_a_service_of_a_candidate_is_not_called_newest(own_template: Path, tmp_path: Path) -> None:
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(own_template, CANDIDATE)
    service = copy_of_release(own_template, CANDIDATE, {}, tmp_path / "service")

    assert run_task(service, "check").stdout == (
        f"This service is made from {CANDIDATE}, which is newer; "
        f"the newest release of its template is {TIP}.\n"
    )


def test_a_release_of_the_commit_of_a_candidate_is_up_to_date(
    own_template: Path, tmp_path: Path
) -> None:
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(own_template, CANDIDATE)
    service = copy_of_release(own_template, CANDIDATE, {}, tmp_path / "service")
    git("tag", NEXT, cwd=own_template)

    assert run_task(service, "check").stdout == (
        f"This service is up to date: {NEXT} is the newest release of its template.\n"
    )


def test_a_commit_with_two_tags_is_recorded_as_the_release(
    own_template: Path, service: Path
) -> None:
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(own_template, CANDIDATE)
    git("tag", NEXT, cwd=own_template)

    merge_the_update(service)

    assert recorded(service) == f"_commit: {NEXT}"


@pytest.mark.parametrize("by_name", [True, False])
def test_a_branch_or_commit_is_tried(own_template: Path, service: Path, by_name: bool) -> None:
    git("switch", "--quiet", "--create", "feature/next", cwd=own_template)
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    commit_all(own_template)
    commit = git("rev-parse", "HEAD", cwd=own_template).strip()
    git("switch", "--quiet", "-", cwd=own_template)

    merge_the_update(service, "--to", "feature/next" if by_name else commit)

    assert recorded(service) == f"_commit: {TIP}-1-g{commit[:7]}"
    assert "# Newer." in (service / "app/health/routes.py").read_text()
    assert run_task(service, "check").stdout == (
        f"This service is made from {TIP}-1-g{commit[:7]}, which is newer; "
        f"the newest release of its template is {TIP}.\n"
    )


@pytest.mark.parametrize("tag", ["v10000.0.0", "V10000.0", "10000", "10000.0.0.post1"])
def test_tags_have_many_forms(own_template: Path, service: Path, tag: str) -> None:
    append(own_template / "template/app/health/routes.py", "\n\n# Newer.\n")
    release(own_template, tag)

    merge_the_update(service)

    assert recorded(service) == f"_commit: {tag}"


# ── Releases that were withdrawn ─────────────────────────────────────────────


def withdraw(template: Path, version: str) -> None:
    """In the changelog, as Keep a Changelog has it."""
    append(template / "CHANGELOG.md", f"\n## [{version}] - 2030-01-01 [YANKED]\n")
    commit_all(template)


def test_a_service_of_a_release_without_a_tag_is_updated(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.3.0", {}, tmp_path / "service")
    git("tag", "--delete", "0.3.0", cwd=own_template)

    assert run_task(service, "check").stdout.startswith(
        "This service is made from 0.3.0, which its template does not have any more; "
        f"the newest release of its template is {TIP}.\n"
    )
    merge_the_update(service)

    assert recorded(service) == f"_commit: {TIP}"


def test_a_service_of_a_commit_that_is_gone_is_updated_from_the_nearest_release(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.3.0", {}, tmp_path / "service")
    replace(service / ".copier-answers.yml", "_commit: 0.3.0", "_commit: 0.3.0-2-g1234567")
    commit_all(service)

    assert_refused(
        service,
        "This service is made from 0.3.0-2-g1234567, which the template does not have any more.\n"
        f"Name the release that is nearest to it: --from {TIP}\n",
    )
    merge_the_update(service, "--from", "0.3.0")

    assert recorded(service) == f"_commit: {TIP}"


def test_a_withdrawn_release_is_not_the_newest(own_template: Path, tmp_path: Path) -> None:
    service = copy_of_release(own_template, "0.5.0", {}, tmp_path / "service")
    release_next(own_template)
    withdraw(own_template, NEXT)

    merge_the_update(service)

    assert recorded(service) == f"_commit: {TIP}"


def test_a_service_of_a_withdrawn_release_is_told_the_way_back(
    own_template: Path, tmp_path: Path
) -> None:
    release_next(own_template)
    service = copy_of_release(own_template, NEXT, {}, tmp_path / "service")
    withdraw(own_template, NEXT)

    assert run_task(service, "check").stdout == (
        f"This service is made from {NEXT}, which was withdrawn; "
        f"the newest release of its template is {TIP}.\n\n"
        f"To update: uv run poe template-update --to {TIP}\n"
    )
    merge_the_update(service, "--to", TIP)

    assert recorded(service) == f"_commit: {TIP}"


def test_an_update_to_a_withdrawn_release_warns(own_template: Path, service: Path) -> None:
    release_next(own_template)
    withdraw(own_template, NEXT)

    result = run_task(service, "update", "--to", NEXT)

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        f"Warning: {NEXT} was withdrawn, says the changelog of the template.\n"
    )


# ── A template that has moved, answers with another name, older branches ─────


def test_a_template_that_has_moved_is_recorded(
    own_template: Path, service: Path, tmp_path: Path
) -> None:
    release_next(own_template)
    moved = tmp_path / "it's here: now"
    own_template.rename(moved)

    merge_the_update(service, "--template", str(moved))

    assert run_task(service, "check").stdout.startswith("This service is up to date")
    assert "it''s here: now'\n" in (service / ".copier-answers.yml").read_text()


def test_only_the_address_of_a_template_can_be_updated(
    own_template: Path, service: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    own_template.rename(moved)

    merge_the_update(service, "--template", str(moved))

    assert git("diff", "--name-only", "HEAD~1", cwd=service) == ".copier-answers.yml\n"
    assert f"_src_path: {moved}\n" in (service / ".copier-answers.yml").read_text()


def test_answers_may_have_another_name(own_template: Path, service: Path) -> None:
    (service / ".copier-answers.yml").rename(service / ".copier-answers.service.yml")
    commit_all(service)
    release_next(own_template)
    option = "--answers-file=.copier-answers.service.yml"

    assert f"is {NEXT}." in run_task(service, "check", option).stdout
    merge_the_update(service, option)

    assert f"_commit: {NEXT}\n" in (service / ".copier-answers.service.yml").read_text()
    assert not (service / ".copier-answers.yml").exists()
    assert run_task(service, "diff", option).returncode == 0


def test_a_branch_that_was_merged_is_used_again(own_template: Path, service: Path) -> None:
    release_next(own_template)
    merge_the_update(service)

    merge_the_update(service, "--data", "container=false")

    assert not (service / "Dockerfile").exists()


def test_a_branch_of_an_older_update_is_named(own_template: Path, tmp_path: Path) -> None:
    service = copy_of_release(own_template, "0.3.0", {}, tmp_path / "service")
    run_task(service, "update", "--to", "0.4.0")

    result = run_task(service, "update")

    assert result.returncode == 0, result.stderr
    assert (
        "The branch template-0.4.0 has an older update, which is part of this one: "
        "`git branch -D template-0.4.0` deletes it.\n"
    ) in result.stdout


# ── What it runs ─────────────────────────────────────────────────────────────


def test_the_tests_can_be_left_out(own_template: Path, service: Path) -> None:
    replace(own_template / "template/app/health/routes.py", "/livez", "/alive")
    release(own_template, NEXT)

    result = run_task(service, "update", "--no-tests")

    assert result.returncode == 0, result.stderr
    assert "\nIts tests were not run.\n" in result.stdout


@pytest.mark.parametrize("name", ["nothing", "9.9.9", "-x", "", "main "])
def test_a_target_that_does_not_exist_is_refused(service: Path, name: str) -> None:
    sentence = f"There is no release, branch or commit {name} of the template; "
    assert_refused(service, f"{sentence}the newest release is {TIP}.", f"--to={name}")
