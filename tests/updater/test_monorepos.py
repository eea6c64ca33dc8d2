"""A service anywhere in a repository, and several in one."""

import shutil
from pathlib import Path

import pytest

from evergreen.edits import append, replace, write
from evergreen.releases import TIP, commit_all, copy_of_release, fresh_files, git
from evergreen.rendering import differences, files_of
from tests.updater.task_runs import EDITED, assert_refused, run_task, state_of

pytestmark = pytest.mark.usefixtures("quick_update")


@pytest.fixture
def monorepo(template: Path, tmp_path: Path) -> Path:
    """A repository with two services of 0.2.0, and a folder of something else."""
    repository = tmp_path / "all of ours"
    for name in ("services/a", "services/b und c"):
        service = copy_of_release(template, "0.2.0", {}, repository / name)
        shutil.rmtree(service / ".git")
    write(repository / "website/index.html", "<p>ours</p>\n")
    commit_all(repository)
    return repository


def test_an_update_changes_only_its_service(template: Path, monorepo: Path) -> None:
    before = state_of(monorepo)[0]

    result = run_task(monorepo / "services/a", "update")

    branch = f"template-services-a-{TIP}"
    assert result.returncode == 0, result.stdout + result.stderr
    assert state_of(monorepo)[0] == before
    git("merge", "--quiet", "--ff-only", branch, cwd=monorepo)
    assert differences(files_of(monorepo / "services/a"), fresh_files(template, TIP, {})) == []
    outside = git("diff", "--name-only", "HEAD~1", "--", ":!services/a", cwd=monorepo)
    assert outside == ""


def test_the_updates_of_two_services_merge(template: Path, monorepo: Path) -> None:
    for name in ("services/a", "services/b und c"):
        result = run_task(monorepo / name, "update")
        assert result.returncode == 0, result.stdout + result.stderr
    for branch in (f"template-services-a-{TIP}", f"template-services-b-und-c-{TIP}"):
        git("merge", "--quiet", "--no-edit", branch, cwd=monorepo)

    for name in ("services/a", "services/b und c"):
        assert differences(files_of(monorepo / name), fresh_files(template, TIP, {})) == []


def test_a_conflict_is_left_in_the_service(monorepo: Path) -> None:
    service = monorepo / "services/b und c"
    replace(service / "app/db/engine.py", "settings: Settings", EDITED)
    commit_all(monorepo)

    result = run_task(service, "update")

    assert result.returncode == 1
    assert "\n    app/db/engine.py: you and the template changed the same lines\n" in result.stderr
    assert git("diff", "--name-only", "--diff-filter=U", cwd=monorepo) == (
        "services/b und c/app/db/engine.py\n"
    )
    assert git("branch", "--show-current", cwd=monorepo) == f"template-services-b-und-c-{TIP}\n"


def test_diff_is_about_the_service(monorepo: Path) -> None:
    append(monorepo / "services/a/app/main.py", "# ours\n")
    append(monorepo / "services/b und c/app/main.py", "# theirs\n")

    printed = run_task(monorepo / "services/a", "diff").stdout

    assert "+# ours\n" in printed
    assert "+# theirs\n" not in printed
    assert "services/" not in printed


def test_check_works_in_a_part_of_a_repository(monorepo: Path) -> None:
    assert "## [0.4.0]" in run_task(monorepo / "services/a", "check").stdout


def test_new_files_of_another_service_are_not_in_the_way(monorepo: Path) -> None:
    write(monorepo / "services/b und c/notes.txt", "theirs\n")

    assert run_task(monorepo / "services/a", "update").returncode == 0


def test_changed_files_of_others_are_refused_but_not_the_lock_file_above(monorepo: Path) -> None:
    changed = ["services/b und c/README.md", "services/b und c/uv.lock", "website/index.html"]
    for path in (changed[1], "uv.lock"):
        write(monorepo / path, "version = 1\n")
    commit_all(monorepo)
    for path in (*changed, "uv.lock"):
        append(monorepo / path, "\n")

    listed = "".join(f" M {path}\n" for path in changed)
    sentence = "Commit or stash these changes first, then run it again:\n"
    assert_refused(monorepo / "services/a", f"{sentence}{listed}")


def test_a_lock_file_of_the_whole_repository_may_have_been_brought_up_to_date(
    monorepo: Path,
) -> None:
    write(monorepo / "uv.lock", "version = 1\n")

    assert run_task(monorepo / "services/a", "update").returncode == 0


def test_a_service_in_a_submodule_of_a_larger_repository_is_its_own(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    write(tmp_path / "larger/README.md", "ours\n")
    commit_all(tmp_path / "larger")
    allowed = ("-c", "protocol.file.allow=always")
    git(*allowed, "submodule", "--quiet", "add", str(service), "a", cwd=tmp_path / "larger")

    result = run_task(tmp_path / "larger/a", "update")

    assert result.returncode == 0, result.stdout + result.stderr
    assert git("branch", "--list", f"template-{TIP}", cwd=tmp_path / "larger/a")
