"""`poe template-update`: the update, in a commit on a branch of its own."""

import re
import shlex
import sys
from argparse import Namespace
from dataclasses import dataclass, field

from updater.fresh_copy import Files, both_copies, commit
from updater.merging import (
    cherry_pick,
    refuse_to_overwrite,
    refuse_what_git_could_not_undo,
    without_stale_changes,
)
from updater.migrations import repair_history
from updater.moved_names import uses_of_moved_names
from updater.processes import ignore_signals
from updater.pull_request import write_pull_request
from updater.releases import Revision, find, find_withdrawn, newest_release, releases, yanked
from updater.service import LOCK, Service, second_working_tree
from updater.suites import FAIL, FAILED_BEFORE, NOT_RUN, PASS, passed_before, suite_passes
from updater.versions import is_older


@dataclass
class Update:
    """What came out of an update."""

    ours: Revision
    target: Revision
    branch: str
    conflicts: dict[str, str] = field(default_factory=dict)
    """The reason for each file in conflict, by its path in the repository."""
    tests: str = NOT_RUN
    notes: list[str] = field(default_factory=list)
    """What a person has to know besides."""

    @property
    def title(self) -> str:
        return f"Update from the template, {self.ours.name} to {self.target.name}"


def update_service(service: Service, options: Namespace) -> None:
    refuse_what_git_could_not_undo(service)
    for answer in options.data:
        if "=" not in answer:
            sys.exit(f"--data {answer}: write the name of a question, =, and the answer.")
    ours = release_of(service, options.base)
    target = find_target(options.to)
    if not options.data and not options.template and not is_news(ours, target, options.to):
        print(f"This service is made from {ours.name} already; {about_newest()}")
        return
    update = Update(ours, target, free_branch(service, target))
    if is_older(target.name, ours.name):
        print(
            f"Warning: {target.name} is older than {ours.name}, so this removes what {ours.name} added."
        )
    if target.name in yanked():
        print(f"Warning: {target.name} was withdrawn, says the changelog of the template.")
    print(f"Updating from {ours.name} to {target.name} ...", flush=True)
    if not merge(service, update, options):
        print("That is what this service has: there is nothing to update.")
        return
    if options.pull_request:
        write_pull_request(service, update, options.pull_request)


def release_of(service: Service, base: str | None) -> Revision:
    """The release that the service was made from, or as if it was made from."""
    recorded = service.recorded("_commit")
    found = find(base) if base else find(recorded) or find_withdrawn(recorded.removeprefix("v"))
    if found is None and base:
        sys.exit(f"There is no release, branch or commit {base} of the template for --from.")
    if found is None:
        sys.exit(
            f"This service is made from {recorded}, which the template does not have any more.\n"
            f"Name the release that is nearest to it: --from {newest_release().name}"
        )
    return found


def find_target(name: str | None) -> Revision:
    target = newest_release() if name is None else find(name)
    if target is None:
        sys.exit(f"There is no release, branch or commit {name} of the template; {about_newest()}")
    return target


def about_newest() -> str:
    names = list(releases())
    return f"the newest release is {names[-1]}." if names else "it has no release."


def is_news(ours: Revision, target: Revision, asked_for: str | None) -> bool:
    if ours.commit == target.commit:
        return False
    was_withdrawn = ours.name in yanked()
    return asked_for is not None or was_withdrawn or not is_older(target.name, ours.name)


def free_branch(service: Service, target: Revision) -> str:
    """The name of the new branch; it can be that of one which has been merged."""
    branch = f"{start_of_branches(service)}{target.name}"
    if service.git("branch", "--list", branch):
        merged = service.git("branch", "--list", "--merged", "HEAD", branch)
        if not merged or merged[0] in "*+":
            sys.exit(
                f"There is a branch {branch} already: `git merge {branch}` merges it, "
                f"`git branch -D {branch}` deletes it."
            )
    return branch


def start_of_branches(service: Service) -> str:
    place = re.sub(r"[^\w.]+", "-", service.prefix)  # git allows fewer characters than folders have
    return f"template-{place}"


def print_older_branches(service: Service, update: Update) -> None:
    start = start_of_branches(service)
    command = ("branch", "--no-merged", "HEAD", "--format=%(refname:short)", "--list")
    for branch in service.git(*command, f"{start}*").split():
        if is_older(branch.removeprefix(start), update.target.name):
            print(
                f"The branch {branch} has an older update, which is part of this one: "
                f"`git branch -D {branch}` deletes it."
            )


