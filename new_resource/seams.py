"""Adds lines below the comments that a service has for lines of its team."""

from pathlib import Path

from new_resource.fields import FieldError
from new_resource.resource import Resource

IMPORTS = "# The imports of your own routers go below this line."
ROUTERS = "# Your own routers go below this line."
SHARED = "# Your own shared routes go below this line."
ROWS = "# Your own rows go below this line."
IMPORTS_OF_ROWS = "# The imports of your own rows go below this line."


def added_lines(resource: Resource) -> dict[str, dict[str, list[str]]]:
    """The lines by file and seam."""
    plural = resource.plural
    lines = {
        "app/main.py": {
            IMPORTS: [f"from app.{plural}.routes import router as {plural}_router"],
            ROUTERS: [f"app.include_router({plural}_router)"],
        }
    }
    tests: dict[str, list[str]] = {}
    if resource.is_shared:
        routes = [f"    {route!r},".replace("'", '"') for route in resource.routes]
        tests[SHARED] = ["SHARED |= {", *routes, "}"]
    for field in resource.fields:
        if not field.ref:
            continue
        if field.ref["class"] == "User":
            tests.setdefault(ROWS, []).append(f'"{field.attribute}": new_user,')
            tests[IMPORTS_OF_ROWS] = ["from tests.helpers import new_user"]
        elif field.ref["table"] not in guessed_collections(field.name):
            tests.setdefault(ROWS, []).append(f'"{field.attribute}": "{field.ref["path"]}",')
    if tests:
        lines["tests/test_routes.py"] = tests
    return lines


def guessed_collections(name: str) -> set[str]:
    """Those that tests/route_requests.py of a service finds for a field by itself."""
    return {f"{name}s", f"{name}es", f"{name[:-1]}ies"}


def with_lines(folder: Path, resource: Resource) -> dict[str, str]:
    """The texts of the files, with the lines that they do not have yet."""
    texts = {}
    for path, seams in added_lines(resource).items():
        if not (folder / path).is_file():
            raise FieldError(f"There is no {path}, where the resource has to be registered.")
        text = (folder / path).read_bytes().decode()
        for seam, lines in seams.items():
            text = below(text, seam, lines, path)
        texts[path] = text
    return texts


def below(text: str, seam: str, lines: list[str], path: str) -> str:
    existing = text.splitlines(keepends=True)
    found = [number for number, line in enumerate(existing) if line.strip() == seam]
    if len(found) != 1:
        raise FieldError(
            f"{path} has the line {seam!r} {len(found)} times, not once: put it back where the "
            "template has it."
        )
    comment = existing[found[0]]
    indent = comment[: len(comment) - len(comment.lstrip())]
    end = "\r\n" if comment.endswith("\r\n") else "\n"
    added = [f"{indent}{line}{end}" for line in lines]
    added = [line for line in added if line.strip() in ("}", "SHARED |= {") or line not in existing]
    return "".join([*existing[: found[0] + 1], *added, *existing[found[0] + 1 :]])
