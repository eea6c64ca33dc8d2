"""Keeps the migrations of an updated service one history, which each of its databases can follow.

A database knows only the last migration that it has run. So a migration that the service had stays,
even where the template no longer has it; a new one whose parent the service has deleted is left
out; and where two would be the last ones, another comes after both.
"""

import ast
import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from updater.processes import uv_run
from updater.service import Service

VERSIONS = "migrations/versions"
MESSAGE = "Follow the models"
MERGE = '''\
"""merge {names}

Each of them was the last migration: one of this service, one that an update of its template brought.
There can be only one, so this one comes after them. It changes nothing.
"""

revision = "{revision}"
down_revision = (
{parents})
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
'''


@dataclass(frozen=True)
class Revision:
    path: str
    name: str
    parents: tuple[str, ...]

    @property
    def is_merge(self) -> bool:
        return len(self.parents) > 1


def repair_history(
    tree: Service, base: str, before: str, after: str, *, has_conflicts: bool = False
) -> list[str]:
    """Repairs and stages the files of a merged update; returns what to print about that.

    The commits are the service before the update, and the template before and after.
    """
    had = tree.git("ls-tree", "--name-only", "-z", base, f"{VERSIONS}/").split("\0")
    come_or_gone = ("--no-renames", "--diff-filter=AD", before, after)
    changed = tree.changed_paths(*come_or_gone, "--", VERSIONS)
    kept = [path for path in changed if path in had]
    printed = put_back(kept, base, tree)
    try:
        left_out = leave_out_orphans(had, tree)
        printed += left_out.values()
        printed += merge_heads(tree)
    except ValueError as error:  # as for a file with a conflict
        return [*printed, f"The migrations are not checked: {error}"]
    # The template expects other tables than these migrations create.
    if kept or any(not revision.is_merge for revision in left_out):
        printed.append(follow_the_models(tree, has_conflicts))
    return printed


def put_back(kept: list[str], base: str, tree: Service) -> list[str]:
    deleted = [path for path in kept if not (tree.folder / path).exists()]
    if deleted:
        tree.git("checkout", base, "--", *deleted)
    return [f"Kept, since a database may have run it: {path}" for path in deleted]


def leave_out_orphans(had: list[str], tree: Service) -> dict[Revision, str]:
    left_out: dict[Revision, str] = {}
    while True:
        history = read_history(tree.folder)
        names = {revision.name for revision in history}
        orphans = {
            revision: f"Left out, since this service does not have {parent}: {revision.path}"
            for revision in history
            for parent in revision.parents
            if parent not in names and revision.path not in had
        }
        if not orphans:
            return left_out
        paths = [revision.path for revision in orphans]
        tree.git("rm", "--force", "--", *paths)
        left_out |= orphans


def merge_heads(tree: Service) -> list[str]:
    history = read_history(tree.folder)
    parents = {parent for revision in history for parent in revision.parents}
    heads = [revision.name for revision in history if revision.name not in parents]
    if len(heads) < 2:
        return []
    names = " and ".join(heads)
    numbers = [re.match(r"\d+(?=_)", path.name) for path in (tree.folder / VERSIONS).glob("*.py")]
    number = max((int(found[0]) for found in numbers if found), default=0) + 1
    path = f"{VERSIONS}/{number:04}_merge_template.py"
    text = MERGE.format(
        names=names,
        revision=secrets.token_hex(6),
        parents="".join(f'    "{head}",\n' for head in heads),
    )
    (tree.folder / path).write_text(text, "utf-8", newline="\n")
    tree.git("add", "--", path)
    return [f"Written, since {names} can't both be the last migration: {path}"]


def follow_the_models(tree: Service, has_conflicts: bool) -> str:
    """Writes the migration from the tables of these migrations to those of the models."""
    by_hand = f"Write the migration that is missing now: uv run poe migration '{MESSAGE}'"
    if has_conflicts:
        return by_hand
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with uv_run("poe", "--quiet", "migration", MESSAGE, folder=tree.folder, **pipes) as process:
        output, _ = process.communicate()
    tree.git("add", "--", VERSIONS)
    return output.strip() if process.returncode == 0 else f"{output}{by_hand}"


def read_history(folder: Path) -> list[Revision]:
    """Raises `ValueError` for a file that is not a migration."""
    history = []
    for file in sorted((folder / VERSIONS).glob("*.py")):
        if file.name != "__init__.py":
            try:
                history.append(read_revision(file))
            except (SyntaxError, ValueError) as error:
                raise ValueError(f"{VERSIONS}/{file.name} can't be read: {error}") from None
    return history


def read_revision(file: Path) -> Revision:
    values: dict[str, object] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(variable)], value=value)
                | ast.AnnAssign(target=ast.Name(variable), value=ast.expr() as value)
            ) if variable in {"revision", "down_revision"}:
                values[variable] = ast.literal_eval(value)
    name, parents = values.get("revision"), values.get("down_revision")
    if not isinstance(name, str):
        raise ValueError("it has no revision")
    if isinstance(parents, str):
        parents = (parents,)
    parents = parents if isinstance(parents, tuple | list) else ()
    return Revision(f"{VERSIONS}/{file.name}", name, tuple(map(str, parents)))
