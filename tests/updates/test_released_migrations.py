"""Databases have run the migrations of each release: the tip has the same, and goes on from there."""

import itertools
from pathlib import Path

import pytest

from evergreen.databases import NewDatabase, differences_after_migration, rows_of
from evergreen.questions import Answers, label
from evergreen.released_answers import VERSIONS, offered_by
from evergreen.releases import TIP, conflicts, copy_of_release, update
from evergreen.update_properties import changed_migrations

QUESTIONS = ("database", "example")

# The newest release has all migrations of those before it, or it would not have been released.
OF_EACH_RELEASE = [
    pytest.param(
        version,
        answers := dict(zip(QUESTIONS, values, strict=True)),
        id=f"{version} {label(answers)}",
        marks=() if version == VERSIONS[-1] else pytest.mark.thorough,
    )
    for version in VERSIONS
    for values in itertools.product(*(offered_by(version)[name] for name in QUESTIONS))
]


@pytest.mark.shows("a released migration never changes")
@pytest.mark.parametrize(("version", "answers"), OF_EACH_RELEASE)
def test_a_released_migration_never_changes(template: Path, version: str, answers: Answers) -> None:
    changed = changed_migrations(template, version, answers, TIP)

    assert changed == [], (
        f"Databases have run these migrations of {version}, so a change of them never arrives "
        "there. Restore them, and add a new one: see Rules in CONTRIBUTING.md."
    )


ON_EACH_DATABASE = [
    pytest.param(
        version,
        database,
        marks=()
        if turn == number % len(databases) and version in (VERSIONS[0], VERSIONS[-1])
        else pytest.mark.thorough,
    )
    for number, version in enumerate(VERSIONS)
    for databases in [offered_by(version)["database"]]
    for turn, database in enumerate(databases)
]


@pytest.mark.shows("a database of an older release has the tables of a new one, and its rows")
@pytest.mark.parametrize(("version", "database"), ON_EACH_DATABASE)
def test_a_database_outlives_an_update(
    template: Path, new_database: NewDatabase, tmp_path: Path, version: str, database: str
) -> None:
    service = copy_of_release(template, version, {"database": database}, tmp_path / "service")
    old, new = new_database(database), new_database(database)
    old.migrate(service)
    with old.served(service) as client:
        client.post("/tasks", json={"title": "Buy milk"}).raise_for_status()
        rows = rows_of(client)

    update(service, TIP)

    assert conflicts(service) == []
    assert differences_after_migration(old, new, service) == []
    with old.served(service) as client:
        assert rows_of(client) == rows
