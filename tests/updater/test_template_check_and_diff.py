"""The tasks `template-check` and `template-diff` of a service, and what they say."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evergreen.edits import append, replace, write
from evergreen.releases import TIP, commit_all, copy_of_release, git
from evergreen.suites import own_environment
from tests.updater.conftest import insert_first
from tests.updater.task_runs import command, run_task
from updater.releases import news_since


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


def test_check_works_where_the_template_has_no_default_branch(
    own_template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(own_template, "0.3.0", {}, tmp_path / "service")
    git("switch", "--quiet", "--detach", "HEAD~1", cwd=own_template)

    assert "## [0.4.0]" in run_task(service, "check").stdout


def test_news_are_the_sections_of_the_releases_after_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = "## 1.1.0\n\n- Old.\n", "## [v1.2.0] - 2030-01-01\n\n- New.\n"
    changelog = f"# Changelog\n\n## Next\n\n## 1.3.0rc1\n\n{new}{old}## 1.0.0\n\n## Moved\n"
    monkeypatch.setattr("updater.releases.changelog", lambda: changelog)

    assert news_since("1.0.0", "1.2.0") == [new, old]
    assert news_since("1.1.0", "1.2.0") == [new]
    assert news_since("1.2.0", "1.2.0") == []


def test_check_finds_a_template_whose_path_is_long_and_has_spaces(
    template: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "the templates of the platform team, which it's allowed to write long names"
    git("clone", "--quiet", str(template), str(folder), cwd=tmp_path)
    service = copy_of_release(folder, "0.3.0", {}, tmp_path / "service")

    assert "## [0.4.0]" in run_task(service, "check").stdout


def test_check_finds_a_template_in_the_home_of_its_user(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    replace(service / ".copier-answers.yml", f"{template}\n", "~/template\n")
    monkeypatch.setenv("HOME", str(template.parent))

    assert "## [0.4.0]" in run_task(service, "check").stdout


def test_a_template_whose_path_is_relative_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    replace(service / ".copier-answers.yml", f"{template}\n", "../template\n")

    result = run_task(service, "check")

    assert result.returncode == 1
    assert result.stderr.startswith("The template is in ../template, says .copier-answers.yml, but")


@pytest.mark.usefixtures("installed_copier")
def test_diff_shows_what_the_service_has_and_a_fresh_copy_has_not_and_the_reverse(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    append(service / "app/settings.py", "# ours\n")
    (service / "docs/testing.md").unlink()
    write(service / "app/notes.py", "")
    commit_all(service)

    printed = run_task(service, "diff").stdout

    assert "+++ b/app/settings.py\n" in printed
    assert "+# ours\n" in printed
    assert "deleted file mode 100644\n" in printed
    assert "--- a/docs/testing.md\n" in printed
    assert printed.endswith("Files that only this service has:\n    app/notes.py\n")


@pytest.mark.usefixtures("installed_copier")
@pytest.mark.parametrize("line_ends", ["false", "true"])
def test_diff_of_a_service_that_nobody_has_edited_shows_nothing(
    template: Path, tmp_path: Path, line_ends: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("config", "core.autocrlf", line_ends, cwd=service)
    git("rm", "--quiet", "--cached", "-r", ".", cwd=service)
    git("reset", "--quiet", "--hard", cwd=service)
    assert (b"\r\n" in (service / "README.md").read_bytes()) == (line_ends == "true")

    assert run_task(service, "diff").stdout == (
        "Each file of the template is as in a fresh copy.\n"
    )


@pytest.mark.usefixtures("installed_copier")
def test_nothing_that_copier_leaves_behind_stays(
    template: Path, tmp_path: Path, own_uv: Path
) -> None:
    insert_first(own_uv.with_name("uvx"), 'touch "$TMPDIR/left by Copier"')
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    run_task(service, "diff", TMPDIR=str(temporary))

    assert [*temporary.iterdir()] == []


@pytest.mark.usefixtures("installed_copier")
@pytest.mark.parametrize("task", ["check", "diff", "update"])
def test_a_reader_that_has_read_enough_ends_it_without_a_traceback(
    template: Path, tmp_path: Path, task: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    reading, writing = os.pipe()
    os.close(reading)  # as `| head -0` does

    result = subprocess.run(
        command(service, task),
        cwd=service,
        env=own_environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )

    os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")
    assert git("worktree", "list", cwd=service).count("\n") == 1


def test_a_program_that_is_missing_is_named(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")

    result = subprocess.run(
        command(service, "check"), cwd=service, env={"PATH": ""}, capture_output=True, text=True
    )

    assert result.stderr == "There is no program git: install uv and git first.\n"


def test_a_folder_without_answers_is_refused(tmp_path: Path) -> None:
    result = run_task(tmp_path, "check")

    assert result.returncode == 1
    assert result.stderr.startswith("There is no .copier-answers.yml in ")


def test_a_folder_without_a_repository_is_refused(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    shutil.rmtree(service / ".git")

    result = run_task(service, "diff")

    assert result.returncode == 1
    assert "not a git repository" in result.stderr
