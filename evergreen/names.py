"""Finds the names in a service that its team may use in its own code and commands."""

import ast
import tomllib
from collections.abc import Iterator


def names_in(files: dict[str, bytes]) -> set[str]:
    """Returns names such as `fixture client`, `task cov` and `setting DATABASE_URL`.

    Names from modules look like `app.errors.Problem`. Files of tests keep theirs to themselves.
    """
    names = {f"task {name}" for name in tasks_in(files["pyproject.toml"].decode())}
    for path, content in files.items():
        if path.startswith(("app/", "tests/")) and path.endswith(".py"):
            tree = ast.parse(content)
            names |= {f"setting {name.upper()}" for name in settings_in(tree)}
            if not path.rpartition("/")[2].startswith("test_"):
                names |= {f"fixture {name}" for name in fixtures_in(tree)}
                names |= {f"{module_of(path)}.{name}" for name in importable_names(path, tree)}
    return names


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def tasks_in(project: str) -> Iterator[str]:
    yield from tomllib.loads(project)["tool"]["poe"]["tasks"]


def fixtures_in(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_fixture(node):
            yield node.name


def is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("pytest.fixture" in ast.unparse(decorator) for decorator in function.decorator_list)


def settings_in(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.endswith("Settings"):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    yield field.target.id


def importable_names(path: str, tree: ast.Module) -> Iterator[str]:
    """The public names that a module defines, lists in `__all__` or imports `as` the same name.

    A conftest has none.
    """
    if path.endswith("conftest.py"):
        return
    for node in tree.body:
        for name in defined_by(node):
            if not name.startswith(("_", "pytest_")):
                yield name


def defined_by(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if not is_fixture(node):
            yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.ImportFrom):
        yield from (imported.name for imported in node.names if imported.asname == imported.name)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield from ast.literal_eval(node.value) if target.id == "__all__" else [target.id]
