"""Where the nodes of a syntax tree are in the text of a file, and how a change of it is shown."""

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
        # Python breaks lines at fewer characters than str.splitlines does, and counts bytes.
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
        """Without the parentheses around it, which do not belong to a node."""
        return self.text[self.start(node) : self.end(node)]

    def find(self, pattern: str, begin: int, end: int) -> Span:
        """The first match that is not in a comment; there must be no string in between."""
        between = re.sub("#.*", lambda comment: " " * len(comment[0]), self.text[begin:end])
        match = re.search(pattern, between)
        assert match is not None
        return begin + match.start(), begin + match.end()


def show(before: str, after: str, start: int, end: int) -> str:
    """A change on one line, of the part that begins at `start` and ends, before it, at `end`."""
    old = on_one_line(before[start:end])
    new = on_one_line(after[start : end + len(after) - len(before)])
    if max(len(old), len(new)) > MAX_LENGTH:
        old, new = around_the_change(old, new)
    return f"`{old}` → `{new}`" if new else f"`{old}` → nothing"


def on_one_line(text: str) -> str:
    without_comments = re.sub(r"(?m)^\s*#.*$", "", text)
    line = " ".join(without_comments.split()).replace("`", "'")
    # As if the brackets and the calls had never been on several lines.
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
