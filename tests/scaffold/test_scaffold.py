"""What scaffold/ can render: every branch of it is taken, and all is Python that ruff accepts."""

import ast
import re
from pathlib import Path

import copier

from evergreen.branches import all_branches, branches_never_taken, recorded_branches
from evergreen.rendering import files_of
from evergreen.scaffold import OWNERSHIPS, PARENTS, field_texts, read, render_slice
from evergreen.working_tree import ROOT
from new_resource.fields import FieldError, read_field
from new_resource.resource import Resource
from new_resource.tables import Table

TABLES = {
    "users": Table("users", "User", "app.auth.models", is_owned=False),
    "folders": Table(
        "folders", "Folder", "app.folders.models", True, arguments={"name": 'f"name {number}"'}
    ),
    "colours": Table("colours", "Colour", "app.colours.models", False, arguments={"name": "'x'"}),
    "parcels": Table(
        "parcels",
        "Parcel",
        "app.parcels.models",
        True,
        references={"folder_id": "folders", "old_folder_id": "folders"},
    ),
}
TEXTS = list(field_texts())
SMALL = [
    ["order", "text:str", "rate:decimal:5,2:default=1"],
    ["upload", "text:str", "state:enum:on,off:default=on"],
    ["union", "text:str", "state:enum:on,off:default=off"],
    ["label", "parcel:ref:parcel", "folder:ref:folder"],
]


def resources() -> list[Resource]:
    """A resource of each ownership with a single field of some kinds, and with all fields."""
    found = [read(words, TABLES) for words in SMALL]
    found += [read(words) for words in PARENTS]
    for options in OWNERSHIPS.values():
        all_texts = [text for text in TEXTS if "folder" not in text or "--shared" not in options]
        single = [[text] for text in ("text:str", "on:bool", "by:ref:colour", "no:int:unique")]
        for texts in (all_texts, *single):
            found.append(read(["thing", *texts, *options], TABLES))
    return found


def test_each_kind_of_field_has_several_forms() -> None:
    kinds = [read_field(text).kind for text in TEXTS]

    assert len(TEXTS) > 70
    assert min(kinds.count(kind) for kind in set(kinds)) >= 2


HARMLESS = {
    # They are in modules that have no variable and no class of the name of a resource.
    *("day", "exact", "location", "moment", "money", "page", "statement", "url"),
    # The class of the resource would be ApiRouter, FastApi or Json.
    *("apirouter", "fast_api", "json"),
}


def test_no_resource_has_the_name_of_something_that_a_slice_has_already(tmp_path: Path) -> None:
    fields = [f"thing_{number}:{text.partition(':')[2]}" for number, text in enumerate(TEXTS)]
    found = set()
    for number, options in enumerate(OWNERSHIPS.values()):
        possible = [text for text in fields if "folder" not in text or "--shared" not in options]
        resource = read(["thing", *possible, *options], TABLES)
        folder = render_slice(resource, tmp_path / f"{number}")
        found |= {name for file in folder.rglob("*.py") for name in identifiers(file)}
    others = {name for name in found if not re.search("thing|folder|colour|^test_", name)}

    assert {name for name in others if is_accepted_as_name(name)} == HARMLESS


def identifiers(file: Path) -> set[str]:
    """Returns the identifiers of a module: a class as the resource that would have its name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[-1])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in found if name != name.upper()
    }


def is_accepted_as_name(name: str) -> bool:
    try:
        read([name, "title:str"])
    except FieldError:
        return False
    return True


def test_every_branch_of_the_scaffold_is_taken(tmp_path: Path) -> None:
    with recorded_branches() as seen:
        for number, resource in enumerate(resources()):
            folder = tmp_path / f"{number}"
            data = resource.as_data()
            copier.run_copy(str(ROOT / "scaffold"), folder, data=data, defaults=True, quiet=True)
            for path, content in files_of(folder).items():
                compile(content, path, "exec")

    never = branches_never_taken(all_branches(ROOT / "scaffold"), seen)
    assert [f"{branch.file}:{branch.line}: {branch}" for branch in never] == []
