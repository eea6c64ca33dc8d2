"""Merges what the template has changed into a service, by git, and says what to do in a conflict."""

import subprocess
import sys
from pathlib import Path

from updater.fresh_copy import Files
from updater.processes import GIT
from updater.service import LOCK, Service

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


def cherry_pick(commit: str, service: Service) -> dict[str, str]:
    """Returns the reason for each conflict, by the path of the file in the repository."""
    command = [*GIT, *service.options, "cherry-pick", f"-X{FIND_RENAMES}", commit]
    result = subprocess.run(
        command, cwd=service.folder, capture_output=True, text=True, errors="backslashreplace"
    )
    statuses = service.statuses()
    conflicts = {
        path: CONFLICTS[letters] for path, letters in statuses.items() if letters in CONFLICTS
    }
    if result.returncode != 0 and not conflicts:
        sys.exit(f"git cherry-pick {commit} failed in {service.folder}:\n{result.stderr}")
    return conflicts


def without_stale_changes(
    service: Service, fresh: str, before: Files, after: Files
) -> tuple[Files, list[str]]:
    """Returns the update without its changes to files that the service no longer has, and those.

    `fresh` is the commit of the copy `before`.
    """
    deleted = service.changed_paths("--diff-filter=D", f"--{FIND_RENAMES}", fresh, "HEAD")
    stale = [
        path for path in deleted if path in before and path in after and before[path] != after[path]
    ]
    return after | {path: before[path] for path in stale}, stale


def refuse_what_git_could_not_undo(service: Service) -> None:
    if not service.branch:
        sys.exit("You are on no branch: `git switch` to the one that is to be updated.")
    changes = [
        f"{letters} {path}"
        for path, letters in service.statuses().items()
        if not is_harmless(service, path, letters)
    ]
    if changes:
        listed = "\n".join(changes)
        sys.exit(f"Commit or stash these changes first, then run it again:\n{listed}")
    hidden = [
        entry[2:]
        for entry in service.git("ls-files", "-v", "-z").split("\0")
        if entry
        and (entry[0].islower() or entry[0] == "S")
        and (service.folder / entry[2:]).exists()
    ]
    if hidden:
        listed = "\n".join(f"    {path}" for path in hidden)
        sys.exit(
            "git is told to ignore changes of these files, which could be lost. Run\n"
            "`git update-index --no-assume-unchanged --no-skip-worktree` for each first:\n"
            f"{listed}"
        )
    service.git("ls-files", "--error-unmatch", service.answers_file)
    service.git("var", "GIT_COMMITTER_IDENT")  # git says what to do if it does not know who you are


def is_harmless(service: Service, path: str, letters: str) -> bool:
    """What `uv run` does to the lock file before it starts the task, and new files elsewhere."""
    folder = path.removesuffix(LOCK)
    is_lock = folder != path and service.prefix.startswith(folder)
    elsewhere = not path.startswith(service.prefix) and not service.prefix.startswith(path)
    return (is_lock and letters in (" M", "??")) or (elsewhere and letters == "??")


def refuse_to_overwrite(service: Service, new: set[str]) -> None:
    """Git would overwrite files that it ignores."""
    needed = new | {str(folder) for path in new for folder in Path(path).parents}
    in_the_way = [
        path
        for path in service.git("ls-files", "--others", "-z").split("\0")[:-1]
        if path in needed or not new.isdisjoint(map(str, Path(path).parents))
    ]
    if in_the_way:
        sys.exit(
            "You have not committed these, and the template has files there. Move them first:\n"
            + "\n".join(f"    {path}" for path in in_the_way)
        )
