"""Both ways to delete the example that the README of a service describes."""

import re
import shutil
from pathlib import Path

import pytest

from evergreen.releases import ANONYMOUS_IDENTITY, commit_all, update
from evergreen.rendering import files_of
from evergreen.services import Render


@pytest.fixture
def anonymous_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ANONYMOUS_IDENTITY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def committed_service(render: Render, tmp_path: Path, database: str) -> Path:
    service = Path(shutil.move(render(database=database), tmp_path / "committed"))
    commit_all(service)
    return service


def test_an_update_with_the_other_answer_deletes_the_example(
    committed_service: Path, render: Render, database: str, anonymous_commits: None
) -> None:
    update(committed_service, "HEAD", example=False)

    assert files_of(committed_service) == files_of(render(database=database, example=False))


def test_the_steps_by_hand_delete_the_example(
    committed_service: Path, render: Render, database: str
) -> None:
    readme = (committed_service / "README.md").read_text()
    section = readme.split("## Delete the example")[1].split("\n## ")[0]
    by_hand = section.split("Or by hand, to have neither: delete")[1].split("and the two lines")[0]
    for name in re.findall(r"`([^`]+)`", by_hand):
        path = committed_service / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    main = committed_service / "app/main.py"
    lines = main.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "tasks_router" not in line]
    assert len(lines) - len(kept) == 2
    main.write_text("".join(kept))

    without = files_of(render(database=database, example=False))
    by_hand_tree = files_of(committed_service)
    for name in ("AGENTS.md", "README.md", ".copier-answers.yml"):
        del without[name], by_hand_tree[name]
    assert by_hand_tree == without
