"""The template that this service was made from: what is new in it, what differs, and updates.

    uv run poe template-check     # is there a newer release, and what changed in it?
    uv run poe template-diff      # what differs from a fresh copy of the same release?
    uv run poe template-update    # the update, on a branch of its own

The update happens in a second working tree of this repository, in a temporary folder. So whoever
interrupts it finds the service as it was.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

COPIER = ("uvx", "--quiet", "--from", "copier>=9.19", "copier")
ANSWERS = ".copier-answers.yml"
SERVICE = Path.cwd()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="template_tasks.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="check | diff | update")
    tasks.add_parser("check", help="is there a newer release, and what changed in it?")
    tasks.add_parser("diff", help="what differs from a fresh copy of the same release?")
    update = tasks.add_parser("update", help="update the service, on a branch of its own")
    update.add_argument("--to", metavar="VERSION", help="this release, not the newest one")
    update.add_argument(
        "--data", metavar="NAME=VALUE", action="append", default=[], help="answer a question anew"
    )
    update.add_argument(
        "--lose-edits", action="store_true", help="even if what you have changed in a file is lost"
    )
    options = parser.parse_args()
    if not (SERVICE / ANSWERS).is_file():
        sys.exit(f"There is no {ANSWERS} in {SERVICE}: run this where the service has it.")
    try:
        if options.task == "check":
            print_news()
        elif options.task == "diff":
            print_drift()
        else:
            update_service(options.to, options.data, lose_edits=options.lose_edits)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the service is as it was.")


def run(*command: str, folder: Path = SERVICE, given: str | None = None) -> str:
    """What it prints; the program ends with what it says if it fails."""
    try:
        result = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit(f"There is no program {command[0]}: install uv and git first.")
    if result.returncode != 0:
        called = " ".join(command).removeprefix(" ".join(COPIER[:-1])).strip()
        said = f"{result.stderr}{result.stdout}".strip()
        if "Traceback" in said:
            said = said.splitlines()[-1]
        sys.exit(f"{called} failed, and the service is as it was:\n{said}")
    return result.stdout


def versions() -> tuple[str, str]:
    """That of this service, and the newest one."""
    found = json.loads(run(*COPIER, "check-update", "--output-format=json"))
    if "+" in found["latest_version"]:
        sys.exit(f"The template in {source()} has no tags, and so no release to update to.")
    return found["current_version"], found["latest_version"]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def fresh_copy(answers: Path, folder: Path, version: str) -> dict[str, bytes]:
    """What the template gives with the answers that a file records."""
    folder.mkdir()
    copy(answers, folder / ANSWERS)
    run(*COPIER, "recopy", "--quiet", "--defaults", "--overwrite", "-r", version, folder=folder)
    return files_of(folder)


# ── poe template-check ───────────────────────────────────────────────────────


def print_news() -> None:
    ours, newest = versions()
    if ours == newest:
        print(f"This service is up to date: {ours} is the newest release of its template.")
        return
    print(f"This service is made from {ours}; the newest release of its template is {newest}.\n")
    with TemporaryDirectory() as folder:
        run("git", "clone", "--quiet", "--bare", source(), folder)
        tags = run("git", "tag", folder=Path(folder)).split()
        tag = next(each for each in tags if each.removeprefix("v") == newest)
        changelog = run("git", "show", f"{tag}:CHANGELOG.md", folder=Path(folder))
    for section in re.split(r"(?m)^(?=## )", changelog)[1:]:
        version = re.match(r"## \[?v?(\d[^\]\s]*)", section)
        if version and version[1] == ours:
            break
        if version:
            print(section)
    print("To update: uv run poe template-update")


def source() -> str:
    """Where the template is, as git would call it."""
    (recorded,) = re.findall(r"(?m)^_src_path: ['\"]?(.*?)['\"]?$", (SERVICE / ANSWERS).read_text())
    for short, address in {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}.items():
        recorded = recorded.replace(short, address, 1) if recorded.startswith(short) else recorded
    return str(recorded).removeprefix("git+")


# ── poe template-diff ────────────────────────────────────────────────────────


def print_drift() -> None:
    tracked = set(run("git", "ls-files", "-z").split("\0")) - {""}
    with TemporaryDirectory() as name:
        folder = Path(name)
        fresh = fresh_copy(SERVICE / ANSWERS, folder / "template", ":current:")
        for path in tracked & fresh.keys():
            if (SERVICE / path).is_file():
                (folder / "service" / path).parent.mkdir(parents=True, exist_ok=True)
                copy(SERVICE / path, folder / "service" / path)
        differ = subprocess.run(["git", "diff", "--no-index", "template", "service"], cwd=folder)
    if differ.returncode == 0:
        print("Each file of the template is as in a fresh copy.")
    own = sorted(tracked - fresh.keys() - {"uv.lock"})
    if own:
        print("\nFiles that only this service has:", *own, sep="\n    ")


# ── poe template-update ──────────────────────────────────────────────────────


def update_service(version: str | None, data: list[str], *, lose_edits: bool) -> None:
    refuse_what_git_could_not_undo()
    ours, newest = versions()
    target = version or newest
    if target == ours and not data:
        print(f"This service is up to date: {ours} is the newest release of its template.")
        return
    branch = f"template-{target}"
    tags = run("git", "ls-remote", "--tags", "--refs", source(), target, f"v{target}").split()
    if not tags:
        sys.exit(f"There is no release {target} of the template; the newest one is {newest}.")
    tag = tags[-1].removeprefix("refs/tags/")
    if run("git", "branch", "--list", branch):
        sys.exit(f"There is a branch {branch} already: merge it, or `git branch -D {branch}`.")
    print(f"Updating from {ours} to {target} …", flush=True)
    with second_working_tree() as trial, TemporaryDirectory() as fresh:
        before = fresh_copy(trial / ANSWERS, Path(fresh) / "before", ":current:")
        committed = files_of(trial)
        answers = [f"--data={each}" for each in data]
        update = ("update", "--quiet", "--defaults", "--conflict=inline", f"--vcs-ref={tag}")
        run(*COPIER, *update, *answers, folder=trial)
        refuse_unknown_questions(data, (trial / ANSWERS).read_text())
        after = fresh_copy(trial / ANSWERS, Path(fresh) / "after", tag)
        lost = lost_edits(before, committed, files_of(trial), after)
        if lost and not lose_edits:
            sys.exit(
                "What you have changed in these files would be lost, so nothing was written:\n"
                + "".join(f"    {line}\n" for line in lost)
                + "Move it to files of your own first, or run this again with --lose-edits."
            )
        ignored = sorted(path for path in after if path not in committed and is_ignored(path))
        unmerged = run("git", "ls-files", "--unmerged", "-z", folder=trial)
        run("git", "add", "--all", folder=trial)
        tests_pass = not unmerged and suite_passes(trial)
        run("git", "add", "--update", folder=trial)  # the tests may have brought uv.lock up to date
        message = f"Update from the template, {ours} to {target}"
        run("git", "commit", "--quiet", "--no-verify", "--allow-empty", "-m", message, folder=trial)
        commit = run("git", "rev-parse", "HEAD", folder=trial).strip()
    if ignored:
        print("git ignores these files of the template, so they stay as they are:", *ignored)
    if unmerged:
        leave_conflicts(branch, commit, unmerged)
    before_it = run("git", "branch", "--show-current").strip()
    run("git", "switch", "--quiet", "--create", branch, commit)
    print(f"Updated, in a commit on the new branch {branch}. Read it: git diff {before_it}")
    if not tests_pass:
        sys.exit(f"Its tests fail: mend them here, or go back by `git switch {before_it}`.")
    print(f"Its tests pass. To take it over: git switch {before_it} && git merge {branch}")


def refuse_what_git_could_not_undo() -> None:
    top = run("git", "rev-parse", "--show-toplevel").strip()
    if Path(top).resolve() != SERVICE.resolve():
        sys.exit(f"The git repository is {top}, and this works only where it is the service's own.")
    if not run("git", "branch", "--show-current"):
        sys.exit("You are on no branch: `git switch` to the one that is to be updated.")
    changes = run("git", "status", "--porcelain")
    if changes:
        sys.exit(f"Commit or stash these changes first, then run it again:\n{changes}")
    run("git", "var", "GIT_COMMITTER_IDENT")  # git says what to do if it does not know who you are


def refuse_unknown_questions(data: list[str], recorded: str) -> None:
    """Copier takes them without a word."""
    for each in data:
        name = each.split("=")[0]
        if not re.search(rf"(?m)^{re.escape(name)}: ", recorded):
            sys.exit(f"--data {each}: the template has no question {name}; see {ANSWERS}.")


@contextmanager
def second_working_tree() -> Iterator[Path]:
    run("git", "worktree", "prune")
    with TemporaryDirectory() as folder:
        trial = Path(folder) / SERVICE.resolve().name
        without_hooks = ("git", "-c", "core.hooksPath=/dev/null")
        run(*without_hooks, "worktree", "add", "--quiet", "--detach", str(trial))
        try:
            yield trial
        finally:
            run("git", "worktree", "remove", "--force", str(trial))


def lost_edits(
    before: dict[str, bytes],
    committed: dict[str, bytes],
    updated: dict[str, bytes],
    after: dict[str, bytes],
) -> list[str]:
    edited = [path for path in before if committed.get(path, before[path]) != before[path]]
    return [
        f"{path} would be {'replaced' if path in updated else 'deleted'}"
        for path in edited
        if path != ANSWERS
        and committed[path] != after.get(path)
        and updated.get(path) == after.get(path)
    ]


def is_ignored(path: str) -> bool:
    return subprocess.run(["git", "check-ignore", "--quiet", path], cwd=SERVICE).returncode == 0


def suite_passes(trial: Path) -> bool:
    own = {name: each for name, each in os.environ.items() if name != "VIRTUAL_ENV"}
    return (
        subprocess.run(["uv", "run", "--quiet", "pytest", "-q"], cwd=trial, env=own).returncode == 0
    )


def leave_conflicts(branch: str, commit: str, unmerged: str) -> None:
    """Leaves the files as a merge would, since Copier calls that a success."""
    paths = sorted({entry.split("\t")[1] for entry in unmerged.split("\0") if entry})
    run("git", "switch", "--quiet", "--create", branch)
    run("git", "restore", "--source", commit, "--staged", "--worktree", ":/")
    run("git", "rm", "--quiet", "--cached", "--ignore-unmatch", "--", *paths)
    run("git", "update-index", "-z", "--index-info", given=unmerged)
    sys.exit(
        f"Updated, on the new branch {branch}, but you and the template changed the same lines of\n"
        + "".join(f"    {path}\n" for path in paths)
        + "Look for <<<<<<< in them, `git add` what you have merged, run the tests, and commit."
    )


if __name__ == "__main__":
    main()
