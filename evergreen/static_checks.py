"""Checks a service without running it.

A check of a file sees only its path and its text, so a file that several services share is checked
once. A check of a tree sees the folder of a service and the answers that it was created with.
"""

import ast
import configparser
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import check_jsonschema  # type: ignore[import-untyped]
import yaml
from click.testing import CliRunner
from markdown_it import MarkdownIt

from evergreen.features import features_not_chosen
from evergreen.findings import Finding
from evergreen.questions import Answers
from updater.migrations import VERSIONS, Revision, read_history

FileCheck = Callable[[str, str], list[str]]
TreeCheck = Callable[[Path, Answers], list[Finding]]

# The syntax of Mako looks like Jinja.
LOOKS_LIKE_JINJA = {".mako"}


def run_tool(name: str, *arguments: str, folder: Path) -> str:
    """Runs a program installed beside this Python; returns its output if it fails, else nothing."""
    program = Path(sys.executable).with_name(name)
    result = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    return "" if result.returncode == 0 else (result.stdout + result.stderr).strip()


def run_tool_on_text(path: str, text: str, name: str, *arguments: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        found = run_tool(name, *arguments, path, folder=Path(folder))
    return [found] if found else []


# ── Checks of a file ─────────────────────────────────────────────────────────


def clean_white_space(path: str, text: str) -> list[str]:
    """Jinja tags on lines of their own must leave no white space behind."""
    if not text:
        return [] if path.endswith("__init__.py") else ["is empty"]
    is_code = path.endswith((".py", ".mako"))
    prose = re.sub(r"(?s)^```python\n.*?^```", "code", text, flags=re.MULTILINE)
    faults = {
        "does not end in a newline": not text.endswith("\n"),
        "ends in an empty line": text.endswith("\n\n"),
        "begins with an empty line": text.startswith("\n"),
        "has too many empty lines in a row": "\n\n\n\n" in text
        or (not is_code and "\n\n\n" in prose),
        "has trailing white space": re.search(r"[ \t]+$", text, re.MULTILINE) is not None,
    }
    return [fault for fault, is_there in faults.items() if is_there]


def read_ini(text: str) -> None:
    configparser.ConfigParser(interpolation=None).read_string(text)


READERS: dict[str, Callable[[str], object]] = {
    ".cfg": read_ini,
    ".ini": read_ini,
    ".json": json.loads,
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


def readable(path: str, text: str) -> list[str]:
    reader = READERS.get(PurePath(path).suffix)
    try:
        if reader is not None:
            reader(text)
    except (ValueError, SyntaxError, yaml.YAMLError, configparser.Error) as error:
        return [f"{type(error).__name__}: {error}"]
    return []


SCHEMAS = {
    ".github/workflows/*": "vendor.github-workflows",
    ".github/dependabot.yml": "vendor.dependabot",
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    "compose.yaml": "vendor.compose-spec",
}


def valid_in_its_schema(path: str, text: str) -> list[str]:
    for pattern, schema in SCHEMAS.items():
        if PurePath(path).match(pattern):
            return check_schema(path, text, schema)
    return []


def check_schema(path: str, text: str, schema: str) -> list[str]:
    """Runs in this process: starting the program takes fifty times as long as the check."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / PurePath(path).name
        file.write_text(text)
        arguments = [f"--builtin-schema={schema}", str(file)]
        result = CliRunner().invoke(check_jsonschema.main, arguments)
    return [] if result.exit_code == 0 else [result.output.replace(f"{folder}/", "").strip()]


def safe_workflow(path: str, text: str) -> list[str]:
    """The same program checks what Dependabot is asked for."""
    if not any(
        PurePath(path).match(f".github/{name}") for name in ("workflows/*", "dependabot.yml")
    ):
        return []
    return run_tool_on_text(
        path, text, "zizmor", "--offline", "--persona=auditor", "--quiet", "--no-progress"
    )


def sound_dockerfile(path: str, text: str) -> list[str]:
    if PurePath(path).name != "Dockerfile":
        return []
    return run_tool_on_text(path, text, "hadolint", "--no-color")


FILE_CHECKS: dict[str, FileCheck] = {
    "white space": clean_white_space,
    "readable": readable,
    "schema": valid_in_its_schema,
    "zizmor": safe_workflow,
    "hadolint": sound_dockerfile,
}


def check_file(path: str, content: bytes) -> list[Finding]:
    """Applies all checks of a file."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return [Finding("readable", path, str(error))]
    return [
        Finding(name, path, message)
        for name, check in FILE_CHECKS.items()
        for message in check(path, text)
    ]


# ── Checks of a tree ─────────────────────────────────────────────────────────


def clean_for_ruff(folder: Path, answers: Answers) -> list[Finding]:
    printed = [
        run_tool("ruff", "format", "--check", "--no-cache", "--quiet", "--diff", folder=folder),
        run_tool(
            "ruff", "check", "--no-cache", "--quiet", "--output-format=concise", folder=folder
        ),
    ]
    findings = []
    for text in filter(None, printed):
        named = re.search(r"^(?:--- )?([\w./-]+\.\w+)", text, re.MULTILINE)
        findings.append(Finding("ruff", named[1] if named else "", text))
    return findings


def answers_have_arrived(folder: Path, answers: Answers) -> list[Finding]:
    """Checks the file that records them, and the names that people and programs see."""
    recorded = yaml.safe_load((folder / ".copier-answers.yml").read_text())
    findings = [
        Finding(
            "answers", ".copier-answers.yml", f"has {recorded.get(name)!r} for {name}={value!r}"
        )
        for name, value in answers.items()
        if recorded.get(name) != value
    ]
    name, description = recorded["project_name"], recorded["description"]
    readme = (folder / "README.md").read_text()
    if not readme.startswith(f"# {name}\n\n{description}\n"):
        findings.append(Finding("answers", "README.md", "does not begin with name and description"))
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        api = arguments_of_the_app((folder / "app/main.py").read_text())
    except (ValueError, SyntaxError):
        return findings  # The check `readable` reports files that can't be parsed.
    expected = {
        "pyproject.toml": (
            (project["name"], project["description"]),
            (recorded["project_slug"], description),
        ),
        "app/main.py": ((api["title"], api["description"]), (name, description)),
    }
    return findings + [
        Finding("answers", file, f"has {found}, not {wanted}")
        for file, (found, wanted) in expected.items()
        if found != wanted
    ]


def arguments_of_the_app(source: str) -> dict[str, Any]:
    """Returns the constant arguments of `Service(…)`; raises `ValueError` without such a call."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "Service"
        ):
            return {
                str(keyword.arg): keyword.value.value
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant)
            }
    raise ValueError("app/main.py does not call Service")


def without_jinja(folder: Path, answers: Answers) -> list[Finding]:
    """Checks that no Jinja syntax is left, unless an answer contains some."""
    if any(brace in str(value) for value in answers.values() for brace in ("{{", "{%", "{#")):
        return []
    return [
        Finding("no jinja", str(path.relative_to(folder)), f"line {number} has {found[0]}")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in LOOKS_LIKE_JINJA
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        for found in re.finditer(r"\{%|\{#|(?<!\$)\{\{", line)
    ]


def links_resolve(folder: Path, answers: Answers) -> list[Finding]:
    """Checks links to other files, and the paths that a README shows in a tree of folders."""
    findings = []
    for path in sorted(folder.rglob("*.md")):
        name = str(path.relative_to(folder))
        for block in MarkdownIt().parse(path.read_text()):
            for token in block.children or []:
                target = str(token.attrs.get("href") or token.attrs.get("src") or "")
                is_local = target and not re.match(r"[a-z]+:|#", target)
                if is_local and not (path.parent / target.split("#")[0]).exists():
                    findings.append(Finding("links", name, f"links to {target}: no such file"))
            if block.type == "code_block":
                findings += [
                    Finding("links", name, f"shows {shown_path}: no such file")
                    for shown_path in paths_in_a_tree(block.content)
                    if not (folder / shown_path).exists()
                ]
    return findings


def paths_in_a_tree(text: str) -> list[str]:
    """Returns the paths in an indented list of folders and files, and none for other text."""
    entries = re.findall(r"^(  )?([\w.-]+/?)(?: .*)?$", text, re.MULTILINE)
    if not any(name.endswith("/") for indent, name in entries if not indent):
        return []
    paths, parent = [], ""
    for indent, name in entries:
        parent = parent if indent else name
        paths.append(parent + name if indent else name)
    return paths


def features_are_left_out(folder: Path, answers: Answers) -> list[Finding]:
    """Checks that a feature that was not chosen has no file and no mention in other files."""
    findings = []
    for feature in features_not_chosen(answers):
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            if feature.words.search(name):
                findings.append(Finding("features", name, f"belongs to {feature}"))
            elif path.is_file() and name != ".copier-answers.yml":
                found = feature.words.search(path.read_text(errors="replace"))
                if found:
                    findings.append(Finding("features", name, f"{found[0]!r} refers to {feature}"))
    return findings


def migrations_can_be_updated(folder: Path, answers: Answers) -> list[Finding]:
    """Checks those of later releases: they must fit into each service that is updated.

    Numbers are the team's, and the example's migration may be missing.
    """
    history = read_history(folder)
    names = {revision.name for revision in history}
    parents = {parent for revision in history for parent in revision.parents}
    faults = [
        (revision.path, fault)
        for revision in history
        if revision.name not in FIRST_MIGRATIONS
        for fault in faults_of(revision, folder, names)
    ]
    if len(names - parents) != 1:
        heads = " and ".join(sorted(names - parents))
        faults.append((VERSIONS, f"has more than one last migration: {heads}"))
    return [Finding("migrations", path, fault) for path, fault in faults]


FIRST_MIGRATIONS = {"0001", "0002"}


def faults_of(revision: Revision, folder: Path, names: set[str]) -> list[str]:
    is_template = re.fullmatch("template_[a-z_]+", revision.name) is not None
    faults = {
        f"has the revision {revision.name}, not template_..., as its file": (
            not is_template or PurePath(revision.path).stem != revision.name
        ),
        "comes after 0002, which a service may not have": revision.parents == ("0002",),
        f"comes after {' and '.join(revision.parents)}, which are not all here": (
            not names.issuperset(revision.parents)
        ),
        "merges others, so it may do nothing else": revision.is_merge
        and "op." in (folder / revision.path).read_text(),
    }
    return [fault for fault, is_there in faults.items() if is_there]


TREE_CHECKS: dict[str, TreeCheck] = {
    "ruff": clean_for_ruff,
    "answers": answers_have_arrived,
    "no jinja": without_jinja,
    "links": links_resolve,
    "features": features_are_left_out,
    "migrations": migrations_can_be_updated,
}
