"""Mutation operators for Python code: each mutant has one small defect."""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tools.mutants.source import MAX_CONTEXT, Node, Source, Span, on_one_line, show

# For each operator of Python: the pattern that finds it, and its replacement.
COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: (r"==", "!="),
    ast.NotEq: (r"!=", "=="),
    ast.Lt: (r"<", "<="),
    ast.LtE: (r"<=", "<"),
    ast.Gt: (r">", ">="),
    ast.GtE: (r">=", ">"),
    ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"),
    ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: (r"-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: (r"/", "*"),
    ast.FloorDiv: (r"//", "*"),
    ast.Mod: (r"%", "*"),
    ast.Pow: (r"\*\*", "*"),
    ast.BitOr: (r"\|", "&"),
    ast.BitAnd: (r"&", "|"),
    ast.BitXor: (r"\^", "&"),
    ast.LShift: (r"<<", ">>"),
    ast.RShift: (r">>", "<<"),
}
# The replacement of these is their exact opposite, so negating them would add nothing.
HAS_AN_OPPOSITE = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
NEEDS_NO_PARENTHESES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Await, ast.Compare)
OPENING_QUOTE = re.compile(r"""[a-zA-Z]*(\"{3}|'{3}|"|')""")

SimpleStatement = (
    ast.AnnAssign
    | ast.Assert
    | ast.Assign
    | ast.AugAssign
    | ast.Delete
    | ast.Expr
    | ast.Raise
    | ast.Return
)


@dataclass(frozen=True)
class Mutant:
    """`change` has no line numbers, and is unique among the mutants with the same `where`."""

    where: str
    line: int
    change: str
    text: str


def mutate(text: str) -> list[Mutant]:
    """Returns all mutants that compile, in the order of the file, without duplicates."""
    finder = Finder(text)
    finder.visit(ast.parse(text))
    mutants = sorted(finder.mutants, key=lambda mutant: mutant.line)
    seen = Counter[tuple[str, str]]()
    for index, mutant in enumerate(mutants):
        seen[mutant.where, mutant.change] += 1
        number = seen[mutant.where, mutant.change]
        if number > 1:
            mutants[index] = replace(mutant, change=f"{mutant.change} ({number})")
    return mutants


