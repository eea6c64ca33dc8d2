"""Tests import tools and the library, tools import the library, the library imports neither.

The updater and new_resource/ run where there is nothing of these, nor any package.
"""

import ast
import sys

import pytest

from evergreen.working_tree import ROOT

RUN_BY_A_SERVICE = ROOT / "evergreen/suite_server.py"
RUN_FOR_A_SERVICE = {"updater", "new_resource"}


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


@pytest.mark.parametrize("package", sorted(RUN_FOR_A_SERVICE))
def test_what_runs_for_a_service_imports_the_standard_library_only(package: str) -> None:
    assert imported_by(package) - RUN_FOR_A_SERVICE <= sys.stdlib_module_names


def names_imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
