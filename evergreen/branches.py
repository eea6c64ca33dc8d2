"""Records which branches of the template's Jinja are taken: `if`, `elif`, conditional expressions.

Copier renders as usual, except that every condition is wrapped, as soon as Jinja has parsed it, in
a call that records its outcome.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2 import nodes

from evergreen.compilation import Compiled, compiled_once

Outcome = tuple[str, int, bool]
"""The digest of a source, the index of a condition in it, and the outcome of the condition."""

_seen: set[Outcome] = set()
_compiled: Compiled = {}


@dataclass(frozen=True)
class Branch:
    """A condition in the template with one of its two outcomes."""

    file: str
    line: int
    condition: str
    outcome: Outcome

    def __str__(self) -> str:
        return f"`{self.condition}` is never {str(self.outcome[2]).lower()}"


def record(digest: str, index: int, condition: object) -> object:
    """Records an outcome; compiled templates call this function."""
    _seen.add((digest, index, bool(condition)))
    return condition


def digest_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def conditions(tree: nodes.Template) -> list[nodes.If | nodes.CondExpr]:
    return list(tree.find_all((nodes.If, nodes.CondExpr)))


@contextmanager
def recorded_branches() -> Iterator[set[Outcome]]:
    """Records all branches that Jinja takes in this process; the yielded set fills up meanwhile."""
    parse = jinja2.Environment._parse
    jinja2.Environment._parse = partialmethod(parse_and_wrap, parse)  # type: ignore[assignment]
    _seen.clear()
    try:
        with compiled_once(_compiled):
            yield _seen
    finally:
        jinja2.Environment._parse = parse  # type: ignore[method-assign]


def parse_and_wrap(
    environment: jinja2.Environment, parse: Callable[..., nodes.Template], source: str, *rest: Any
) -> nodes.Template:
    tree = parse(environment, source, *rest)
    digest = digest_of(source)
    for index, condition in enumerate(conditions(tree)):
        condition.test = nodes.Call(
            nodes.ImportedName(f"{__name__}.{record.__name__}"),
            [nodes.Const(digest), nodes.Const(index), condition.test],
            [],
            None,
            None,
            lineno=condition.lineno,
        )
    return tree


def sources(template: Path) -> Iterator[tuple[str, int, str]]:
    """Yields the texts that Copier renders, as file, number of lines before the text, and text."""
    for folder in ("includes", "template"):
        for path in sorted((template / folder).rglob("*.jinja")):
            yield str(path.relative_to(template)), 0, path.read_text()
    document = yaml.compose((template / "copier.yml").read_text())
    for node in scalars(document):
        if "{" in node.value:
            # A folded or literal scalar begins on the line below its indicator.
            lines_before = node.start_mark.line + (1 if node.style in (">", "|") else 0)
            yield "copier.yml", lines_before, node.value


def scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from scalars(child)
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield from scalars(key)
            yield from scalars(child)


def all_branches(template: Path) -> list[Branch]:
    """Lists both outcomes of every condition in the template, its includes and copier.yml."""
    options = yaml.safe_load((template / "copier.yml").read_text())["_envops"]
    environment = jinja2.Environment(
        lstrip_blocks=options["lstrip_blocks"], trim_blocks=options["trim_blocks"]
    )
    found: list[Branch] = []
    for file, lines_before, source in sources(template):
        lines = source.splitlines()
        digest = digest_of(source)
        for index, condition in enumerate(conditions(environment.parse(source))):
            text = lines[condition.lineno - 1].strip()
            line = lines_before + condition.lineno
            found += [
                Branch(file, line, text, (digest, index, outcome)) for outcome in (True, False)
            ]
    return found


def branches_never_taken(branches: list[Branch], seen: set[Outcome]) -> list[Branch]:
    return [branch for branch in branches if branch.outcome not in seen]
