"""Features as teams write them: reads them, puts them into services, breaks them on purpose."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evergreen.questions import Answers
from evergreen.releases import commit_all, copy_of_release, git
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT

LIBRARY = ROOT / "tests/growth/features"
DATABASES = ("sqlite", "postgresql")
END_OF_A_SEAM = "go below this line."
MIGRATIONS = "migrations/versions/"
REVISION = re.compile(r'^revision = "(.+)"$', re.MULTILINE)
PARENT = re.compile(r'^down_revision = ".+"$', re.MULTILINE)


class FeatureError(Exception):
    """A feature that can't be read, or that doesn't fit the service; the message says what to do."""


class MigrationError(FeatureError):
    """The command that writes a migration failed; the message ends with what it printed."""


@dataclass(frozen=True)
class Seam:
    """Lines of a team below a comment that the template keeps for them."""

    file: str
    below: str
    text: str


@dataclass(frozen=True)
class ByHand:
    """An edit of the migration that `poe migration` wrote, and why it is necessary."""

    why: str
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Later:
    """A change that a team makes when its first migration has long been written."""

    why: str
    file: str
    old: str
    new: str
    migration: str = ""
    """The message for `poe migration`; empty if the change needs no migration."""


@dataclass(frozen=True)
class Wrong:
    """A mistake, and the words that the first lines of the failure must contain."""

    name: str
    file: str
    old: str
    new: str
    says: tuple[str, ...]
    databases: tuple[str, ...] = DATABASES
    before_migration: bool = False
    """Whether the migration is written from models that have the mistake."""


@dataclass(frozen=True)
class Feature:
    name: str
    summary: str
    folder: Path
    seams: tuple[Seam, ...]
    wrong: tuple[Wrong, ...]
    by_hand: tuple[ByHand, ...] = ()
    later: tuple[Later, ...] = ()
    databases: tuple[str, ...] = DATABASES
    dependencies: tuple[str, ...] = ()
    migration: str = ""
    """The message for `poe migration`; empty if the feature has no migration."""

    @property
    def description(self) -> Path:
        return self.folder / "feature.toml"

    @property
    def tests(self) -> list[str]:
        files = self.folder / "files"
        return sorted(str(path.relative_to(files)) for path in files.glob("tests/**/test_*.py"))


def read_library(library: Path = LIBRARY, names: Iterable[str] = ()) -> list[Feature]:
    """Reads all features, or those of these names; raises `FeatureError` for an unknown name."""
    found = sorted(path.parent.name for path in library.glob("*/feature.toml"))
    unknown = sorted(set(names) - set(found))
    if unknown:
        raise FeatureError(f"There is no feature {', '.join(unknown)} among {', '.join(found)}.")
    return [read_feature(library / name) for name in found if not names or name in set(names)]


def read_feature(folder: Path) -> Feature:
    path = folder / "feature.toml"
    try:
        description = tomllib.loads(path.read_text())
        feature = Feature(
            name=folder.name,
            folder=folder,
            seams=parts(Seam, description.pop("seams", [])),
            wrong=parts(Wrong, description.pop("wrong", [])),
            by_hand=parts(ByHand, description.pop("by_hand", [])),
            later=parts(Later, description.pop("later", [])),
            **{name: frozen(value) for name, value in description.items()},
        )
    except (tomllib.TOMLDecodeError, TypeError) as error:
        # Python's own message names the key that is missing, or that is not one of these.
        raise FeatureError(f"{path}: {error}") from None
    check(feature)
    return feature


def parts(kind: type[Any], tables: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**{name: frozen(value) for name, value in table.items()}) for table in tables)


def frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def check(feature: Feature) -> None:
    faults = {
        "has no [[wrong]]: say how it can be done wrong, and what the failure says": (
            not feature.wrong
        ),
        "has no files: add at least a test": not (feature.folder / "files").is_dir(),
        f"names another database than {' and '.join(DATABASES)}": any(
            not set(databases) <= set(DATABASES)
            for databases in (feature.databases, *(wrong.databases for wrong in feature.wrong))
        ),
        "has a [[wrong]] with nothing in `says`: the suite would be red for any reason": any(
            not wrong.says for wrong in feature.wrong
        ),
        f"has a seam whose `below` doesn't end with {END_OF_A_SEAM!r}: only seams may be edited": (
            any(not seam.below.endswith(END_OF_A_SEAM) for seam in feature.seams)
        ),
        f"has a [[by_hand]] outside of {MIGRATIONS}: only a migration may be edited by hand": any(
            not by_hand.file.startswith(MIGRATIONS) for by_hand in feature.by_hand
        ),
        "has a [[by_hand]] and no `migration`": bool(feature.by_hand and not feature.migration),
        "has a [[later]] and no `migration`": bool(feature.later and not feature.migration),
    }
    for fault, found in faults.items():
        if found:
            raise FeatureError(f"{feature.description} {fault}.")


def put_into(service: Path, feature: Feature) -> None:
    """Copies the files of a feature into a service and adds its lines below seams."""
    for source in sorted((feature.folder / "files").rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            path = source.relative_to(feature.folder / "files")
            if (service / path).exists():
                raise FeatureError(
                    f"{feature.name}: {path} belongs to the service already; "
                    "a feature adds files and lines below seams"
                )
            (service / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, service / path)
    add_dependencies(service / "pyproject.toml", [feature])
    for seam in feature.seams:
        insert_below(service / seam.file, seam.below, seam.text, feature.description)


def add_dependencies(project: Path, features: Iterable[Feature]) -> None:
    """Adds those that the project does not have yet."""
    for feature in features:
        for dependency in feature.dependencies:
            line = f'"{dependency}",'
            seam = "# Your own dependencies go below this line."
            if line not in project.read_text().partition("[dependency-groups]")[0]:
                insert_below(project, seam, line, feature.description)


def insert_below(file: Path, below: str, text: str, description: Path) -> None:
    """Inserts lines below a comment, indented as it is."""
    lines = file.read_text().splitlines(keepends=True) if file.is_file() else []
    found = [number for number, line in enumerate(lines) if line.strip() == below]
    if len(found) != 1:
        raise FeatureError(
            f"{description}: {file.name} has the seam {below!r} {len(found)} times, not once"
        )
    seam = lines[found[0]]
    indent = seam[: len(seam) - len(seam.lstrip())]
    added = [f"{indent}{line}".rstrip() + "\n" for line in text.strip("\n").splitlines()]
    file.write_text("".join([*lines[: found[0] + 1], *added, *lines[found[0] + 1 :]]))


def write_migration(service: Path, feature: Feature, programs: Path) -> list[Path]:
    """Writes the migration of a feature with the command of the service, and edits it by hand.

    Then makes the changes that come later, which may have migrations of their own. Returns the files
    that were written. Raises `MigrationError` if the command fails, or changes anything but its own
    new file.
    """
    if not feature.migration:
        return []
    written = [run_poe_migration(service, feature.name, feature.migration, programs)]
    for edit in feature.by_hand:
        replace_in(service, edit.file, edit.old, edit.new, feature.description)
    for change in feature.later:
        replace_in(service, change.file, change.old, change.new, feature.description)
        if change.migration:
            written.append(run_poe_migration(service, feature.name, change.migration, programs))
    return written


def run_poe_migration(service: Path, name: str, message: str, programs: Path) -> Path:
    before = python_files(service)
    result = subprocess.run(
        [str(programs / "poe"), "migration", message],
        cwd=service,
        env=environment_of(programs),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    after = python_files(service)
    changed = sorted(path for path in before | after if before.get(path) != after.get(path))
    if result.returncode != 0 or len(changed) != 1 or not changed[0].startswith(MIGRATIONS):
        raise MigrationError(
            f"{name}: `poe migration {message!r}` ended with {result.returncode} and wrote "
            f"{changed or 'nothing'}.\n{result.stdout}"
        )
    return service / changed[0]


def merge_migrations(service: Path, feature: Feature, written: Iterable[Path]) -> None:
    """Puts migrations that were written in another copy of the service behind those of this one.

    So does a team that merges a branch: it changes the parent of the first one, and the numbers.
    """
    for change in feature.later:
        replace_in(service, change.file, change.old, change.new, feature.description)
    for source in written:
        last = max((service / MIGRATIONS).glob("[0-9]*_*.py"))
        number, head = int(last.name.partition("_")[0]), REVISION.search(last.read_text())
        assert head is not None
        text = PARENT.sub(f'down_revision = "{head[1]}"', source.read_text())
        slug = source.name.partition("_")[2]
        (service / MIGRATIONS / f"{number + 1:04}_{slug}").write_text(text)


def python_files(service: Path) -> dict[str, bytes]:
    folders = ("app", "migrations", "tests")
    return {
        str(path.relative_to(service)): path.read_bytes()
        for folder in folders
        for path in (service / folder).rglob("*.py")
    }


def environment_of(programs: Path) -> dict[str, str]:
    """Returns variables with which the commands of a service find the installed programs."""
    variables = own_environment()
    return variables | {
        "PATH": f"{programs}{os.pathsep}{variables['PATH']}",
        "VIRTUAL_ENV": str(programs.parent),
        "UV_PROJECT_ENVIRONMENT": str(programs.parent),
    }


def plant(service: Path, feature: Feature, wrong: Wrong) -> None:
    """Makes the mistake of a wrong variant in a service that has the feature."""
    replace_in(service, wrong.file, wrong.old, wrong.new, feature.description)


def replace_in(service: Path, pattern: str, old: str, new: str, description: Path) -> None:
    """Raises `FeatureError` unless one file matches, and contains the old text exactly once."""
    files = sorted(service.glob(pattern))
    if len(files) != 1:
        raise FeatureError(f"{description}: {len(files)} files match {pattern}, not one")
    text = files[0].read_text()
    if text.count(old) != 1:
        raise FeatureError(
            f"{description}: {files[0].relative_to(service)} contains {old!r} "
            f"{text.count(old)} times, not once:\n{text}"
        )
    files[0].write_text(text.replace(old, new))
    # It could pass for that of the new text, if they have one length and one second.
    for byte_code in files[0].parent.glob(f"__pycache__/{files[0].stem}.*"):
        byte_code.unlink()


def grow(
    service: Path,
    features: Iterable[Feature],
    programs: Path,
    written: Mapping[str, Iterable[Path]] | None = None,
) -> None:
    """Puts one feature after another into a service, each with its migration.

    The migrations are those that have been `written` for each feature in another copy of the
    service; without it, they are written here, which takes longer.

    `poe format` sorts the imports of several features, as for a team that merges branches.
    """
    for feature in features:
        put_into(service, feature)
        if written is None:
            write_migration(service, feature, programs)
        else:
            merge_migrations(service, feature, written[feature.name])
    variables = environment_of(programs)
    subprocess.run(
        [str(programs / "poe"), "format"],
        cwd=service,
        env=variables,
        check=True,
        capture_output=True,
    )


def grown_copy_of_release(
    template: Path, version: str, answers: Answers, folder: Path, programs: Path
) -> Path:
    """Creates a service from a release that has all seams, puts all features into it and commits it.

    The programs are those of a service with the dependencies of all features.
    """
    service = copy_of_release(template, version, answers, folder)
    features = [
        feature
        for feature in read_library()
        if answers.get("database", DATABASES[0]) in feature.databases
    ]
    grow(service, features, programs)
    commit_all(service, "Grow")
    git("clean", "--force", "-d", "-X", "--quiet", cwd=service)  # caches
    return service
