"""Tests import tools and the library, tools import the library, the library imports neither."""

import ast

import pytest

from evergreen.working_tree import ROOT


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("evergreen", {"tests", "tools", "pytest", "nox"}), ("tools", {"tests"})],
)
def test_a_package_imports_nothing_that_depends_on_it(package: str, forbidden: set[str]) -> None:
    imported = {
        name.split(".")[0]
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in names_imported_by(node)
    }

    assert imported & forbidden == set()


def names_imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
