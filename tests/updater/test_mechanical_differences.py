"""Another format, other line ends and files that git hides are no conflicts."""

import subprocess
from pathlib import Path

import pytest

from evergreen.edits import append, replace, write
from evergreen.questions import Answers
from evergreen.releases import TIP, commit_all, copy_of_release, fresh_files, git
from evergreen.rendering import files_of
from evergreen.suites import own_environment
from tests.updater.conftest import insert_first
from tests.updater.task_runs import BRANCH, assert_refused, merge_the_update, run_task
from updater.formatting import version_of_ruff
from updater.fresh_copy import commit, stored
from updater.service import Service

pytestmark = pytest.mark.usefixtures("quick_update")


def reformat(service: Path, programs: Path) -> None:
    for arguments in (["check", "--select=I", "--fix-only"], ["format"]):
        subprocess.run(
            [programs / "ruff", *arguments, "--quiet", "--no-cache"],
            cwd=service,
            env=own_environment(),
            check=True,
        )


@pytest.mark.parametrize("version", ["0.2.0", "0.5.0"])
def test_a_tree_with_another_line_length_has_no_conflict(
    template: Path, tmp_path: Path, programs: dict[str, Path], version: str
) -> None:
    service = copy_of_release(template, version, {}, tmp_path / "service")
    replace(service / "pyproject.toml", "line-length = 100", "line-length = 79")
    reformat(service, programs["sqlite"])
    commit_all(service)

    merge_the_update(service)

    updated = files_of(service)
    assert "line-length = 79" in updated["pyproject.toml"].decode()
    reformat(service, programs["sqlite"])
    assert files_of(service) == updated


def test_the_version_of_ruff_is_that_of_the_lock_file(tmp_path: Path) -> None:
    service = Service(tmp_path)

    assert version_of_ruff(service) == ""
    write(tmp_path / "uv.lock", '[[package]]\nname = "ruff"\nversion = "0.9.1"\nsource = {}\n')
    assert version_of_ruff(service) == "@0.9.1"


