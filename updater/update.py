"""`poe template-update`: the update, in a commit on a branch of its own."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from updater.fresh_copy import AS_RECORDED, commit_fresh_copy
from updater.migrations import repair_history
from updater.moved_names import print_uses_of_moved_names
from updater.processes import GIT, ignore_signals
from updater.releases import is_newest, numbers, tags_of_releases
from updater.service import (
    ANSWERS,
    LOCK,
    SERVICE,
    changed_paths,
    git,
    head_of,
    recorded,
    refuse_another_repository,
    second_working_tree,
    uv_run,
)

FIND_RENAMES = "find-renames=80%"
CONFLICTS = {
    "UU": "you and the template changed the same lines",
    "AA": "you and the template added it",
    "UD": "you changed it, the template deleted it",
    "DU": "you deleted or moved it, the template changed it",
    "DD": "you and the template moved it, to different places",
    "AU": "it is yours, and the template has moved or added something there",
    "UA": "it is the template's, and you have moved or added something there",
}
WRITTEN_BY_UV = {f" M {LOCK}", f"?? {LOCK}"}
"""How git reports what `uv run` does to the lock file before it starts the task."""


def update_service(version: str | None, data: list[str]) -> None:
    refuse_another_repository()
    refuse_what_git_could_not_undo()
    for answer in data:
        if "=" not in answer:
            sys.exit(f"--data {answer}: write the name of a question, =, and the answer.")
    current, base = git("branch", "--show-current").strip(), head_of(SERVICE)
    ours, tags = recorded("_commit").removeprefix("v"), tags_of_releases()
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
            f"There is a branch {branch} already: `git merge {branch}` merges it, "
            f"`git branch -D {branch}` deletes it."
        )
    if numbers(target) < numbers(ours):
        print(f"Warning: {target} is older than {ours}, so this removes what {ours} added.")
    print(f"Updating from {ours} to {target} ...", flush=True)
    with second_working_tree() as tree:
        before = commit_fresh_copy(tree, f"The template at {ours}", *AS_RECORDED)
        answers = [f"--data={answer}" for answer in data]
        message = f"Update from the template, {ours} to {target}"
        after = commit_fresh_copy(tree, message, f"--vcs-ref={tags[target]}", *answers)
        refuse_unknown_questions(data, (tree / ANSWERS).read_text("utf-8"))
        if not changed_paths(before, after):
            print("That is what this service has: there is nothing to update.")
            return
        after = leave_deleted(tree, base, before, after)
        git("switch", "--quiet", "--detach", base, folder=tree)
        conflicts = cherry_pick(after, tree)
        if not conflicts and (repairs := repair_history(tree, base, before, after)):
            print(*repairs, sep="\n", flush=True)
            git("commit", "--quiet", "--amend", "--no-edit", folder=tree)
        new = ("--cached", "--no-renames", "--diff-filter=AU", base)
        refuse_to_overwrite(set(changed_paths(*new, folder=tree)))
        tests_pass = not conflicts and suite_passes(tree)
        if changed_paths("--", LOCK, folder=tree):
            git("commit", "--quiet", "--amend", "--no-edit", LOCK, folder=tree)
        updated = head_of(tree)
        if not conflicts:
            print_uses_of_moved_names(tree, changed_paths(after, folder=tree), ours, target)
    if conflicts:
        refuse_what_git_could_not_undo()  # what was saved meanwhile
        ignore_signals()  # from here on, the files do change
        git("switch", "--quiet", "--no-overwrite-ignore", "--create", branch, base)
        conflicts = cherry_pick(after, SERVICE)
        for sentence in repair_history(SERVICE, base, before, after, has_conflicts=True):
            print(sentence)
        print_uses_of_moved_names(SERVICE, changed_paths(after), ours, target)
        sys.exit(how_to_merge(branch, current, conflicts))
    git("branch", branch, updated)
    print(f"\nThe update is a commit on the branch {branch}; nothing else has changed.")
    restore = ""
    if git("status", "--porcelain", "--", LOCK).startswith(" M"):
        print(f"{LOCK} has changes that are not committed: the branch has them, too.")
        restore = f"git restore {LOCK} && "
    if not tests_pass:
        sys.exit(f"Its tests fail. To fix them: {restore}git switch {branch}")
    print(f"Its tests pass.\n    to read it:  git diff {shlex.quote(current)}...{branch}")
    print(f"    to merge it: {restore}git merge {branch}")


def refuse_what_git_could_not_undo() -> None:
    if not git("branch", "--show-current"):
        sys.exit("You are on no branch: `git switch` to the one that is to be updated.")
    changes = git("status", "--porcelain").splitlines()
    if not WRITTEN_BY_UV.issuperset(changes):
        others = "\n".join(change for change in changes if change not in WRITTEN_BY_UV)
        sys.exit(f"Commit or stash these changes first, then run it again:\n{others}")
    git("ls-files", "--error-unmatch", ANSWERS)
    git("var", "GIT_COMMITTER_IDENT")  # git says what to do if it does not know who you are


def refuse_unknown_questions(data: list[str], answers: str) -> None:
    """Copier would accept them without a word."""
    for answer in data:
        name = answer.split("=")[0]
        if name.startswith("_") or not re.search(rf"(?m)^{re.escape(name)}:", answers):
            sys.exit(f"--data {answer}: the template has no question {name}; see {ANSWERS}.")


def refuse_to_overwrite(new: set[str]) -> None:
    """Git would overwrite files that it ignores."""
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
    """Returns the files in conflict, with the two letters of git status for the kind."""
    command = [*GIT, "cherry-pick", f"-X{FIND_RENAMES}", commit]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    entries = git("status", "--porcelain", "--no-renames", "-z", folder=folder).split("\0")
    conflicts = {entry[3:]: entry[:2] for entry in entries if entry[:2] in CONFLICTS}
    if result.returncode != 0 and not conflicts:
        sys.exit(f"git cherry-pick {commit} failed in {folder}:\n{result.stderr}")
    return conflicts


def suite_passes(tree: Path) -> bool:
    with uv_run("pytest", "-q", folder=tree) as suite:
        return suite.wait() == 0


def how_to_merge(branch: str, current: str, conflicts: dict[str, str]) -> str:
    """Returns the instructions, with `uv lock` if need be: no test has brought it up to date."""
    lock = f"uv lock && git add {LOCK} && " if (SERVICE / LOCK).exists() else ""
    back = f"git switch {shlex.quote(current)}"
    lines = "".join(f"    {path}: {CONFLICTS[letters]}\n" for path, letters in conflicts.items())
    return (
        f"The update is on the new branch {branch}, where you are now, with conflicts:\n{lines}"
        "Merge them, and `git add` or `git rm` each.\n"
        f"    then:        {lock}git cherry-pick --continue && uv run poe check\n"
        f"    to merge it: {back} && git merge {branch}\n"
        f"    to go back:  git cherry-pick --abort; {back}; git branch -D {branch}"
    )
