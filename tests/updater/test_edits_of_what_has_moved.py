"""Services of each release whose teams have edited what has moved since, and use the old names."""

from pathlib import Path

import pytest

from evergreen.edits import append, replace, write
from evergreen.released_answers import VERSIONS
from evergreen.releases import commit_all, copy_of_release, git
from evergreen.rendering import files_of
from evergreen.update_properties import lost_lines
from tests.updater.task_runs import run_task

pytestmark = pytest.mark.usefixtures("quick_update")

FIXTURE = '\n\n@pytest.fixture\ndef greeting() -> str:\n    return "Hello"\n'
OUR_TEST = """\
from app.auth.tokens import ISSUER
from app.db.{engine} import is_busy
from tests.{databases} import url_of


def test_ours(app_of_all_tests: object) -> None:
    assert ISSUER and is_busy and url_of
"""


def edit_what_has_moved(service: Path) -> list[str]:
    """Returns the lines about the old names that the update has to print."""
    conftest = service / "tests/conftest.py"
    append(conftest, FIXTURE)
    replace(conftest, "ada@example.com", "ada@ours.example")
    engine = "sqlite" if (service / "app/db/sqlite.py").exists() else "engine"
    append(service / f"app/db/{engine}.py", "\n\nOURS = True\n")
    tasks = service / "template_tasks.py"
    if tasks.exists():
        append(tasks, "# ours\n")
    databases = "sqlite" if (service / "tests/sqlite.py").exists() else "database"
    write(service / "tests/test_ours.py", OUR_TEST.format(engine=engine, databases=databases))
    lines = ["tests/test_ours.py:1: app.auth.tokens.ISSUER is now app.NAME"]
    if engine == "sqlite":
        lines.append("tests/test_ours.py:2: app.db.sqlite is now app.db.engine")
    old = "tests.sqlite" if databases == "sqlite" else "tests.database.url_of"
    new = "tests.plugins.databases" + ("" if databases == "sqlite" else ".url_of")
    lines.append(f"tests/test_ours.py:3: {old} is now {new}")
    lines.append("tests/test_ours.py:6: app_of_all_tests is now app")
    return lines


@pytest.mark.shows("edits of what has moved are kept, and the users of old names are named")
@pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=() if version in ("0.1.0", "0.5.0") else pytest.mark.thorough)
        for version in VERSIONS[: VERSIONS.index("0.6.0")]
    ],
)
def test_edits_of_what_has_moved_are_kept_and_the_users_of_old_names_are_named(
    template: Path, tmp_path: Path, version: str
) -> None:
    service = copy_of_release(template, version, {}, tmp_path / "service")
    original = files_of(service)
    lines = edit_what_has_moved(service)
    edited = files_of(service)
    commit_all(service)

    result = run_task(service, "update")

    conflicts = git("diff", "--name-only", "--diff-filter=U", cwd=service).splitlines()
    assert result.returncode == 1
    assert "tests/conftest.py" in conflicts
    for path in conflicts:
        assert f"    {path}: you " in result.stderr
    assert lost_lines(original, edited, files_of(service)) == []
    for line in lines:
        assert f"\n    {line}\n" in result.stdout