def merge(service: Service, update: Update, options: Namespace) -> bool:
    """Returns whether there was anything to merge."""
    current, base, branch = service.branch, service.head, update.branch
    before, after = both_copies(service, update.ours, update.target, options.template, options.data)
    refuse_unknown_questions(service, options.data, after)
    for path in {*before, *after}:
        if service.is_ours(path):
            before.pop(path, None)
            after.pop(path, None)
    if before == after:
        return False
    fresh = commit(service, before, f"The template at {update.ours.name}", base)
    after, stale = without_stale_changes(service, fresh, before, after)
    if stale:
        update.notes.append(
            "The template has changed files that you have deleted or rewritten elsewhere:\n"
            + "\n".join(stale)
        )
    change = commit(service, after, update.title, fresh)
    with second_working_tree(service) as tree:
        update.conflicts = cherry_pick(change, tree)
        if update.conflicts and not options.pull_request:
            refuse_to_overwrite(service, new_paths(tree, base))
            continue_in_the_service(service, update, change, current, base, fresh)
        update.notes += repair_history(
            tree, base, fresh, change, has_conflicts=bool(update.conflicts)
        )
        print_notes(update)
        refuse_to_overwrite(service, new_paths(tree, base))
        if update.conflicts:
            commit_with_markers(tree, update)
        elif tree.changed_paths("--cached"):
            tree.git("commit", "--amend", "--no-edit")
        if options.tests and not update.conflicts:
            update.tests = PASS if suite_passes(tree) else FAIL
        if tree.changed_paths("--", LOCK):
            tree.git("commit", "--amend", "--no-edit", LOCK)
        updated = tree.head
        uses = uses_of_old_names(tree, update, change)
        if update.tests == FAIL and not passed_before(service, tree, base):
            update.tests = FAILED_BEFORE
    if uses:
        update.notes.append(uses)
        print(f"\n{uses}", flush=True)
    service.git("branch", "--force", branch, updated)
    print(f"\nThe update is a commit on the branch {branch}; nothing else has changed.")
    print_older_branches(service, update)
    if not options.pull_request:
        print_what_is_next(service, update, current)
    return True


def uses_of_old_names(updated: Service, update: Update, change: str) -> str:
    """Looks at the files in which the team has a part."""
    paths = updated.changed_paths(change)
    return uses_of_moved_names(updated.folder, paths, update.ours.name, update.target.name)


def new_paths(tree: Service, base: str) -> set[str]:
    return set(tree.changed_paths("--no-renames", "--diff-filter=AU", base))


def print_notes(update: Update) -> None:
    if update.notes:
        print(*update.notes, sep="\n", flush=True)


def refuse_unknown_questions(service: Service, data: list[str], after: Files) -> None:
    """Copier would accept them without a word."""
    answers = service.git("cat-file", "blob", after[service.answers_file][1])
    for answer in data:
        name = answer.split("=")[0]
        if name.startswith("_") or not re.search(rf"(?m)^{re.escape(name)}:", answers):
            sys.exit(
                f"--data {answer}: the template has no question {name}; see {service.answers_file}."
            )


def continue_in_the_service(
    service: Service, update: Update, change: str, current: str, base: str, fresh: str
) -> None:
    """Leaves the conflicts to the team, on the new branch, and ends the updater."""
    refuse_what_git_could_not_undo(service)  # what was saved meanwhile
    ignore_signals()  # from here on, the files do change
    branch = update.branch
    if service.git("branch", "--list", branch):
        service.git("branch", "--delete", "--force", branch)
    service.git("switch", "--no-overwrite-ignore", "--create", branch, base)
    conflicts = cherry_pick(change, service)
    update.notes += repair_history(service, base, fresh, change, has_conflicts=True)
    print_notes(update)
    uses = uses_of_old_names(service, update, change)
    if uses:
        print(f"\n{uses}", flush=True)
    sys.exit(how_to_merge(service, branch, current, conflicts))


def commit_with_markers(tree: Service, update: Update) -> None:
    """Commits the conflicts as they are, for a pull request that shows them."""
    whole = Service(tree.top, tree.answers_file, tree.options)
    whole.git("add", "--", *update.conflicts)
    tree.git("commit", "--message", f"{update.title}, with conflicts")


def print_what_is_next(service: Service, update: Update, current: str) -> None:
    restore = ""
    if service.git("status", "--porcelain", "--", LOCK).startswith(" M"):
        print(f"{LOCK} has changes that are not committed: the branch has them, too.")
        restore = f"git restore {LOCK} && "
    if update.tests in (FAIL, FAILED_BEFORE):
        sys.exit(f"{update.tests} To fix them: {restore}git switch {update.branch}")
    print(f"{update.tests}\n    to read it:  git diff {shlex.quote(current)}...{update.branch}")
    print(f"    to merge it: {restore}git merge {update.branch}")


def how_to_merge(service: Service, branch: str, current: str, conflicts: dict[str, str]) -> str:
    """Returns the instructions, with `uv lock` if need be: no test has brought it up to date."""
    lock = f"uv lock && git add {LOCK} && " if (service.folder / LOCK).exists() else ""
    back = f"git switch {shlex.quote(current)}"
    lines = "".join(
        f"    {path.removeprefix(service.prefix)}: {reason}\n" for path, reason in conflicts.items()
    )
    return (
        f"The update is on the new branch {branch}, where you are now, with conflicts:\n{lines}"
        "Merge them, and `git add` or `git rm` each.\n"
        f"    then:        {lock}git cherry-pick --continue && uv run poe check\n"
        f"    to merge it: {back} && git merge {branch}\n"
        f"    to go back:  git cherry-pick --abort; {back}; git branch -D {branch}"
    )
