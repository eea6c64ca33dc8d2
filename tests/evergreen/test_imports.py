"""Tests import tools and the library, tools import the library, the library imports neither.

The updater runs in services, where there is nothing of these, nor any package.
"""

import ast
import sys

import pytest

from evergreen.working_tree import ROOT

RUN_BY_A_SERVICE = ROOT / "evergreen/suite_server.py"


def imported_by(package: str) -> set[str]:
    return {
        name.split(".")[0]
        for path in (ROOT / package).rglob("*.py")
        if path != RUN_BY_A_SERVICE
        for node in ast.walk(ast.parse(path.read_text()))
        for name in names_imported_by(node)
    }


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("evergreen", {"tests", "tools", "pytest", "nox"}), ("tools", {"tests"})],
)
def test_a_package_imports_nothing_that_depends_on_it(package: str, forbidden: set[str]) -> None:
    assert imported_by(package) & forbidden == set()


def test_the_updater_imports_the_standard_library_only() -> None:
    assert imported_by("updater") - {"updater"} <= sys.stdlib_module_names


def names_imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
