"""Files that a team has taken over are left alone, and shown."""

from pathlib import Path

import pytest

from evergreen.edits import replace, write
from evergreen.releases import TIP, commit_all, copy_of_release, fresh_files
from evergreen.rendering import files_of
from tests.updater.task_runs import assert_refused, merge_the_update, run_task

pytestmark = pytest.mark.usefixtures("quick_update")

OURS = '\n[tool.template]\nours = ["README.md", "docs/*", "never.md"]\n'


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    """A service of 0.3.0 whose README is the team's own."""
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    replace(service / "pyproject.toml", "\n[tool.pytest", f"{OURS}\n[tool.pytest")
    write(service / "README.md", "# Ours\n")
    commit_all(service)
    return service


def test_an_update_leaves_them_alone(template: Path, service: Path) -> None:
    before = files_of(service)

    merge_the_update(service)

    updated = files_of(service)
    assert updated["README.md"] == b"# Ours\n"
    assert {path: updated.get(path) for path in before if path.startswith("docs/")} == {
        path: content for path, content in before.items() if path.startswith("docs/")
    }
    assert updated["app/main.py"] == fresh_files(template, TIP, {})["app/main.py"]


def test_diff_shows_what_the_template_has_there(service: Path) -> None:
    printed = run_task(service, "diff").stdout

    assert "+# Ours\n" in printed
    assert "\nFiles that updates leave to you:\n    README.md\n    docs/" in printed


@pytest.mark.parametrize(("value", "printed"), [('"README.md"', "'README.md'"), ("[5]", "[5]")])
def test_a_list_that_is_none_is_refused(service: Path, value: str, printed: str) -> None:
    replace(service / "pyproject.toml", '["README.md", "docs/*", "never.md"]', value)
    commit_all(service)

    sentence = 'write a list of paths, such as ours = ["README.md"].\n'
    assert_refused(service, f"[tool.template] in pyproject.toml has ours = {printed}: {sentence}")
