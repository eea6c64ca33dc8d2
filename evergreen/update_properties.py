"""Properties of updates. The functions return what violates a property: nothing if it holds."""

from pathlib import Path

from evergreen.forked_suites import suites_of
from evergreen.questions import Answers
from evergreen.releases import commit_all, conflicts, copy_of_release, fresh_files, update
from evergreen.rendering import differences, files_of
from evergreen.suites import digest_of_tree, own_environment


def equals_a_fresh_copy(
    template: Path, folder: Path, version: str, answers: Answers, to: str, changed: Answers
) -> list[str]:
    """An updated service without edits equals a fresh copy, even if some answers change."""
    service = copy_of_release(template, version, answers, folder)
    update(service, to, **changed)
    return differences(files_of(service), fresh_files(template, to, answers | changed))


def comes_back(
    template: Path, folder: Path, version: str, answers: Answers, changed: Answers
) -> list[str]:
    """Switching a feature and then switching it back leaves the service as it was."""
    service = copy_of_release(template, version, answers, folder)
    before = files_of(service)
    update(service, version, **changed)
    commit_all(service)
    update(service, version, **{name: answers[name] for name in changed})
    return differences(files_of(service), before)


def is_the_same_by_stages(
    template: Path, folder: Path, versions: list[str], answers: Answers
) -> list[str]:
    """Updating release by release gives the same as updating at once."""
    by_stages = copy_of_release(template, versions[0], answers, folder / "by stages")
    for version in versions[1:]:
        update(by_stages, version)
        commit_all(by_stages)
    at_once = copy_of_release(template, versions[0], answers, folder / "at once")
    update(at_once, versions[-1])
    return differences(files_of(by_stages), files_of(at_once))


def changes_nothing_the_second_time(
    template: Path, folder: Path, version: str, answers: Answers, to: str
) -> list[str]:
    service = copy_of_release(template, version, answers, folder)
    update(service, to)
    commit_all(service)
    before = files_of(service)
    update(service, to)
    return differences(files_of(service), before)


def lost_lines(
    original: dict[str, bytes], edited: dict[str, bytes], updated: dict[str, bytes]
) -> list[str]:
    """Lists lines that a team added and the update removed, and deleted files that are back."""

    def lines(files: dict[str, bytes], path: str) -> set[str]:
        return set(files.get(path, b"").decode().splitlines())

    lost = [
        f"{path}: {line}"
        for path in edited
        for line in sorted(lines(edited, path) - lines(original, path) - lines(updated, path))
    ]
    back = [f"{path} is back" for path in original if path not in edited and path in updated]
    return lost + back


def keeps_what_was_edited(
    service: Path, original: dict[str, bytes], edited: dict[str, bytes], fresh: dict[str, bytes]
) -> list[str]:
    """After an update nothing is lost, and files without edits are up to date."""
    updated = files_of(service)
    untouched = [path for path in original if edited.get(path) == original[path]]
    untouched += [path for path in fresh if path not in original and path not in edited]
    stale = [
        f"{path} is not up to date" for path in untouched if updated.get(path) != fresh.get(path)
    ]
    unmerged = [path for path in conflicts(service) if edited.get(path) == original.get(path)]
    return (
        lost_lines(original, edited, updated)
        + stale
        + [f"{path} has a conflict, though it was not edited" for path in unmerged]
    )


def suite_failure(programs: dict[str, Path], passed: Path, service: Path, answers: Answers) -> str:
    """Runs the tests of a service with the programs of the tip; returns the output if they fail.

    Services whose tests see the same files share a run: it creates a file in the folder `passed`.
    """
    same = passed / digest_of_tree(files_of(service))
    if same.exists():
        return ""
    suites = suites_of(programs[str(answers.get("database", "sqlite"))])
    suite = suites.run(service, "-q", "-x", environment=own_environment())
    if suite.code == 0:
        same.touch()
        return ""
    return suite.output
