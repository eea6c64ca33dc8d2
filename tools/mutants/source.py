"""Finds the nodes of a syntax tree in the text of a file, and shows changes of the text."""

import ast
import re
from itertools import accumulate, takewhile
from operator import eq

Node = ast.expr | ast.stmt | ast.keyword
Span = tuple[int, int]

MAX_CONTEXT = 50
MAX_LENGTH = 70
CONTEXT_OF_A_CHANGE = 20


class Source:
    def __init__(self, text: str) -> None:
        self.text = text
        # Unlike str.splitlines, Python breaks lines at few characters; and it counts bytes.
        self.lines = text.encode().splitlines(keepends=True)
        self.starts = [0, *accumulate(len(line.decode()) for line in self.lines)]

    def position(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1][:column].decode())

    def start(self, node: Node) -> int:
        return self.position(node.lineno, node.col_offset)

    def end(self, node: Node) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.position(node.end_lineno, node.end_col_offset)

    def span(self, node: Node) -> Span:
        return self.start(node), self.end(node)

    def of(self, node: Node) -> str:
        """Returns the text of a node, without parentheses around it, which are no part of it."""
        return self.text[self.start(node) : self.end(node)]

    def find(self, pattern: str, begin: int, end: int) -> Span:
        """Returns the first match outside comments; there must be no string in the range."""
        between = re.sub("#.*", lambda comment: " " * len(comment[0]), self.text[begin:end])
        match = re.search(pattern, between)
        assert match is not None
        return begin + match.start(), begin + match.end()


def show(before: str, after: str, start: int, end: int) -> str:
    """Shows on one line how the text from `start` to `end`, as counted in `before`, changes."""
    old = on_one_line(before[start:end])
    new = on_one_line(after[start : end + len(after) - len(before)])
    if max(len(old), len(new)) > MAX_LENGTH:
        old, new = around_the_change(old, new)
    return f"`{old}` → `{new}`" if new else f"`{old}` → nothing"


def on_one_line(text: str) -> str:
    without_comments = re.sub(r"(?m)^\s*#.*$", "", text)
    line = " ".join(without_comments.split()).replace("`", "'")
    # Brackets and chains of calls look as if they had always been on one line.
    line = re.sub(r"(?<=[(\[{]) | (?=\.\w)", "", line)
    return re.sub(r",? (?=[)\]}])", "", line)


def around_the_change(old: str, new: str) -> tuple[str, str]:
    head = length_in_common(old, new)
    tail = length_in_common(old[head:][::-1], new[head:][::-1])
    head = max(head - CONTEXT_OF_A_CHANGE, 0)
    tail = max(tail - CONTEXT_OF_A_CHANGE, 0)
    return cut(old, head, tail), cut(new, head, tail)


def length_in_common(one: str, other: str) -> int:
    return len(list(takewhile(bool, map(eq, one, other))))


def cut(text: str, head: int, tail: int) -> str:
    middle = text[head : len(text) - tail]
    if len(middle) > MAX_LENGTH:
        middle, tail = middle[:MAX_LENGTH], 1
    return "…" * (head > 0) + middle + "…" * (tail > 0)
