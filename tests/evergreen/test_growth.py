"""The proof of growth: what it reports about features, and which features it refuses."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evergreen.forked_suites import ForkedSuites, forked_suites
from evergreen.growth import (
    Feature,
    FeatureError,
    insert_below,
    put_into,
    read_feature,
    read_library,
    replace_in,
)
from tools.growth.proof import Growth, Workplace, Workplaces, prove_alone

FEATURE = """\
summary = "A greeting"

[[seams]]
file = "app/main.py"
below = "# Your own words go below this line."
text = '''
words.append("Hello")
words.append("world")
'''

[[wrong]]
name = "it is rude"
file = "app/greeting.py"
old = "Hello"
new = "Go away"
says = ["test_it_is_polite", "Go away"]
"""
TEST = """\
from app.greeting import greet


def test_it_is_polite() -> None:
    assert greet() == "Hello"
"""
MAIN = """\
def create_words() -> list[str]:
    words: list[str] = []
    # Your own words go below this line.
    return words
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a feature."""
    folder = tmp_path / "library/greeting"
    for path, text in {
        "feature.toml": FEATURE,
        "files/app/greeting.py": 'def greet() -> str:\n    return "Hello"\n',
        "files/tests/test_greeting.py": TEST,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """As little of a service as a feature needs."""
    service = tmp_path / "service"
    for path, text in {
        "app/__init__.py": "",
        "app/main.py": MAIN,
        "pyproject.toml": "[tool.ruff]\nline-length = 100\n",
        "tests/__init__.py": "",
    }.items():
        (service / path).parent.mkdir(parents=True, exist_ok=True)
        (service / path).write_text(text)
    return service


@pytest.fixture(scope="module")
def suites() -> Iterator[ForkedSuites]:
    with forked_suites(Path(sys.executable).parent, {}) as suites:
        yield suites


@pytest.fixture
def workplaces(service: Path, tmp_path: Path, suites: ForkedSuites) -> Workplaces:
    programs = Path(sys.executable).parent
    return Workplaces({"sqlite": [Workplace(service, programs, tmp_path / "copies", suites)]})


def problems(workplaces: Workplaces, folder: Path) -> list[str]:
    feature = read_feature(folder)
    growth = Growth([feature], ["sqlite"])
    prove_alone(growth, workplaces, "sqlite", feature)
    return [outcome.problem for outcome in growth.outcomes if outcome.problem]


def change(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_feature_that_is_green_where_it_is_right_and_red_where_it_is_wrong_has_no_problem(
    workplaces: Workplaces, folder: Path
) -> None:
    assert problems(workplaces, folder) == []


def test_a_feature_that_is_wrong_but_green_is_reported(
    workplaces: Workplaces, folder: Path
) -> None:
    change(folder / "files/tests/test_greeting.py", 'greet() == "Hello"', "greet()")

    assert problems(workplaces, folder) == [
        "greeting on sqlite is done wrong (it is rude), but the suite is green."
    ]


def test_a_feature_that_is_right_but_red_is_reported_with_its_failure(
    workplaces: Workplaces, folder: Path
) -> None:
    change(folder / "files/tests/test_greeting.py", '"Hello"', '"Good morning"')

    (problem,) = problems(workplaces, folder)

    assert problem.startswith(
        "greeting on sqlite is done right, but the suite is red.\n"
        "tests/test_greeting.py::test_it_is_polite\n"
        "AssertionError: assert 'Hello' == 'Good morning'"
    )


def test_a_failure_that_does_not_say_what_it_must_is_reported(
    workplaces: Workplaces, folder: Path
) -> None:
    change(folder / "feature.toml", '"Go away"]', '"Use a softer word"]')

    (problem,) = problems(workplaces, folder)

    assert problem.startswith(
        "greeting on sqlite is done wrong (it is rude), and the suite is red, but no failure says "
        "'test_it_is_polite' and 'Use a softer word' in its first 10 lines.\n"
        "tests/test_greeting.py::test_it_is_polite\n"
    )


def test_a_failure_must_say_it_in_its_first_lines(workplaces: Workplaces, folder: Path) -> None:
    mistake = """old = 'return "Hello"'\nnew = 'raise ValueError("\\n" * 20 + "Go away")'"""
    change(folder / "feature.toml", 'old = "Hello"\nnew = "Go away"', mistake)

    (problem,) = problems(workplaces, folder)

    assert "no failure says" in problem


def test_a_feature_that_ruff_refuses_is_reported(workplaces: Workplaces, folder: Path) -> None:
    change(folder / "files/app/greeting.py", '"Hello"', "'Hello'")

    (problem,) = problems(workplaces, folder)

    assert problem.startswith("greeting on sqlite is done right, but ruff refuses it.\n")


def test_lines_below_a_seam_are_indented_as_it_is(service: Path, folder: Path) -> None:
    put_into(service, read_feature(folder))

    assert (service / "app/main.py").read_text() == MAIN.replace(
        "    return", '    words.append("Hello")\n    words.append("world")\n    return'
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[[wrong]]", "[[wrong", "feature.toml: Expected ']]'"),
        ('summary = "A greeting"', "", "missing 1 required positional argument: 'summary'"),
        ('summary = "A greeting"', 'sumary = "A"', "unexpected keyword argument 'sumary'"),
        ('name = "it is rude"', "", "missing 1 required positional argument: 'name'"),
        (FEATURE[FEATURE.index("[[wrong]]") :], "", "has no [[wrong]]"),
        ('["test_it_is_polite", "Go away"]', "[]", "nothing in `says`"),
        ("# Your own words go below this line.", "def create_words():", "only seams may be edited"),
        (
            'summary = "A greeting"',
            'summary = "A greeting"\ndatabases = ["mysql"]',
            "another database than sqlite and postgresql",
        ),
        (
            "[[wrong]]",
            '[[by_hand]]\nwhy = "a"\nfile = "app/main.py"\nold = "b"\nnew = "c"\n\n[[wrong]]',
            "only a migration may be edited by hand",
        ),
        (
            "[[wrong]]",
            '[[by_hand]]\nwhy = "a"\nfile = "migrations/versions/*"\nold = "b"\nnew = "c"\n'
            "\n[[wrong]]",
            "has a [[by_hand]] and no `migration`",
        ),
    ],
)
def test_a_bad_description_is_refused(folder: Path, old: str, new: str, sentence: str) -> None:
    change(folder / "feature.toml", old, new)

    with pytest.raises(FeatureError) as error:
        read_feature(folder)

    assert str(folder / "feature.toml") in str(error.value)
    assert sentence in str(error.value)


def test_a_feature_without_files_is_refused(folder: Path) -> None:
    (folder / "files").rename(folder / "file")

    with pytest.raises(FeatureError, match="has no files: add at least a test"):
        read_feature(folder)


def test_an_unknown_name_is_refused(folder: Path) -> None:
    with pytest.raises(FeatureError, match=r"There is no feature greetings among greeting\."):
        read_library(folder.parent, ["greeting", "greetings"])


def test_a_seam_that_is_not_there_is_reported(service: Path, folder: Path) -> None:
    change(service / "app/main.py", "words go", "lines go")

    with pytest.raises(FeatureError, match=r"main\.py has the seam .* 0 times, not once"):
        put_into(service, read_feature(folder))


def test_a_seam_of_a_file_that_is_not_there_is_reported(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"no\.py has the seam 'x' 0 times, not once"):
        insert_below(tmp_path / "no.py", "x", "y", folder)


def test_a_file_of_the_service_is_not_overwritten(service: Path, folder: Path) -> None:
    (service / "app/greeting.py").touch()

    with pytest.raises(FeatureError, match=r"app/greeting\.py belongs to the service already"):
        put_into(service, read_feature(folder))


@pytest.mark.parametrize(
    ("pattern", "old", "sentence"),
    [
        ("app/no.py", "words", "0 files match app/no.py, not one"),
        ("app/*.py", "words", "2 files match app/.*py, not one"),
        ("app/main.py", "return word\n", "contains 'return word.n' 0 times, not once"),
        ("app/main.py", "words", "contains 'words' 4 times, not once"),
    ],
)
def test_an_edit_that_does_not_fit_is_reported(
    service: Path, folder: Path, pattern: str, old: str, sentence: str
) -> None:
    with pytest.raises(FeatureError, match=sentence):
        replace_in(service, pattern, old, "", folder)


def test_the_library_is_described_and_its_features_differ() -> None:
    features: list[Feature] = read_library()

    assert len({feature.summary for feature in features}) == len(features)


def test_an_unknown_feature_is_refused_on_the_command_line() -> None:
    command = [sys.executable, "-m", "tools.growth", "invoice"]

    result = subprocess.run(command, capture_output=True, text=True)

    assert result.returncode == 2
    assert "There is no feature invoice among " in result.stderr
