"""Each property of updates is shown to be able to fail: a template that breaks it is noticed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from copier.errors import UnsafeTemplateError

from evergreen.databases import NewDatabase, differences_after_migration
from evergreen.questions import Answers
from evergreen.releases import (
    commit_all,
    copy_of_release,
    find_releases,
    fresh_files,
    git,
    release,
    update,
)
from evergreen.rendering import files_of
from evergreen.update_properties import (
    changed_migrations,
    changes_nothing_the_second_time,
    comes_back,
    equals_a_fresh_copy,
    is_the_same_by_stages,
    keeps_what_was_edited,
    suite_failure,
)
from evergreen.working_tree import ROOT

DEFAULTS: Answers = {}
SETTINGS = '_min_copier_version: "9.19"\n'


def changed_release(template: Path, version: str, **changes: tuple[str, str]) -> str:
    """Adds a release to it; in each file, by its name, one text is replaced by another."""
    for name, (old, new) in changes.items():
        (file,) = [
            path
            for path in template.rglob(name)
            if path.relative_to(template).parts[0] not in (".git", "scaffold")
        ]
        text = file.read_text()
        assert old in text, f"{file} has no {old!r}"
        file.write_text(text.replace(old, new, 1))
    return release(template, version)


NEVER_AGAIN = {"copier.yml": (SETTINGS, SETTINGS + '_skip_if_exists: ["README.md"]\n')}
RANDOM = {"README.md.jinja": ("## Start\n", "## Start {{ range(99999) | random }}\n")}


def test_an_update_that_skips_a_file_is_noticed(own_template: Path, tmp_path: Path) -> None:
    readme = {"README.md.jinja": ("## Start\n", "## Begin\n")}
    broken = changed_release(own_template, "10000.0.0", **NEVER_AGAIN, **readme)

    found = equals_a_fresh_copy(own_template, tmp_path / "a", "0.3.0", DEFAULTS, broken, {})

    assert found == ["README.md"]


def test_a_feature_that_does_not_change_a_file_is_noticed(
    own_template: Path, tmp_path: Path
) -> None:
    broken = changed_release(own_template, "10000.0.0", **NEVER_AGAIN)

    found = equals_a_fresh_copy(
        own_template, tmp_path / "a", broken, {"example": True}, broken, {"example": False}
    )

    assert found == ["README.md"]


def test_a_feature_that_does_not_come_back_as_it_was_is_noticed(
    own_template: Path, tmp_path: Path
) -> None:
    broken = changed_release(own_template, "10000.0.0", **RANDOM)

    found = comes_back(own_template, tmp_path / "a", broken, {"example": True}, {"example": False})

    assert found == ["README.md"]


def test_a_release_that_is_not_the_same_by_stages_is_noticed(
    own_template: Path, tmp_path: Path
) -> None:
    middle = changed_release(own_template, "10000.0.0", **NEVER_AGAIN)
    readme = {"README.md.jinja": ("## Start\n", "## Begin\n")}
    open_again = {"copier.yml": ('_skip_if_exists: ["README.md"]\n', "")}
    last = changed_release(own_template, "10001.0.0", **readme)
    end = changed_release(own_template, "10002.0.0", **open_again)

    found = is_the_same_by_stages(own_template, tmp_path, ["0.3.0", middle, last, end], DEFAULTS)

    assert found == ["README.md"]


def test_a_template_that_differs_each_time_is_noticed(own_template: Path, tmp_path: Path) -> None:
    broken = changed_release(own_template, "10000.0.0", **RANDOM)

    found = changes_nothing_the_second_time(own_template, tmp_path / "a", "0.3.0", DEFAULTS, broken)

    assert found == ["README.md"]


def test_a_task_that_needs_trust_is_noticed(own_template: Path, tmp_path: Path) -> None:
    task = {"copier.yml": (SETTINGS, SETTINGS + '_tasks: ["true"]\n')}
    broken = changed_release(own_template, "10000.0.0", **task)
    service = copy_of_release(own_template, "0.3.0", DEFAULTS, tmp_path / "a")

    with pytest.raises(UnsafeTemplateError):
        update(service, broken)


def test_a_new_question_without_a_default_is_noticed(own_template: Path, tmp_path: Path) -> None:
    question = {"copier.yml": ("project_slug:\n", "owner:\n  type: str\n\nproject_slug:\n")}
    broken = changed_release(own_template, "10000.0.0", **question)
    service = copy_of_release(own_template, "0.3.0", DEFAULTS, tmp_path / "a")

    with pytest.raises(ValueError, match="owner"):
        update(service, broken)


EDITS: dict[str, tuple[Callable[[Path], object], str]] = {
    "deletes": (
        lambda template: git("rm", "--quiet", "template/app/db/session.py", cwd=template),
        "app/db/session.py: # ours",
    ),
    "renames": (
        lambda template: git(
            "mv", "template/app/db/session.py", "template/app/db/sessions.py", cwd=template
        ),
        "app/db/session.py: # ours",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_that_is_lost_without_a_word_is_noticed(
    own_template: Path, tmp_path: Path, what: str
) -> None:
    sabotage, line = EDITS[what]
    sabotage(own_template)
    broken = release(own_template, "10000.0.0")
    service = copy_of_release(own_template, "0.3.0", DEFAULTS, tmp_path / "a")
    original = files_of(service)
    edited_file = service / "app/db/session.py"
    edited_file.write_text(edited_file.read_text() + "# ours\n")
    edited = files_of(service)
    commit_all(service)

    update(service, broken)

    fresh = fresh_files(own_template, broken, DEFAULTS)
    assert line in keeps_what_was_edited(service, original, edited, fresh)


def test_a_change_of_the_template_that_does_not_arrive_is_noticed(
    own_template: Path, tmp_path: Path
) -> None:
    readme = {"README.md.jinja": ("## Start\n", "## Begin\n")}
    broken = changed_release(own_template, "10000.0.0", **NEVER_AGAIN, **readme)
    service = copy_of_release(own_template, "0.3.0", DEFAULTS, tmp_path / "a")
    original = files_of(service)

    update(service, broken)

    fresh = fresh_files(own_template, broken, DEFAULTS)
    found = keeps_what_was_edited(service, original, original, fresh)
    assert found == ["README.md is not up to date"]


def test_a_service_whose_tests_fail_after_an_update_is_noticed(
    own_template: Path, programs: dict[str, Path], passed: Path, tmp_path: Path
) -> None:
    routes = own_template / "template/app/tasks/routes.py"
    routes.write_text(routes.read_text().replace("status_code=201", "status_code=200"))
    broken = release(own_template, "10000.0.0")
    service = copy_of_release(own_template, "0.3.0", DEFAULTS, tmp_path / "a")

    update(service, broken)

    assert "201" in suite_failure(programs, passed, service, DEFAULTS)


def test_a_released_migration_that_is_changed_is_noticed(
    own_template: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    column = 'sa.Column("nickname", sa.String(20)),\n        '
    key = 'sa.PrimaryKeyConstraint("id", name=op.f("pk_users")'
    broken = changed_release(own_template, "10000.0.0", **{"0001_users.py": (key, column + key)})
    service = copy_of_release(own_template, "0.5.0", DEFAULTS, tmp_path / "a")
    old, new = new_database("sqlite"), new_database("sqlite")
    old.migrate(service)

    update(service, broken)

    changed = changed_migrations(own_template, "0.5.0", DEFAULTS, broken)
    assert changed == ["migrations/versions/0001_users.py"]
    assert differences_after_migration(old, new, service) == ["users.nickname"]


def test_a_shallow_clone_is_refused(tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth=1", f"file://{ROOT}", str(tmp_path / "shallow"), cwd=tmp_path)

    with pytest.raises(ValueError, match="git fetch --unshallow"):
        find_releases(tmp_path / "shallow")


def test_each_heading_of_the_changelog_is_a_release() -> None:
    headings = re.findall(r"(?m)^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text())

    assert list(find_releases(ROOT)) == headings[::-1]
