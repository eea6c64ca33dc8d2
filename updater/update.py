"""The template that this service was made from: what is new in it, what differs, and updates.

    uv run poe template-check     # is there a newer release, and what changed in it?
    uv run poe template-diff      # what differs from a fresh copy of the same release?
    uv run poe template-update    # the update, in a commit on a branch of its own

For an update, Copier makes two fresh copies, of the release that the service has and of the newer
one, and git merges what differs between them. So whatever you and the template have both changed
is a conflict, and never lost. This happens in a second working tree, in a temporary folder: whoever
interrupts it finds the service as it was.
"""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

COPIER = ("uvx", "--quiet", "--from", "copier>=9.19,<10", "copier")
ANSWERS = ".copier-answers.yml"
AS_RECORDED = ("--vcs-ref=:current:", f"--exclude={ANSWERS}")
FIND_RENAMES = "find-renames=80%"
SERVICE = Path.cwd()
GIT = (
    "git",
    "--literal-pathspecs",
    *("-c", "core.hooksPath=/dev/null"),  # the hooks are for the commits of people
    *("-c", "core.safecrlf=false"),
    *("-c", "merge.directoryRenames=false"),
    *("-c", "rerere.autoUpdate=false"),  # or a conflict would look as if it were solved
    *("-c", "submodule.recurse=false"),
)
CONFLICTS = {
    "UU": "you and the template changed the same lines",
    "AA": "you and the template added it",
    "UD": "you changed it, the template deleted it",
    "DU": "you deleted or moved it, the template changed it",
    "DD": "you and the template moved it, to different places",
    "AU": "it is yours, and the template has moved or made something there",
    "UA": "it is the template's, and you have moved or made something there",
}


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
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and so remove the second working tree
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        os.environ.pop(name, None)  # set by git for its hooks and aliases
    if not (SERVICE / ANSWERS).is_file():
        sys.exit(f"There is no {ANSWERS} in {SERVICE}: run this where the service has it.")
    try:
        template = address_of_template()
        if options.task == "check":
            print_news(template)
        elif options.task == "diff":
            print_drift()
        else:
            update_service(template, options.to, options.data)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the service is as it was.")


def run(*command: str, folder: Path = SERVICE) -> str:
    """What it prints; the program ends with what it says if it fails."""
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, encoding="utf-8", errors="backslashreplace"
        )
    except FileNotFoundError:
        sys.exit(f"There is no program {command[0]}: install uv and git first.")
    if result.returncode != 0:
        said = f"{result.stderr}{result.stdout}".strip()
        if "Traceback" in said:
            said = said.splitlines()[-1]
        called = " ".join(command).replace(" ".join(GIT), "git")
        sys.exit(f"{called} failed, and the service is as it was:\n{said}")
    return result.stdout


def git(*arguments: str, folder: Path = SERVICE) -> str:
    return run(*GIT, *arguments, folder=folder)


def head_of(folder: Path) -> str:
    return git("rev-parse", "HEAD", folder=folder).strip()


def changed_paths(*arguments: str, folder: Path = SERVICE) -> list[str]:
    return git("diff", "--name-only", "-z", *arguments, folder=folder).split("\0")[:-1]


def recorded(name: str) -> str:
    answers = re.sub(r"\n +", " ", (SERVICE / ANSWERS).read_text("utf-8"))  # YAML folds lines
    found = re.search(rf"(?m)^{name}: ['\"]?(.*?)['\"]?$", answers)
    return found[1] if found else sys.exit(f"There is no {name} in {ANSWERS}.")


def address_of_template() -> str:
    """As git would write it."""
    template = recorded("_src_path").removeprefix("git+")
    if template.startswith("~"):
        template = str(Path(template).expanduser())
    for short, address in {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}.items():
        if template.startswith(short):
            template = address + template.removeprefix(short)
    if ":" not in template and not template.startswith("/"):
        sys.exit(
            f"The template is in {template}, says {ANSWERS}, but relative to which folder?\n"
            "Write its whole path or its address there, and commit that."
        )
    return template


def tags_of_releases(template: str) -> dict[str, str]:
    """Of each version, the oldest first, its tag."""
    refs = git("ls-remote", "--tags", "--refs", template).split()[1::2]
    tags = [ref.removeprefix("refs/tags/") for ref in refs]
    releases = {tag.removeprefix("v"): tag for tag in tags if re.fullmatch(r"v?\d+(\.\d+)+", tag)}
    if not releases:
        sys.exit(f"The template in {template} has no tags, and so no release to update to.")
    return dict(sorted(releases.items(), key=lambda item: numbers(item[0])))


