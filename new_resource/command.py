"""Makes a resource in a service: in its own working tree, which is as it was if anything fails."""

import json
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory

from new_resource.fields import FieldError
from new_resource.questions import ask_for_fields
from new_resource.resource import Resource, find_rows, read_resource, refuse_what_exists
from new_resource.seams import with_lines
from new_resource.tables import Table, tables_of
from updater.fresh_copy import COPIER
from updater.processes import run, started
from updater.releases import CLONE
from updater.service import Service

VERSIONS = "migrations/versions"
TABLES = Path(__file__).with_name("tables.py")


@dataclass
class Changes:
    """What has been written, so that it can be undone."""

    folder: Path
    before: dict[str, bytes] = field(default_factory=dict)
    """The files that have lines of the resource, as they were."""
    new: list[str] = field(default_factory=list)
    """The files and folders that belong to it alone."""

    def undo(self) -> None:
        for path, content in self.before.items():
            (self.folder / path).write_bytes(content)
        for path in self.new:
            if (self.folder / path).is_dir():
                shutil.rmtree(self.folder / path, ignore_errors=True)
            else:
                (self.folder / path).unlink(missing_ok=True)

    @property
    def command_to_undo(self) -> str:
        restored, removed = map(shlex.join, (sorted(self.before), sorted(self.new)))
        return f"git restore -- {restored} && git clean -fdxq -- {removed}"

    @property
    def new_files(self) -> list[str]:
        found = []
        for path in self.new:
            file = self.folder / path
            inside = file.rglob("*.py") if file.is_dir() else [file]
            found += [str(one.relative_to(self.folder)) for one in inside]
        return sorted(found)

    def diff(self) -> Iterator[str]:
        for path in sorted({*self.before, *self.new_files}):
            old = self.before.get(path, b"").decode().splitlines(keepends=True)
            new = (self.folder / path).read_bytes().decode().splitlines(keepends=True)
            source = f"a/{path}" if path in self.before else "/dev/null"
            yield from unified_diff(old, new, source, f"b/{path}")


def create_resource(service: Service, options: Namespace) -> None:
    try:
        if options.name is None or not options.fields:
            ask_for_fields(options)
        resource = read_resource(options)
        refuse_what_exists(resource, service.folder)
        texts = with_lines(service.folder, resource)  # whether the seams are there
        refuse_uncommitted_changes(service)
        if options.parent or any(one.kind == "ref" for one in resource.fields):
            find_rows(resource, options.parent, read_tables(service))
            texts = with_lines(service.folder, resource)
        else:
            find_rows(resource, None, {})
    except FieldError as error:
        sys.exit(f"{error}")
    if not options.dry_run:
        print(f"Writing app/{resource.plural}/, its migration and its tests ...\n", flush=True)
    with undone_if_it_fails(service.folder) as changes:
        write(service, resource, texts, changes)
        if options.dry_run:
            sys.stdout.writelines(changes.diff())
            number = len(changes.new_files)
            changes.undo()
            print(f"\nNothing is written: without --dry-run, these {number} new files.")
            return
        print_what_was_made(resource, changes)
        code = 0 if not options.tests else run_suite(service)
    if code != 0:
        print(f"The tests fail. To undo all of it: {changes.command_to_undo}", file=sys.stderr)
        sys.exit(1)
    print_what_is_next(resource, changes, options.tests)


def refuse_uncommitted_changes(service: Service) -> None:
    changed = service.statuses("--untracked-files=all", "--", ".")
    if changed:
        first = min(changed)
        others = f" and {len(changed) - 1} other files" if len(changed) > 1 else ""
        raise FieldError(
            f"{first}{others} would be mixed with the new files: commit or stash first."
        )


def read_tables(service: Service) -> dict[str, Table]:
    command = ("uv", "run", "--quiet", "python", str(TABLES))
    printed = run_in_service(service, *command)
    return tables_of(printed.splitlines()[-1])