def test_letters_beyond_ascii_are_read_whatever_the_locale_is(
    template: Path, tmp_path: Path, programs: dict[str, Path]
) -> None:
    answers: Answers = {"project_name": "Größen"}
    service = copy_of_release(template, "0.5.0", answers, tmp_path / "service")
    replace(service / "pyproject.toml", "line-length = 100", "line-length = 79  # für alle")
    write(service / "uv.lock", "# für alle\n")
    append(service / "migrations/versions/0001_users.py", "\n\n# für alle\n")
    reformat(service, programs["sqlite"])
    commit_all(service)

    result = run_task(service, "update", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "can't be read" not in result.stdout
    git("switch", "--quiet", BRANCH, cwd=service)
    updated = files_of(service)
    reformat(service, programs["sqlite"])
    assert files_of(service) == updated
    assert "project_name: Größen\n" in updated[".copier-answers.yml"].decode()


def test_settings_of_ruff_in_a_folder_above_count(
    template: Path, tmp_path: Path, programs: dict[str, Path]
) -> None:
    service = copy_of_release(template, "0.5.0", {}, tmp_path / "all/service")
    (service / ".git").rename(tmp_path / "of the service")
    replace(service / "pyproject.toml", "[tool.ruff", "[tool.other")
    write(tmp_path / "all/ruff.toml", 'line-length = 60\nformat.quote-style = "single"\n')
    reformat(service, programs["sqlite"])
    commit_all(tmp_path / "all")

    merge_the_update(service)

    updated = files_of(service)
    reformat(service, programs["sqlite"])
    assert files_of(service) == updated


def test_files_committed_with_crlf_have_no_conflict(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    for path, content in files_of(service).items():
        (service / path).write_bytes(content.replace(b"\n", b"\r\n"))
    readme = service / "README.md"
    readme.write_bytes(readme.read_bytes().replace(b"# My Service", b"# Ours"))
    commit_all(service)

    merge_the_update(service)

    fresh = fresh_files(template, TIP, {})
    updated = files_of(service)
    assert updated.pop("README.md").startswith(b"# Ours\r\n")
    for path, content in updated.items():
        assert content == fresh[path].replace(b"\n", b"\r\n"), path


def test_only_some_files_committed_with_crlf_stay_so(template: Path, tmp_path: Path) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    main = service / "app/main.py"
    main.write_bytes(main.read_bytes().replace(b"\n", b"\r\n"))
    commit_all(service)

    merge_the_update(service)

    fresh = fresh_files(template, TIP, {})
    assert main.read_bytes() == fresh["app/main.py"].replace(b"\n", b"\r\n")
    assert (service / "app/db/engine.py").read_bytes() == fresh["app/db/engine.py"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".git/info/exclude", "*.py\n*.toml\n"),
        (".gitignore", "*.py\ndocs\n"),
        (".gitattributes", "* text=auto\n"),
        (".gitattributes", "* text eol=crlf\n"),
        (".git/info/attributes", "*.md filter=absent\n"),
    ],
    ids=["excluded", "ignored", "text", "crlf", "a filter that is absent"],
)
def test_what_git_ignores_or_converts_arrives(
    template: Path, tmp_path: Path, path: str, text: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    own = (service / path).read_text() if (service / path).exists() else ""
    write(service / path, own + text)
    commit_all(service)

    merge_the_update(service)

    names = git("ls-tree", "-r", "--name-only", "HEAD", cwd=service).splitlines()
    fresh = fresh_files(template, TIP, {})
    assert set(fresh) - set(names) == set()
    for name in set(fresh) - {".gitignore"}:
        assert git("show", f"HEAD:{name}", cwd=service).encode() == fresh[name], name


def test_a_fresh_copy_is_kept_with_its_modes_and_links(tmp_path: Path) -> None:
    service, copy = tmp_path / "all/service", tmp_path / "copy"
    write(service / "README.md", "")
    commit_all(service.parent)
    write(copy / "run", "")
    (copy / "run").chmod(0o755)
    write(copy / "docs/notes.md", "")
    (copy / "docs/link.md").symlink_to("notes.md")
    (copy / "link").symlink_to("docs")

    files = stored(Service(service), copy)
    new = commit(Service(service), files, "Ours", "HEAD")

    assert sorted(files) == ["docs/link.md", "docs/notes.md", "link", "run"]
    listed = git("ls-tree", "-r", "--format=%(objectmode) %(path)", "--full-tree", new, cwd=service)
    assert listed.splitlines() == [
        "120000 service/docs/link.md",
        "100644 service/docs/notes.md",
        "120000 service/link",
        "100755 service/run",
    ]
    assert git("show", f"{new}:service/link", cwd=service) == "docs"


def test_a_filter_for_large_files_gets_no_file_of_the_template(
    template: Path, tmp_path: Path
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("config", "filter.large.clean", "echo pointer", cwd=service)
    git("config", "filter.large.smudge", "cat", cwd=service)
    write(service / ".gitattributes", "*.bin filter=large\n")
    write(service / "data.bin", "much\n")
    commit_all(service)

    merge_the_update(service)

    assert git("show", "HEAD:data.bin", cwd=service) == "pointer\n"


def test_a_partial_checkout_gets_the_whole_update_and_all_tests_run(
    template: Path, tmp_path: Path, own_uv: Path
) -> None:
    runs = "test -e tests/plugins/databases.py; exit"
    insert_first(own_uv, f'if [ "$*" = "run --quiet pytest -q" ]; then {runs}; fi')
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    git("sparse-checkout", "set", "app", cwd=service)

    merge_the_update(service)

    fresh = fresh_files(template, TIP, {})
    names = git("ls-tree", "-r", "--name-only", "HEAD", cwd=service).splitlines()
    assert set(names) == set(fresh)
    assert not (service / "tests").exists()
    assert git("status", "--porcelain", cwd=service) == ""


@pytest.mark.parametrize("hidden", ["--assume-unchanged", "--skip-worktree"])
def test_edits_that_git_is_told_not_to_see_are_refused(
    template: Path, tmp_path: Path, hidden: str
) -> None:
    service = copy_of_release(template, "0.3.0", {}, tmp_path / "service")
    for path in ("app/main.py", "app/settings.py"):
        git("update-index", hidden, path, cwd=service)
        append(service / path, "# ours\n")

    assert_refused(
        service,
        "git is told to ignore changes of these files, which could be lost. Run\n"
        "`git update-index --no-assume-unchanged --no-skip-worktree` for each first:\n"
        "    app/main.py\n"
        "    app/settings.py\n",
    )
