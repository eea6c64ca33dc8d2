"""Answers that people type and that break templates, and answers that must be refused."""

from pathlib import Path
from typing import Any

from evergreen.covering_array import covering_array
from evergreen.questions import Answers, offered_values

HOSTILE: dict[str, list[Any]] = {
    "project_name": [
        'My "best" service: #1 {{ x }} \\ ünïcode 🚀',
        "O'Reilly's",
        "'\"",
        "خدمة الطلبات",
        "class",
        "- [x] *not* a <b>list</b>",
        "{# no comment #}",
        "x" * 100,
    ],
    "project_slug": ["a", "class", "n" * 50, "e1-0x1f"],
    "description": [
        "Key: value, and a colon at the end:",
        'It\'s "quoted" \\ back: #1 {% raw %} {{ braces }}',
        'only "double" quotes \\n \\u0041 \\',
        "right-to-left: שירות",
        "None",
        "${{ secrets.X }} $HOME `id` <b>&amp;</b> %(here)s",
        "'''\"\"\"",
        "y" * 500,
    ],
    "coverage_threshold": [95, 0, 100],
}

# A question, a bad answer to it, and the sentence with which it is refused.
REFUSED: list[tuple[str, Any, str]] = [
    ("project_name", "", "The name is empty: type at least one character."),
    ("project_name", "   ", "The name is empty: type at least one character."),
    ("project_name", " a", "The name begins or ends with white space: remove it."),
    ("project_name", "x" * 300, "The name has 300 characters: type at most 100."),
    ("project_name", "a\nb", "The name has a control character: type one line of plain text."),
    ("project_name", "a\u2028b", "The name has a control character: type one line of plain text."),
    ("description", "", "The description is empty: type at least one character."),
    (
        "description",
        "a\tb",
        "The description has a control character: type one line of plain text.",
    ),
    ("description", "x" * 501, "The description has 501 characters: type at most 500."),
    (
        "project_slug",
        "My Service",
        "Type a-z, 0-9 and hyphens, a letter first, as in my-service.",
    ),
    ("project_slug", "1st", "Type a-z, 0-9 and hyphens, a letter first, as in st."),
    ("project_slug", "a--b", "Type a-z, 0-9 and hyphens, a letter first, as in a-b."),
    ("project_slug", "a-", "Type a-z, 0-9 and hyphens, a letter first, as in a."),
    ("project_slug", "a\n", "Type a-z, 0-9 and hyphens, a letter first, as in a."),
    ("project_slug", "ünï", "Type a-z, 0-9 and hyphens, a letter first, as in n."),
    ("project_slug", "🚀", "Type a-z, 0-9 and hyphens, a letter first, as in my-service."),
    ("project_slug", "", "Type a-z, 0-9 and hyphens, a letter first, as in my-service."),
    (
        "project_slug",
        "Argon2 CFFI bindings of ours",
        "Type a-z, 0-9 and hyphens, a letter first, as in argon2-cffi-bindings-service.",
    ),
    ("project_slug", "x" * 51, "The slug has 51 characters: type at most 50."),
    (
        "project_slug",
        "fastapi",
        "A dependency has this name: type another one, such as fastapi-service.",
    ),
    ("project_slug", "true", "true is a value in YAML: type another one, such as true-service."),
    ("coverage_threshold", 101, "101 is not a percentage: type a number from 0 to 100."),
    ("coverage_threshold", -1, "-1 is not a percentage: type a number from 0 to 100."),
]


def hostile_combinations(template: Path) -> list[Answers]:
    """Combines each hostile answer with each other answer, in few services."""
    return covering_array({**offered_values(template), **HOSTILE})