def run_in_service(service: Service, *command: str) -> str:
    """Runs a program in the service; returns what it printed, and raises `FieldError` if it fails."""
    pipes = {"stdin": -3, "stdout": -1, "stderr": -2}
    with started(*command, folder=service.folder, **pipes) as process:
        printed, _ = process.communicate()
    if process.returncode != 0:
        words = shlex.join(command).removeprefix("uv run --quiet ")
        raise FieldError(f"{words} failed, and the service is as it was:\n{printed.strip()}")
    return printed


@contextmanager
def undone_if_it_fails(folder: Path) -> Iterator[Changes]:
    changes = Changes(folder)
    try:
        yield changes
    except FieldError as error:
        changes.undo()
        sys.exit(f"{error}")
    except BaseException:
        changes.undo()
        raise


def write(service: Service, resource: Resource, texts: dict[str, str], changes: Changes) -> None:
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        rendered = render(resource, Path(temporary))
        changes.new += resource.files
        for file in sorted(path for path in rendered.rglob("*") if path.is_file()):
            target = service.folder / file.relative_to(rendered)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    for path, text in texts.items():
        changes.before[path] = (service.folder / path).read_bytes()
        (service.folder / path).write_bytes(text.encode())
    ruff = ("uv", "run", "--quiet", "ruff")
    paths = [*resource.files, *texts]
    run_in_service(service, *ruff, "check", "--quiet", "--select=I,F401", "--fix-only", *paths)
    run_in_service(service, *ruff, "format", "--quiet", *paths)
    versions = set((service.folder / VERSIONS).glob("*.py"))
    message = f"add {resource.plural.replace('_', ' ')}"
    try:
        run_in_service(service, "uv", "run", "--quiet", "poe", "--quiet", "migration", message)
    finally:
        new = set((service.folder / VERSIONS).glob("*.py")) - versions
        changes.new += [str(path.relative_to(service.folder)) for path in sorted(new)]
    adopt_line_ends(service, changes)


def render(resource: Resource, folder: Path) -> Path:
    """Lets Copier render the slice and its tests."""
    data = folder / "data.json"  # which is YAML, too
    data.write_text(json.dumps(resource.as_data()), "utf-8")
    rendered = folder / "rendered"
    options = ("--quiet", "--defaults", f"--data-file={data}")
    run(*COPIER, "copy", *options, str(CLONE / "scaffold"), str(rendered), folder=folder)
    return rendered


def adopt_line_ends(service: Service, changes: Changes) -> None:
    """Ends the lines of the new files as app/main.py does."""
    if b"\r\n" in changes.before["app/main.py"]:
        for path in changes.new_files:
            file = service.folder / path
            file.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def run_suite(service: Service) -> int:
    with started("uv", "run", "--quiet", "pytest", "-q", folder=service.folder) as process:
        return process.wait()


def print_what_was_made(resource: Resource, changes: Changes) -> None:
    lines = {path: count_lines(changes.folder / path) for path in changes.new_files}
    width = max(map(len, lines))
    print(f"{len(lines)} new files, {sum(lines.values())} lines:\n")
    for path, number in lines.items():
        print(f"    {path:{width}} {number:4}")
    registered = " and ".join(sorted(changes.before))
    print(f"\nIt is registered in {registered}.", flush=True)


def count_lines(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines())


def print_what_is_next(resource: Resource, changes: Changes, tested: bool) -> None:
    migration = next(path for path in changes.new if path.startswith(VERSIONS))
    print(f"""
The files are yours: no update of the template touches them.
Read {migration} first, then app/{resource.plural}/models.py.

    look at it: uv run poe dev, then http://127.0.0.1:8000/docs
    check it:   uv run poe check
    keep it:    git add --all && git commit -m 'Add {resource.plural.replace("_", " ")}'
    undo it:    {changes.command_to_undo}""")
    if not tested:
        print("    test it:    uv run pytest -q")
