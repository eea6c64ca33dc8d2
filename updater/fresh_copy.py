"""Has Copier make a fresh copy of the template, and git keep it in a commit.

No working tree is involved: what the service's git ignores, hides or converts can't get between
what Copier has written and what is merged.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from updater.formatting import adopt_formatting, adopt_line_ends, own_settings
from updater.processes import GIT, run, running
from updater.releases import CLONE, Revision
from updater.service import Service

COPIER = ("uvx", "--quiet", "--from", "copier>=9.19,<10", "copier")
SOURCE = re.compile(r"(?m)^_src_path: .*(?:\n .*)*$")

Files = dict[str, tuple[str, str]]
"""The mode and the hash of each file, by its path in the service."""


def base_copy(service: Service, revision: Revision) -> Files:
    """The copy that the service was made from."""
    with rendering(service, revision, []) as finished:
        folder = finished()
        return adopted(service, folder, base_settings(service, folder))


def both_copies(
    service: Service, ours: Revision, target: Revision, address: str | None, data: list[str]
) -> tuple[Files, Files]:
    """The base copy, and one of the target with `data` for answers and the address of the template.

    Copier makes them at the same time, since one takes seconds.
    """
    with (
        rendering(service, ours, []) as base_finished,
        rendering(service, target, data) as target_finished,
    ):
        base, fresh = base_finished(), target_finished()
        settings = base_settings(service, base)
        answers = fresh / service.answers_file
        text = SOURCE.sub(
            lambda _: source_of(service, address), answers.read_text("utf-8"), count=1
        )
        if target.tag:  # a commit can have others, too
            text = re.sub(r"(?m)^_commit: .*$", f"_commit: {target.tag}", text)
        answers.write_text(text, "utf-8", newline="")
        return adopted(service, base, settings), adopted(service, fresh, settings)


@contextmanager
def rendering(
    service: Service, revision: Revision, data: list[str]
) -> Iterator[Callable[[], Path]]:
    """Starts Copier; the function waits for it and returns the folder of the copy."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / service.top.resolve().name / service.prefix
        answers = folder / service.answers_file
        answers.parent.mkdir(parents=True)
        # From here, since no network is needed, and what was withdrawn is still in its history.
        text = SOURCE.sub(lambda _: f"_src_path: {quoted(str(CLONE))}", service.answers, count=1)
        answers.write_text(text, "utf-8", newline="")
        # What Copier leaves in its temporary folder when it is stopped goes with this one.
        environment = os.environ | {"TMPDIR": temporary}
        with running(
            *(*COPIER, "recopy", "--quiet", "--defaults", "--overwrite"),
            *(f"--answers-file={service.answers_file}", f"--vcs-ref={revision.commit}"),
            *(f"--data={answer}" for answer in data),
            folder=folder,
            environment=environment,
        ) as output:

            def finished() -> Path:
                output()
                return folder

            yield finished


def base_settings(service: Service, base: Path) -> Path | None:
    """Takes over the answers as they are committed; returns the settings of ruff if they are own."""
    (base / service.answers_file).write_text(service.committed_answers, "utf-8", newline="")
    project = base / "pyproject.toml"
    return own_settings(service, project.read_text("utf-8")) if project.is_file() else None


def adopted(service: Service, folder: Path, settings: Path | None) -> Files:
    """Stores a copy with the line ends of the service, and the format of its settings of ruff."""
    if settings is not None:
        adopt_formatting(service, settings, folder)
    adopt_line_ends(service, folder)
    return stored(service, folder)


def source_of(service: Service, address: str | None) -> str:
    """The line of the answers that says where the template is."""
    if address is not None:
        return f"_src_path: {quoted(address)}"
    found = SOURCE.search(service.answers)
    return found[0] if found else sys.exit(f"There is no _src_path in {service.answers_file}.")


def quoted(text: str) -> str:
    """As a value in YAML."""
    return (
        text if re.fullmatch(r"[\w./~@][\w./:@~+-]*", text) else "'" + text.replace("'", "''") + "'"
    )


def stored(service: Service, folder: Path) -> Files:
    """Puts all files of a folder into the repository of the service, as they are."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    plain = [path for path in paths if not path.is_symlink()]
    command = (*GIT, "hash-object", "-w", "--no-filters")
    names = "".join(f"{path}\n" for path in plain)
    hashes = run(*command, "--stdin-paths", folder=service.folder, text=names).split()
    files = {
        path.relative_to(folder).as_posix(): (mode_of(path), name)
        for path, name in zip(plain, hashes, strict=True)
    }
    for path in set(paths) - set(plain):
        target = run(*command, "--stdin", folder=service.folder, text=str(path.readlink())).strip()
        files[path.relative_to(folder).as_posix()] = ("120000", target)
    return files


def mode_of(path: Path) -> str:
    return "100755" if path.stat().st_mode & 0o100 else "100644"


def commit(
    service: Service, files: Mapping[str, tuple[str, str]], message: str, parent: str
) -> str:
    """Commits these files, and nothing else, at the place of the service in its repository."""
    with TemporaryDirectory() as temporary:
        environment = os.environ | {"GIT_INDEX_FILE": f"{temporary}/index"}

        def git(*arguments: str, text: str | None = None) -> str:
            return run(
                *GIT, *arguments, folder=service.folder, environment=environment, text=text
            ).strip()

        lines = (f"{mode} {name}\t{service.prefix}{path}\0" for path, (mode, name) in files.items())
        git("update-index", "--add", "-z", "--index-info", text="".join(lines))
        tree = git("write-tree")
        held = git("ls-tree", "-r", "--name-only", "-z", "--full-tree", tree).split("\0")
        missing = {f"{service.prefix}{path}" for path in files} - set(held)
        if missing:
            sys.exit(f"git does not hold what Copier wrote: {', '.join(sorted(missing))}")
        return git("commit-tree", tree, "-p", parent, text=message)
