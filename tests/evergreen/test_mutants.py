"""Mutants of small pieces of code, and runs of the program on a very small service."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evergreen.working_tree import ROOT
from tools.mutants.__main__ import DATABASES, plant, report
from tools.mutants.operators import mutate
from tools.mutants.survivors import DOCUMENT, Key, entry_of, read_equivalent


def changes(text: str) -> list[str]:
    return [mutant.change for mutant in mutate(text)]


def texts(text: str) -> list[str]:
    return [mutant.text for mutant in mutate(text)]


def test_a_statement_is_deleted() -> None:
    assert texts("x = y\n") == ["pass\n"]
    assert texts("x: int = y\n") == ["pass\n"]
    assert texts("await session.commit()\n") == ["pass\n"]
    assert texts("raise error\n") == ["pass\n"]


def test_a_returned_value_becomes_none() -> None:
    assert texts("def f():\n    return x\n") == ["def f():\n    return None\n"]


def test_docstrings_imports_and_declarations_have_no_mutants() -> None:
    assert texts('"""A module."""\n\nimport x\n\nx: int\n') == []
    assert texts('class A:\n    """A class."""\n\n    x: "B"\n') == []
    assert texts('def f(x: "A", y: Literal["b"] = z) -> list["C"]:\n    """Returns z."""\n') == []
    assert texts("if TYPE_CHECKING:\n    x = 1\n") == []
    assert texts("None\n...\n") == []
    assert texts('__all__ = ["x", "y"]\n') == []


def test_an_argument_is_dropped() -> None:
    assert texts("pass; f(a, b=c, **d)\n") == [
        "pass; pass\n",
        "pass; f(b=c, **d)\n",
        "pass; f(a, **d)\n",
        "pass; f(a, b=c)\n",
    ]
    assert texts("del f((a or b)(c), )[i]\n") == [
        "del f()[i]\n",
        "del f((a or b)(), )[i]\n",
        "del f((a and b)(c), )[i]\n",
        "del f((b)(c), )[i]\n",
        "del f((a)(c), )[i]\n",
    ]


def test_a_call_is_dropped_from_a_chain() -> None:
    assert texts("del f(a).g().h[i]\n") == [
        "del f(a).h[i]\n",
        "del f().g().h[i]\n",
    ]


def test_a_condition_is_negated() -> None:
    assert texts("if a: pass\n") == ["if not a: pass\n"]
    assert texts("while (a or b): pass\n")[0] == "while (not (a or b)): pass\n"
    assert texts("assert a\n") == ["assert not a\n"]
    assert texts("del x[a if b < c else d]\n") == [
        "del x[a if not b < c else d]\n",
        "del x[a if b <= c else d]\n",
    ]
    assert texts("for x in (y for y in z if y): pass\n") == [
        "for x in (y for y in z if not y): pass\n"
    ]


def test_not_is_dropped_but_its_parentheses_stay() -> None:
    assert texts("if not (a in b) and c: pass\n") == [
        "if not (not (a in b) and c): pass\n",
        "if not (a in b) or c: pass\n",
        "if c: pass\n",
        "if (not (a in b)): pass\n",
        "if (a in b) and c: pass\n",
        "if not (a not in b) and c: pass\n",
    ]


def test_and_and_or_are_swapped_and_an_operand_is_dropped() -> None:
    assert texts("del x[a or (b) or  # or not\n c and d]\n") == [
        "del x[a and (b) and  # or not\n c and d]\n",
        "del x[b or (c and d)]\n",
        "del x[a or (c and d)]\n",
        "del x[a or b]\n",
        "del x[a or (b) or  # or not\n c or d]\n",
        "del x[a or (b) or  # or not\n d]\n",
        "del x[a or (b) or  # or not\n c]\n",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("==", "!="),
        ("!=", "=="),
        ("<", "<="),
        ("<=", "<"),
        (">", ">="),
        (">=", ">"),
        ("is", "is not"),
        ("is not", "is"),
        ("in", "not in"),
        ("not in", "in"),
        ("+", "-"),
        ("-", "+"),
        ("*", "/"),
        ("/", "*"),
        ("//", "*"),
        ("%", "*"),
        ("**", "*"),
        ("&", "|"),
    ],
)
def test_an_operator_is_replaced(old: str, new: str) -> None:
    assert texts(f"del x[a {old} b]\n") == [f"del x[a {new} b]\n"]


def test_one_of_two_dictionaries_is_dropped() -> None:
    assert texts("del x[a | b]\n") == ["del x[a & b]\n", "del x[a]\n", "del x[b]\n"]


def test_every_operator_of_a_chain_is_replaced() -> None:
    assert texts("del x[a < b < c]\n") == ["del x[a <= b < c]\n", "del x[a < b <= c]\n"]


def test_the_operator_of_an_augmented_assignment_is_replaced() -> None:
    assert texts("x += y\n") == ["pass\n", "x -= y\n"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("True", "False"),
        ("False", "True"),
        ("9", "10"),
        ("1_000", "1001"),
        ("0.5", "1.5"),
        ('"a"', '"XXa"'),
        ("''", "'XX'"),
        (r'r"\x00"', r'r"XX\x00"'),
        ('f"{a + 1}"', 'f"XX{a + 1}"'),
        ('"a" "b"', '"XXa" "b"'),
    ],
)
def test_a_constant_is_changed(old: str, new: str) -> None:
    assert texts(f"del x[{old}]\n") == [f"del x[{new}]\n"]


def test_a_decorator_is_dropped() -> None:
    assert texts("class A:\n    @a\n    @b.c\n    async def f(self): pass\n") == [
        "class A:\n    @b.c\n    async def f(self): pass\n",
        "class A:\n    @a\n    async def f(self): pass\n",
    ]


@pytest.mark.parametrize(
    ("display", "mutants"),
    [
        ("[a, b]", ["[b]", "[a]"]),
        ("(a, b)", ["(b,)", "(a,)"]),
        ("(a, b, c)", ["(b, c)", "(a, c)", "(a, b)"]),
        ("(a,)", ["()"]),
        ("{a, b}", ["{b}", "{a}"]),
        ("{a}", ["set()"]),
        ("{a: b, **c}", ["{**(c)}", "{a: b}"]),
    ],
)
def test_an_element_is_dropped(display: str, mutants: list[str]) -> None:
    assert texts(f"for x in {display}: pass\n") == [
        f"for x in {mutant}: pass\n" for mutant in mutants
    ]


def test_one_of_several_exceptions_is_no_longer_caught() -> None:
    assert texts("try: pass\nexcept (A, B): pass\n") == [
        "try: pass\nexcept (B,): pass\n",
        "try: pass\nexcept (A,): pass\n",
    ]


def test_an_exception_is_no_longer_caught() -> None:
    assert texts("try: pass\nexcept a.B as c: pass\n") == ["try: pass\nexcept () as c: pass\n"]


def test_assignment_targets_are_not_dropped() -> None:
    assert texts("for x, y in z: pass\n") == []


def test_only_the_metadata_of_annotated_types_is_changed() -> None:
    assert texts("x: dict[str, Annotated['A', f(1), b]]\n") == [
        "x: dict[str, Annotated['A', b]]\n",
        "x: dict[str, Annotated['A', f(1)]]\n",
        "x: dict[str, Annotated['A', f(), b]]\n",
        "x: dict[str, Annotated['A', f(2), b]]\n",
    ]
    assert texts("def f(x: Annotated[A, b]) -> A | B: pass\n") == ["def f(x: A) -> A | B: pass\n"]


def test_mutants_are_distinct_and_compile() -> None:
    assert texts("if not a: pass\n") == ["if a: pass\n"]
    assert texts("def f():\n    x = y\n    def g(): nonlocal x\n") == []


def test_the_rest_of_a_file_is_unchanged() -> None:
    text = "# ünï\n\n'é'; f(\n    'é',  # why\n    b,\n)\n"

    assert texts(text) == [
        "# ünï\n\n'é'; pass\n",
        "# ünï\n\n'é'; f(b)\n",
        "# ünï\n\n'é'; f(\n    'XXé',  # why\n    b,\n)\n",
        "# ünï\n\n'é'; f('é')\n",
    ]


def test_a_mutant_names_its_place() -> None:
    text = "x = y\n\nclass A:\n    def f(self):\n        def g():\n            return z\n"

    places = [(mutant.where, mutant.line) for mutant in mutate(text)]
    assert places == [("module", 1), ("A.f.g", 6)]


def test_a_change_is_shown_on_one_line_with_some_context() -> None:
    assert changes("connect(\n    # Why.\n    args={'timeout': 10},\n)\n") == [
        "`connect(args={'timeout': 10})` → `pass`",
        "`connect(args={'timeout': 10})` → `connect()`",
        "`connect(args={'timeout': 10})` → `connect(args={})`",
        "`connect(args={'timeout': 10})` → `connect(args={'XXtimeout': 10})`",
        "`connect(args={'timeout': 10})` → `connect(args={'timeout': 11})`",
    ]


def test_a_long_change_is_cut() -> None:
    first, *_, last = changes(f"{'f' * 40}({'a' * 40}, b)\n")

    assert first == f"`{'f' * 40}({'a' * 29}…` → `pass`"
    assert last == f"`…{'a' * 20}, b)` → `…{'a' * 20})`"


def test_changes_that_look_the_same_are_numbered() -> None:
    assert changes("del x[1]\ndel x[1]\n") == [
        "`del x[1]` → `del x[2]`",
        "`del x[1]` → `del x[2]` (2)",
    ]


@pytest.mark.parametrize("change", ["`f('a')` → `f()`", "`r'\\d'` → `'ü'`", '`"a"` → `""`'])
def test_the_entry_of_a_survivor_can_be_pasted(tmp_path: Path, change: str) -> None:
    key = Key("app/errors.py", "module", change)
    document = tmp_path / "equivalent.toml"
    document.write_text(entry_of(key))

    assert read_equivalent("sqlite", document) == {key}


def test_an_equivalent_mutant_may_be_one_on_one_database_only(tmp_path: Path) -> None:
    key = Key("app/errors.py", "module", "`1` → `2`")
    document = tmp_path / "equivalent.toml"
    document.write_text(f'{entry_of(key)}database = "sqlite"\n')

    assert read_equivalent("sqlite", document) == {key}
    assert read_equivalent("postgresql", document) == set()


def test_every_equivalent_mutant_has_a_reason() -> None:
    entries = tomllib.loads(DOCUMENT.read_text())

    mutants = [mutant for mutants in entries.values() for mutant in mutants]
    assert [mutant for mutant in mutants if not mutant["why"]] == []
    assert {mutant.get("database", "sqlite") for mutant in mutants} <= set(DATABASES)


@pytest.fixture
def small_service(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": '[tool.pytest]\ntestpaths = ["tests"]\npythonpath = ["."]\n',
        "app/errors.py": "LIMIT = 1\nNAME = other = 'a'\n",
        "tests/conftest.py": "from app.errors import LIMIT\n",
        "tests/test_errors.py": "import app.errors\n\ndef test_it(): assert app.errors.LIMIT == 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def run_program(service: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tools.mutants",
        str(service),
        "--only=app/errors.py",
        *options,
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_program_shows_the_survivors(small_service: Path) -> None:
    result = run_program(small_service)

    assert result.returncode == 1, result.stderr
    survived = result.stdout.split("Survived:\n")[1].split("\n\n")[0]
    assert survived.splitlines() == [
        "app/errors.py:2 module  `NAME = other = 'a'` → `pass`",
        "app/errors.py:2 module  `NAME = other = 'a'` → `NAME = other = 'XXa'`",
    ]
    total = "4 mutants on sqlite: 2 killed, 2 survived. That is 50.0% (at least 95%)"
    assert total in result.stdout


def test_the_program_stops_if_the_suite_fails_without_a_mutant(small_service: Path) -> None:
    (small_service / "app/errors.py").write_text("LIMIT = 2\n")

    result = run_program(small_service)

    assert result.returncode == 1
    assert result.stderr.startswith("\nThe suite fails without a mutant.\n")
    assert "assert 2 == 1" in result.stderr


def test_the_program_lists_mutants(small_service: Path) -> None:
    result = run_program(small_service, "--list")

    assert result.returncode == 0
    assert result.stdout.splitlines()[0] == "app/errors.py:1 module  `LIMIT = 1` → `pass`"
    assert result.stdout.splitlines()[-1] == "4 mutants on sqlite"


def test_the_program_mutates_only_the_services_on_one_database(small_service: Path) -> None:
    result = run_program(small_service, "--list", "--database=postgresql")

    assert result.returncode == 0
    assert result.stdout == ""


def test_the_runs_on_postgresql_share_a_server(small_service: Path) -> None:
    (small_service / "embedded_postgresql.py").write_text(
        "import os\n"
        "def start(name, *options): return 'postgresql://server/', os.dup(0)\n"
        "def wait_until_stopped(name): pass\n"
    )
    (small_service / "tests/test_errors.py").write_text(
        "def test_it(pytestconfig):\n"
        "    assert pytestconfig.workerinput == {'server': 'postgresql+asyncpg://server/'}\n"
        "    import app.errors; assert app.errors.LIMIT == 1\n"
    )

    result = run_program(small_service)

    assert "4 mutants on postgresql: 2 killed, 2 survived" in result.stdout


def test_listed_survivors_are_no_error(small_service: Path) -> None:
    survivors = list(plant(small_service, ["app/errors.py"]))

    assert report(survivors, {survivor.key for survivor in survivors})


def test_an_unlisted_survivor_is_an_error(
    small_service: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    survivors = list(plant(small_service, ["app/errors.py"]))

    assert not report(survivors, {survivor.key for survivor in survivors[1:]})
    entry = """\
[["app/errors.py"]]
where = "module"
change = '`LIMIT = 1` → `pass`'
why = ""
"""
    assert entry in capsys.readouterr().out


def test_a_listed_mutant_that_no_longer_survives_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not report([], {Key("app/errors.py", "gone", "`1` → `2`")})
    assert "where = \"gone\"\nchange = '`1` → `2`'\n" in capsys.readouterr().out