class Finder(ast.NodeVisitor):
    def __init__(self, text: str) -> None:
        self.source = Source(text)
        self.mutants: list[Mutant] = []
        self.seen = {text}
        # The names of the classes and functions around a node; the spans of the expressions
        # and of the statement around it, the widest first.
        self.names: list[str] = []
        self.spans: list[Span] = []

    def plant(self, node: Node, span: Span, new: str) -> None:
        """Replaces `span` by `new`, unless the result is a duplicate or does not compile."""
        start, end = span
        text = self.source.text[:start] + new + self.source.text[end:]
        if text in self.seen or not compiles(text):
            return
        self.seen.add(text)
        change = show(self.source.text, text, *self.context(span))
        where = ".".join(self.names) or "module"
        self.mutants.append(Mutant(where, node.lineno, change, text))

    def context(self, span: Span) -> Span:
        """Returns the widest part of the statement around a change that is still short."""
        if not self.spans:
            return span
        widest = self.spans[-1]
        for start, end in reversed(self.spans):
            if len(on_one_line(self.source.text[start:end])) > MAX_CONTEXT:
                break
            widest = start, end
        return widest

    @contextmanager
    def within(self, span: Span) -> Iterator[None]:
        self.spans.append(span)
        yield
        self.spans.pop()

    def visit(self, node: ast.AST) -> None:
        # A statement that contains others is no context, since it would show these, too. Nor is
        # the part of a call before its arguments.
        is_context = not isinstance(node, ast.Attribute)
        if is_context and isinstance(node, ast.expr | ast.keyword | SimpleStatement):
            with self.within(self.source.span(node)):
                super().visit(node)
        else:
            super().visit(node)

    def visit_all(self, nodes: Sequence[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # Functions and classes

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.append(node.name)
        self.drop_decorators(node)
        self.generic_visit(node)
        self.names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.names.append(node.name)
        self.drop_decorators(node)
        self.visit_all([*node.decorator_list, node.args])
        self.visit_type(node.returns)
        self.visit_all(node.body)
        self.names.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - as the base class has it

    def drop_decorators(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        starts = [
            self.source.text.rindex("@", 0, self.source.start(decorator))
            for decorator in node.decorator_list
        ]
        ends = [*starts[1:], self.source.start(node)]
        for decorator, start, end in zip(node.decorator_list, starts, ends, strict=False):
            self.plant(decorator, (start, end), "")

    # Types, of which only the metadata of `Annotated` changes behaviour

    def visit_arg(self, node: ast.arg) -> None:
        self.visit_type(node.annotation)

    def visit_type(self, node: ast.AST | None) -> None:
        if isinstance(node, ast.Subscript) and name_of(node.value) == "Annotated":
            self.visit(node)
        elif node is not None:
            for child in ast.iter_child_nodes(node):
                self.visit_type(child)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        name = name_of(node.value)
        if name == "Annotated" and isinstance(node.slice, ast.Tuple):
            annotated, *metadata = node.slice.elts
            _, bracket = self.source.find(r"\[", self.source.end(node.value), self.source.end(node))
            for dropped in metadata:
                new = self.without(dropped, [annotated, *metadata])
                if len(metadata) > 1:
                    self.plant(dropped, (bracket, self.source.end(node) - 1), new)
                else:
                    self.plant(dropped, self.source.span(node), new)
            self.visit_type(annotated)
            self.visit_all(metadata)
        elif name != "Literal":
            self.visit(node.value)
            # Not as a tuple, which could lose an element.
            elements = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            self.visit_all(elements)

    # Statements

    def delete(self, node: ast.stmt) -> None:
        self.plant(node, self.source.span(node), "pass")

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.delete(node)
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        # Only type checkers read `__all__`; it changes nothing at run time.
        if ast.unparse(node.targets[0]) == "__all__":
            return
        self.delete(node)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.delete(node)
        self.visit_type(node.annotation)
        self.visit_all([node.value])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.delete(node)
        self.swap_arithmetic(node, node.target, node.value)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.delete(node)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.plant(node, self.source.span(node), "return None")
        self.generic_visit(node)

    # Conditions

    def visit_If(self, node: ast.If) -> None:
        if name_of(node.test) == "TYPE_CHECKING":
            self.visit_all(node.orelse)
        else:
            self.negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While | ast.Assert | ast.IfExp) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    visit_Assert = visit_IfExp = visit_While  # noqa: N815 - as the base class has it

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self.negate(condition)
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        if node.guard is not None:
            self.negate(node.guard)
        self.generic_visit(node)

    def negate(self, test: ast.expr) -> None:
        """Skips a constant, a comparison or a `not` that another operator changes."""
        match test:
            case ast.Constant() | ast.UnaryOp(op=ast.Not()):
                return
            case ast.Compare(ops=[op]) if isinstance(op, HAS_AN_OPPOSITE):
                return
        self.plant(test, self.source.span(test), f"not {self.enclosed(test)}")

    def enclosed(self, node: ast.expr) -> str:
        text = self.source.of(node)
        return text if isinstance(node, NEEDS_NO_PARENTHESES) else f"({text})"

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            operand = self.source.of(node).removeprefix("not").strip()
            self.plant(node, self.source.span(node), operand)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        text = self.source.text
        start, parts = self.source.start(node), []
        for left, right in zip(node.values, node.values[1:], strict=False):
            word = self.source.find(rf"\b{old}\b", self.source.end(left), self.source.start(right))
            parts.append(text[start : word[0]])
            start = word[1]
        parts.append(text[start : self.source.end(node)])
        self.plant(node, self.source.span(node), new.join(parts))
        for dropped in node.values:
            kept = [self.enclosed(value) for value in node.values if value is not dropped]
            self.plant(dropped, self.source.span(node), f" {old} ".join(kept))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
            pattern, new = COMPARISONS[type(op)]
            between = self.source.end(left), self.source.start(right)
            self.plant(left, self.source.find(pattern, *between), new)
        self.generic_visit(node)

    # Exceptions

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None and not isinstance(node.type, ast.Tuple):
            self.plant(node.type, self.source.span(node.type), "()")
        self.generic_visit(node)

    # Values

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.swap_arithmetic(node, node.left, node.right)
        if isinstance(node.op, ast.BitOr):  # of two dictionaries or sets, one is enough
            self.plant(node.right, self.source.span(node), self.enclosed(node.left))
            self.plant(node.left, self.source.span(node), self.enclosed(node.right))
        self.generic_visit(node)

    def swap_arithmetic(
        self, node: ast.BinOp | ast.AugAssign, left: ast.expr, right: ast.expr
    ) -> None:
        if type(node.op) in ARITHMETIC:
            pattern, new = ARITHMETIC[type(node.op)]
            between = self.source.end(left), self.source.start(right)
            self.plant(node, self.source.find(pattern, *between), new)

    def visit_Constant(self, node: ast.Constant) -> None:
        match node.value:
            case bool():
                self.plant(node, self.source.span(node), str(not node.value))
            case int() | float():
                self.plant(node, self.source.span(node), repr(node.value + 1))
            case str():
                self.change_string(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        # As a whole: before Python 3.12, the parts have no positions.
        self.change_string(node)

    def change_string(self, node: ast.Constant | ast.JoinedStr) -> None:
        start, end = self.source.span(node)
        quote = OPENING_QUOTE.match(self.source.text, start, end)
        assert quote is not None
        self.plant(node, (quote.end(), quote.end()), "XX")

    # Arguments and elements

    def visit_Call(self, node: ast.Call) -> None:
        end = self.source.end(node)
        end_of_name = self.source.end(node.func)
        start, _ = self.source.find(r"\(", end_of_name, end)
        arguments: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        arguments.sort(key=self.source.start)
        name = name_of(node.func)
        # In a chain of calls, the last one is shown without the others if these are long.
        with self.within((end_of_name - len(name) if name else self.source.start(node), end)):
            for dropped in arguments:
                self.plant(dropped, (start, end), f"({self.without(dropped, arguments)})")
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            self.plant(node, (self.source.end(node.func.value), end), "")
        self.generic_visit(node)

    def without(self, dropped: Node, nodes: Sequence[Node]) -> str:
        return ", ".join(self.source.of(node) for node in nodes if node is not dropped)

    def visit_List(self, node: ast.List) -> None:
        self.drop_elements(node, "[", "]")

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self.drop_elements(node, "(", ",)" if len(node.elts) == 2 else ")")

    def visit_Set(self, node: ast.Set) -> None:
        if len(node.elts) == 1:
            self.plant(node.elts[0], self.source.span(node), "set()")
        else:
            self.drop_elements(node, "{", "}")

    def drop_elements(self, node: ast.List | ast.Tuple | ast.Set, begin: str, end: str) -> None:
        if isinstance(node, ast.Set) or isinstance(node.ctx, ast.Load):
            for dropped in node.elts:
                new = begin + self.without(dropped, node.elts) + end
                self.plant(dropped, self.source.span(node), new)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        items = list(zip(node.keys, node.values, strict=True))
        for dropped in items:
            kept = [self.item(key, value) for key, value in items if (key, value) != dropped]
            self.plant(dropped[0] or dropped[1], self.source.span(node), f"{{{', '.join(kept)}}}")
        for key, value in items:
            with self.within((self.source.start(key or value), self.source.end(value))):
                self.visit_all([key, value])

    def item(self, key: ast.expr | None, value: ast.expr) -> str:
        text = self.source.of(value)
        return f"**({text})" if key is None else f"{self.source.of(key)}: {text}"


def name_of(node: ast.expr) -> str | None:
    """Returns a name, or the last part of a dotted one."""
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return None


def compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True
