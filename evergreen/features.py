"""Words that give a feature away in a service that was created without it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evergreen.questions import Answers, shown


@dataclass(frozen=True)
class Feature:
    question: str
    value: object
    words: re.Pattern[str]

    def __str__(self) -> str:
        return f"{self.question}={shown(self.value)}"


FEATURES = [
    Feature("database", "sqlite", re.compile(r"(?i)sqlite|[a-z]+\.db\b(?<!app\.db)")),
    Feature("database", "postgresql", re.compile(r"(?i)postgres|asyncpg|pgbouncer")),
    Feature("example", True, re.compile(r"\btasks?_|/tasks|app\.tasks|class Task|the example")),
    Feature("container", True, re.compile(r"(?i)docker|compose|container")),
    Feature("ci", "github", re.compile(r"(?i)github(?!\.com)|workflow")),
]


def features_not_chosen(answers: Answers) -> Iterator[Feature]:
    for feature in FEATURES:
        if feature.question in answers and answers[feature.question] != feature.value:
            yield feature