def numbers(version: str) -> list[int]:
    """By which versions are compared; those of a commit after 1.2.0, as git calls it: 1.2.0-3-g…"""
    found = re.match(r"\d+(\.\d+)+(-\d+)?", version)
    return [int(number) for number in re.findall(r"\d+", found[0])] if found else []


def is_newest(ours: str, newest: str) -> bool:
    return ours == newest or numbers(newest) < numbers(ours)


@contextmanager
def second_working_tree() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        tree = Path(folder) / SERVICE.resolve().name
        git("worktree", "add", "--quiet", "--detach", str(tree))
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def refuse_another_repository() -> None:
    top = git("rev-parse", "--show-toplevel").strip()
    if Path(top).resolve() != SERVICE.resolve():
        sys.exit(f"The git repository is {top}, and this works only where it is the service's own.")


def commit_fresh_copy(tree: Path, message: str, *options: str) -> str:
    """What the template gives with the answers that are committed there."""
    git("rm", "--quiet", "--force", "-r", ".", folder=tree)
    git("checkout", "--quiet", "HEAD", "--", ANSWERS, folder=tree)
    run(*COPIER, "recopy", "--quiet", "--defaults", "--overwrite", *options, folder=tree)
    git("add", "--all", "--force", folder=tree)
    commit = ("commit", "--quiet", "--no-gpg-sign", "--allow-empty", "-m", message)
    git(*commit, folder=tree)
    return head_of(tree)


# ── poe template-check ───────────────────────────────────────────────────────


def print_news(template: str) -> None:
    ours, tags = recorded("_commit").removeprefix("v"), tags_of_releases(template)
    newest = list(tags)[-1]
    if is_newest(ours, newest):
        print(f"This service is up to date: {ours} is the newest release of its template.")
        return
    print(f"This service is made from {ours}; the newest release of its template is {newest}.\n")
    with TemporaryDirectory() as folder:
        git("clone", "--quiet", "--bare", "--depth=1", "--branch", tags[newest], template, folder)
        changelog = git("show", "HEAD:CHANGELOG.md", folder=Path(folder))
    for section in re.split(r"(?m)^(?=## )", changelog)[1:]:
        version = re.match(r"## \[?v?(\d[^\]\s]*)", section)
        if version and numbers(version[1]) <= numbers(ours):
            break
        if version:
            print(section)
    print("To update: uv run poe template-update")


# ── poe template-diff ────────────────────────────────────────────────────────


def print_drift() -> None:
    refuse_another_repository()
    with second_working_tree() as tree:
        fresh = commit_fresh_copy(tree, "A fresh copy", *AS_RECORDED)
    if changed_paths("--diff-filter=a", fresh):
        subprocess.run(["git", "diff", "--diff-filter=a", fresh], cwd=SERVICE)
    else:
        print("Each file of the template is as in a fresh copy.")
    own = [path for path in changed_paths("--diff-filter=A", fresh) if path != "uv.lock"]
    if own:
        print("\nFiles that only this service has:", *own, sep="\n    ")


# ── poe template-update ──────────────────────────────────────────────────────


def update_service(template: str, version: str | None, data: list[str]) -> None:
    refuse_another_repository()
    refuse_what_git_could_not_undo()
    for each in data:
        if "=" not in each:
            sys.exit(f"--data {each}: write the name of a question, =, and the answer.")
    current, base = git("branch", "--show-current").strip(), head_of(SERVICE)
    ours, tags = recorded("_commit").removeprefix("v"), tags_of_releases(template)
    newest = list(tags)[-1]
    target = (version or newest).removeprefix("v")
    if not data and (target == ours or (not version and is_newest(ours, newest))):
        print(f"This service is made from {ours} already; the newest release is {newest}.")
        return
    if target not in tags:
        sys.exit(f"There is no release {target} of the template; the newest one is {newest}.")
    branch = f"template-{target}"
    if git("branch", "--list", branch):
        sys.exit(
            f"There is a branch {branch} already: `git merge {branch}` takes it over, "
            f"`git branch -D {branch}` deletes it."
        )
    print(f"Updating from {ours} to {target} ...", flush=True)
    with second_working_tree() as tree:
        before = commit_fresh_copy(tree, f"The template at {ours}", *AS_RECORDED)
        answers = [f"--data={each}" for each in data]
        message = f"Update from the template, {ours} to {target}"
        after = commit_fresh_copy(tree, message, f"--vcs-ref={tags[target]}", *answers)
        refuse_unknown_questions(data, (tree / ANSWERS).read_text("utf-8"))
        if not changed_paths(before, after):
            print("That is what this service has: there is nothing to update.")
            return
        after = leave_deleted(tree, base, before, after)
        git("switch", "--quiet", "--detach", base, folder=tree)
        conflicts = cherry_pick(after, tree)
        new = ("--cached", "--no-renames", "--diff-filter=AU", base)
        refuse_to_overwrite(set(changed_paths(*new, folder=tree)))
        tests_pass = not conflicts and suite_passes(tree)
        if changed_paths("--", "uv.lock", folder=tree):
            git("commit", "--quiet", "--amend", "--no-edit", "uv.lock", folder=tree)
        updated = head_of(tree)
    if conflicts:
        refuse_what_git_could_not_undo()  # what was saved meanwhile
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # from here on, the files do change
        git("switch", "--quiet", "--no-overwrite-ignore", "--create", branch, base)
        sys.exit(how_to_merge(branch, current, cherry_pick(after, SERVICE)))
    git("branch", branch, updated)
    print(f"\nThe update is a commit on the branch {branch}; nothing else has changed.")
    if not tests_pass:
        sys.exit(f"Its tests fail. To mend them: git switch {branch}")
    print(f"Its tests pass.\n    to read it:      git diff {shlex.quote(current)}...{branch}")
    print(f"    to take it over: git merge {branch}")


