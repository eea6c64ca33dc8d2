"""Both ways of deleting the example that the READMEs describe."""

import re
import shutil
from pathlib import Path

import copier
import pytest
from conftest import Render, git


def tree(service: Path) -> dict[str, str]:
    return {
        str(path.relative_to(service)): path.read_text()
        for path in sorted(service.rglob("*"))
        if path.is_file() and ".git/" not in str(path)
    }


@pytest.fixture
def committed_service(render: Render, template: Path, tmp_path: Path) -> Path:
    service = Path(shutil.move(render(), tmp_path / "committed"))
    git("init", "--quiet", cwd=service)
    git("add", "--all", cwd=service)
    git("commit", "--quiet", "--message=Start", cwd=service)
    return service


def test_an_update_with_the_other_answer_deletes_it(
    committed_service: Path, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Nobody")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Nobody")

    copier.run_update(
        committed_service,
        data={"example": False},
        defaults=True,
        quiet=True,
        overwrite=True,
        vcs_ref="HEAD",
    )

    assert tree(committed_service) == tree(render(example=False))


def test_the_steps_by_hand_delete_it(committed_service: Path, render: Render) -> None:
    readme = (committed_service / "README.md").read_text()
    section = readme.split("## Delete the example")[1].split("\n## ")[0]
    by_hand = section.split("Or by hand: delete")[1].split("and the two lines")[0]
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

    without = tree(render(example=False))
    by_hand_tree = tree(committed_service)
    for name in ("README.md", ".copier-answers.yml"):
        del without[name], by_hand_tree[name]
    assert by_hand_tree == without
