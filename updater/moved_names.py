"""The names that releases have moved, and where the code of a team still uses them."""

import ast
import re
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from updater.versions import is_older

TABLE = Path(__file__).with_name("moved_names.toml")
MARKERS = re.compile(r"^(<{7}|\|{7}|={7}|>{7}).*$", re.MULTILINE)
"""The lines that git adds around a conflict; without them, most files can be parsed."""


@dataclass(frozen=True)
class Move:
    """A move of a module, of a name in one, or of a fixture, which has no module."""

    old: str
    new: str
    since: str
    is_fixture: bool

    def is_of(self, name: str) -> bool:
        return name == self.old or (not self.is_fixture and name.startswith(f"{self.old}."))


def moves_between(ours: str, target: str) -> list[Move]:
    """The moves of the releases after ours, up to the target; the longest names first."""
    tables = tomllib.loads(TABLE.read_text("utf-8"))
    moves = [
        Move(**row, is_fixture=kind == "fixtures") for kind, rows in tables.items() for row in rows
    ]
    between = [
        move
        for move in moves
        if not is_older(target, move.since)
        and move.since != ours
        and not is_older(move.since, ours)
    ]
    return sorted(between, key=lambda move: -len(move.old))


def uses_of_moved_names(folder: Path, paths: list[str], ours: str, target: str) -> str:
    """Lists the uses in these files, in which the team has a part; empty if there are none."""
    moves = moves_between(ours, target)
    uses = [
        f"    {path}:{line}: {move.old} is now {move.new}"
        for path in sorted(paths)
        if path.endswith(".py") and (folder / path).is_file()
        for line, move in uses_in((folder / path).read_text("utf-8", "replace"), path, moves)
    ]
    return "\n".join(["These files use names that have moved:", *uses]) if uses else ""


def uses_in(source: str, path: str, moves: list[Move]) -> list[tuple[int, Move]]:
    """Returns the lines that use a moved name; none for a file that is not Python."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about its escapes, for example
            tree = ast.parse(MARKERS.sub("", source))
    except (RecursionError, SyntaxError, ValueError):
        return []
    package = Path(path).parts[:-1]
    of_fixtures = [move for move in moves if move.is_fixture]
    others = [move for move in moves if not move.is_fixture]
    found: dict[tuple[int, str], Move] = {}
    for node in ast.walk(tree):
        for names, candidates in ((imports(node, package), others), (fixtures(node), of_fixtures)):
            for line, name in names:
                move = next((move for move in candidates if move.is_of(name)), None)
                if move:
                    found[line, move.old] = move
    return [(line, move) for (line, _), move in sorted(found.items(), key=lambda use: use[0])]


def imports(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yields dotted names in imports, and in strings as in `pytest_plugins`, with their lines."""
    match node:
        case ast.Import():
            for alias in node.names:
                yield alias.lineno, alias.name
        case ast.ImportFrom():
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = [*above, node.module] if node.module else [*above]
            for alias in node.names:
                yield alias.lineno, ".".join([*module, alias.name])
        case ast.Constant(value=str(text)):
            yield node.lineno, text


def fixtures(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields the parameters of tests and fixtures, and the names in `usefixtures`."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            decorators = " ".join(map(ast.unparse, node.decorator_list))
            if node.name.startswith("test") or re.search(r"\bfixture\b", decorators):
                for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                    yield argument.lineno, argument.arg
        case ast.Call(func=ast.Attribute(attr="usefixtures" | "getfixturevalue")):
            for name in node.args:
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield name.lineno, name.value
