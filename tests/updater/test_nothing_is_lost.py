"""`template-update` keeps what Copier or git would lose without a word."""

import subprocess
from pathlib import Path

import pytest

from evergreen.edits import append, write
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from evergreen.rendering import files_of
from evergreen.working_tree import ROOT
from tests.updater.task_runs import (
    BRANCH,
    CONFLICT,
    EDITED,
    assert_conflict,
    assert_refused,
    edited_service,
    merge_the_update,
    second_copy,
    service_with_a_conflict,
    start_update,
)

pytestmark = pytest.mark.usefixtures("quick_update")


# ── The edits that `copier update` loses ─────────────────────────────────────


def test_an_edited_file_of_a_feature_that_is_switched_off_is_kept(
    template: Path, tmp_path: Path
) -> None:
    service = edited_service(template, "Dockerfile", tmp_path / "service")

    line = "Dockerfile: you changed it, the template deleted it"
    assert_conflict(service, line, "--data", "container=false")

    assert (service / "Dockerfile").read_text().endswith("# ours\n")
    assert not (service / "compose.yaml").exists()


def test_an_edited_file_that_the_template_deletes_is_kept(
    own_template: Path, tmp_path: Path
) -> None:
    service = edited_service(own_template, "app/logs.py", tmp_path / "service")
    (own_template / "template/app/logs.py").unlink()
    release(own_template, "10000.0.0")

    assert_conflict(service, "app/logs.py: you changed it, the template deleted it")

    assert (service / "app/logs.py").read_text().endswith("# ours\n")


def test_edits_of_a_file_that_the_template_renames_go_with_it(
    own_template: Path, tmp_path: Path
) -> None:
    service = edited_service(own_template, "docs/testing.md", tmp_path / "service")
    docs = own_template / "template/docs"
    (docs / "testing.md.jinja").rename(docs / "tests.md.jinja")
    release(own_template, "10000.0.0")

    merge_the_update(service)

    assert not (service / "docs/testing.md").exists()
    assert (service / "docs/tests.md").read_text().endswith("# ours\n")


def test_an_edited_binary_file_is_kept(own_template: Path, tmp_path: Path) -> None:
    logo = own_template / "template/docs/logo.bin"
    logo.write_bytes(b"\x00first\xff")
    release(own_template, "10000.0.0")
    logo.write_bytes(b"\x00second\xff")
    release(own_template, "10001.0.0")
    service = copy_of_release(own_template, "10000.0.0", {}, tmp_path / "service")
    (service / "docs/logo.bin").write_bytes(b"\x00ours\xff")
    commit_all(service)

    assert_conflict(service, "docs/logo.bin: you and the template changed the same lines")

    assert (service / "docs/logo.bin").read_bytes() == b"\x00ours\xff"


def test_a_file_of_the_template_that_git_ignores_stays_as_it_is(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    append(service / ".gitignore", "/docs/\n")
    append(service / "docs/testing.md", "ours\n")
    git("rm", "--quiet", "--cached", "docs/testing.md", cwd=service)
    commit_all(service)
    ours = (service / "docs/testing.md").read_bytes()

    result = merge_the_update(service)

    assert "deleted or rewritten elsewhere:\ndocs/testing.md\n" in result.stdout
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


# ── What git would lose ──────────────────────────────────────────────────────


IN_THE_WAY = "You have not committed these, and the template has files there. Move them first:\n"


def test_a_file_that_git_ignores_and_the_template_has_now_is_kept(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    append(service / ".gitignore", "/template_tasks.py\n")
    commit_all(service)
    write(service / "template_tasks.py", "# ours\n")

    assert_refused(service, f"{IN_THE_WAY}    template_tasks.py\n")


def test_a_file_that_git_ignores_where_the_template_has_a_folder_now_is_kept(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    append(service / ".gitignore", "/data\n")
    commit_all(service)
    write(service / "data", "ours\n")
    write(own_template / "template/data/countries.txt", "")
    release(own_template, "10000.0.0")

    assert_refused(service, f"{IN_THE_WAY}    data\n")


@pytest.mark.thorough
def test_another_working_tree_that_cannot_be_seen_now_is_kept(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    other, elsewhere = tmp_path / "other", tmp_path / "on a drive that is not mounted"
    git("worktree", "add", "--quiet", "--detach", str(other), cwd=service)
    write(other / "notes.txt", "ours\n")
    git("add", "notes.txt", cwd=other)
    other.rename(elsewhere)

    merge_the_update(service)

    elsewhere.rename(other)
    assert git("status", "--porcelain", cwd=other) == "A  notes.txt\n"


def test_a_file_that_the_team_and_the_template_have_moved_is_a_conflict(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    (service / "docs/testing.md").rename(service / "docs/how-we-test.md")
    commit_all(service)
    docs = own_template / "template/docs"
    (docs / "testing.md.jinja").rename(docs / "tests.md.jinja")
    release(own_template, "10000.0.0")

    line = "docs/testing.md: you and the template moved it, to different places"
    assert_conflict(service, line)


def test_a_file_that_the_team_and_the_template_have_added_is_kept(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.2.0", {}, tmp_path / "service")
    write(service / "template_tasks.py", "# ours\n")
    commit_all(service)

    assert_conflict(service, "template_tasks.py: you and the template added it")

    assert "# ours\n" in (service / "template_tasks.py").read_text()


@pytest.mark.parametrize("setting", ["status.showUntrackedFiles=no", "core.autocrlf=true"])
def test_a_setting_of_git_does_not_hide_a_conflict(
    template: Path, tmp_path: Path, setting: str
) -> None:
    service = service_with_a_conflict(template, tmp_path / "service")
    git("config", *setting.split("="), cwd=service)

    assert_conflict(service, CONFLICT)

    assert EDITED in (service / "app/db/engine.py").read_text()


@pytest.fixture
def updating(template: Path, tmp_path: Path) -> subprocess.Popen[str]:
    """An update that will meet a conflict, while its second copy is made."""
    service = service_with_a_conflict(template, tmp_path / "service")
    return start_update(service, until=second_copy(template))


def test_what_is_saved_while_an_update_runs_is_kept(
    updating: subprocess.Popen[str], tmp_path: Path
) -> None:
    service = tmp_path / "service"
    append(service / "README.md", "ours\n")

    _, said = updating.communicate()

    assert updating.returncode == 1
    assert said == "Commit or stash these changes first, then run it again:\n M README.md\n"
    assert (service / "README.md").read_text().endswith("ours\n")
    assert git("branch", "--format=%(refname:short)", cwd=service) == "main\n"


def test_what_is_committed_while_an_update_runs_is_kept(
    updating: subprocess.Popen[str], tmp_path: Path
) -> None:
    service = tmp_path / "service"
    append(service / "README.md", "ours\n")
    commit_all(service, "Meanwhile")

    updating.communicate()

    assert updating.returncode == 1
    assert git("branch", "--show-current", cwd=service) == f"{BRANCH}\n"
    assert git("log", "--format=%s", "--max-count=1", "main", cwd=service) == "Meanwhile\n"
    assert git("status", "--porcelain", "app/db/engine.py", cwd=service) == "UU app/db/engine.py\n"
