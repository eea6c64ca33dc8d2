"""`template-update --pull-request` writes what the weekly workflow needs, and changes no file."""

from pathlib import Path

import pytest

from evergreen.edits import replace
from evergreen.releases import TIP, commit_all, copy_of_release, git, release
from tests.updater.conftest import insert_first
from tests.updater.task_runs import (
    BRANCH,
    NEXT,
    release_next,
    run_task,
    service_with_a_conflict,
    state_of,
)
from updater.pull_request import MAX_BODY, body_of
from updater.releases import Revision
from updater.service import Service
from updater.suites import PASS
from updater.update import Update

pytestmark = pytest.mark.usefixtures("quick_update")


def test_there_is_none_without_an_update(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")

    result = run_task(service, "update", "--pull-request", str(tmp_path / "report"))

    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "report").exists()


def test_it_has_a_title_a_text_and_a_branch(own_template: Path, tmp_path: Path) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    news = f"## [{NEXT}]\n\nNews.\n\n"
    (own_template / "CHANGELOG.md").write_text(f"{news}## [9999.5.0]\n\nOlder news.\n")
    release_next(own_template)
    before = state_of(service)[0]

    result = run_task(service, "update", "--pull-request", str(tmp_path / "report"))

    assert result.returncode == 0, result.stderr
    assert state_of(service)[0] == before
    report = {path.name: path.read_text() for path in (tmp_path / "report").iterdir()}
    assert report["title"] == f"Update from the template, {TIP} to {NEXT}\n"
    assert report["branch"] == f"template-{NEXT}\n"
    assert report["body.md"] == (
        "Its tests pass.\n\n# What has changed in the template\n\n"
        f"{news}\n## [9999.5.0]\n\nOlder news."
    )
    assert sorted(report) == ["body.md", "branch", "title"]


def test_it_is_a_draft_with_conflicts_which_are_committed(template: Path, tmp_path: Path) -> None:
    service = service_with_a_conflict(template, tmp_path / "service")
    before = state_of(service)[0]

    result = run_task(service, "update", "--pull-request", str(tmp_path / "report"))

    assert result.returncode == 0, result.stderr
    assert state_of(service)[0] == before
    assert git("branch", "--show-current", cwd=service) == "main\n"
    assert (tmp_path / "report/draft").exists()
    assert (
        (tmp_path / "report/body.md")
        .read_text()
        .startswith(
            "**These files have conflicts**, which are committed with their markers. "
            "Merge them on this branch:\n\n"
            "- `app/db/engine.py`: you and the template changed the same lines\n\n"
            "The tests were not run.\n"
        )
    )
    engine = git("show", f"{BRANCH}:app/db/engine.py", cwd=service)
    assert "<<<<<<< " in engine
    assert ">>>>>>> " in engine


def test_a_file_that_is_deleted_on_one_side_is_kept_in_a_draft(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, TIP, {}, tmp_path / "service")
    replace(service / "Dockerfile", "FROM", "# ours\nFROM")
    commit_all(service)
    options = ("--data", "container=false", "--pull-request", str(tmp_path / "report"))

    result = run_task(service, "update", *options)

    assert result.returncode == 0, result.stderr
    assert "# ours" in git("show", f"{BRANCH}:Dockerfile", cwd=service)
    assert "- `Dockerfile`: you changed it, the template deleted it" in (
        (tmp_path / "report/body.md").read_text()
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (1, "**Its tests fail, and did so before the update, too"),
        (0, "**Its tests fail; before the update, they pass.**"),
    ],
)
def test_it_is_a_draft_with_red_tests_even_if_they_change_a_file(
    own_template: Path, tmp_path: Path, own_uv: Path, code: int, sentence: str
) -> None:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    (own_template / "template/red").touch()
    release(own_template, NEXT)
    runs = f"test -e red && echo changed >red && exit 1; exit {code}"
    insert_first(own_uv, f'if [ "$*" = "run --quiet pytest -q" ]; then {runs}; fi')

    result = run_task(service, "update", "--pull-request", str(tmp_path / "report"))

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "report/draft").exists()
    assert (tmp_path / "report/body.md").read_text().startswith(sentence)


def test_a_text_that_is_too_long_for_github_is_cut(tmp_path: Path) -> None:
    now = Revision(TIP, "")
    update = Update(now, now, BRANCH, tests=PASS)
    update.notes.append("x" * (MAX_BODY - len(f"{PASS}\n\n")))

    whole = body_of(Service(tmp_path), update)
    update.notes[0] += "x"
    cut = body_of(Service(tmp_path), update)

    assert whole == f"{PASS}\n\n{update.notes[0]}"[:-1]
    assert cut == f"{whole}\n\n… and more: see the changelog."