def refuse_what_git_could_not_undo() -> None:
    if not git("branch", "--show-current"):
        sys.exit("You are on no branch: `git switch` to the one that is to be updated.")
    changes = git("status", "--porcelain")
    if changes:
        sys.exit(f"Commit or stash these changes first, then run it again:\n{changes}")
    git("ls-files", "--error-unmatch", ANSWERS)
    git("var", "GIT_COMMITTER_IDENT")  # git says what to do if it does not know who you are


def refuse_unknown_questions(data: list[str], answers: str) -> None:
    """Copier takes them without a word."""
    for each in data:
        name = each.split("=")[0]
        if name.startswith("_") or not re.search(rf"(?m)^{re.escape(name)}:", answers):
            sys.exit(f"--data {each}: the template has no question {name}; see {ANSWERS}.")


def refuse_to_overwrite(new: set[str]) -> None:
    """Git does not mind what it ignores."""
    needed = new | {str(folder) for path in new for folder in Path(path).parents}
    in_the_way = [
        path
        for path in git("ls-files", "--others", "-z").split("\0")[:-1]
        if path in needed or not new.isdisjoint(map(str, Path(path).parents))
    ]
    if in_the_way:
        sys.exit(
            "You have not committed these, and the template has files there. Move them first:\n"
            + "\n".join(f"    {path}" for path in in_the_way)
        )


def leave_deleted(tree: Path, base: str, before: str, after: str) -> str:
    """The update without its changes to files that the service no longer has."""
    deleted = changed_paths("--diff-filter=D", f"--{FIND_RENAMES}", before, base)
    changed = changed_paths("--diff-filter=M", before, after)
    stale = sorted(set(deleted) & set(changed))
    if stale:
        print("The template has changed files that you have deleted or rewritten elsewhere:")
        print(*stale, sep="\n")
        git("checkout", before, "--", *stale, folder=tree)
        git("commit", "--quiet", "--no-gpg-sign", "--amend", "--no-edit", folder=tree)
    return head_of(tree)


def cherry_pick(commit: str, folder: Path) -> dict[str, str]:
    """Of each file that has a conflict, who did what to it, in the two letters of git status."""
    command = [*GIT, "cherry-pick", f"-X{FIND_RENAMES}", commit]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    entries = git("status", "--porcelain", "--no-renames", "-z", folder=folder).split("\0")
    conflicts = {entry[3:]: entry[:2] for entry in entries if entry[:2] in CONFLICTS}
    if result.returncode != 0 and not conflicts:
        sys.exit(f"git cherry-pick {commit} failed in {folder}:\n{result.stderr}")
    return conflicts


def suite_passes(tree: Path) -> bool:
    in_use = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")  # by the service as it is
    own = {name: each for name, each in os.environ.items() if name not in in_use}
    command = ["uv", "run", "--quiet", "pytest", "-q"]
    return subprocess.run(command, cwd=tree, env=own).returncode == 0


def how_to_merge(branch: str, current: str, conflicts: dict[str, str]) -> str:
    """A lock file has to be brought up to date here, since no test has run yet."""
    lock = "uv lock && git add uv.lock && " if (SERVICE / "uv.lock").exists() else ""
    back = f"git switch {shlex.quote(current)}"
    lines = "".join(f"    {path}: {CONFLICTS[letters]}\n" for path, letters in conflicts.items())
    return (
        f"The update is on the new branch {branch}, where you are now, with conflicts:\n{lines}"
        "Merge them, and `git add` or `git rm` each.\n"
        f"    then:            {lock}git cherry-pick --continue && uv run poe check\n"
        f"    to take it over: {back} && git merge {branch}\n"
        f"    to go back:      git cherry-pick --abort; {back}; git branch -D {branch}"
    )


if __name__ == "__main__":
    main()
