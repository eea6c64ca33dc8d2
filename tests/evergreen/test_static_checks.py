"""Checks of a rendered service that the broken templates do not cover."""

from pathlib import Path

import pytest

from evergreen.edits import write
from evergreen.findings import Finding
from evergreen.static_checks import links_resolve, migrations_can_be_updated


def test_broken_links_within_a_service_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/there.md").write_text("[up](../README.md#start) [out](https://example.com)")
    (tmp_path / "README.md").write_text(
        "[there](docs/there.md) ![gone](gone.png)\n\n    docs/\n      there.md  is there\n      b.md\n"
    )

    assert links_resolve(tmp_path, {}) == [
        Finding("links", "README.md", "links to gone.png: no such file"),
        Finding("links", "README.md", "shows docs/b.md: no such file"),
    ]


MIGRATION = """\
from alembic import op

revision = {name!r}
down_revision = {parents!r}


def upgrade() -> None:
    {step}
"""
FIRST = {"0001_users": None, "0002_tasks": "0001"}
STEP = 'op.execute("SELECT 1")'


def faults_of_migrations(folder: Path, step: str, **parents: object) -> list[str]:
    """Returns the findings about a service with these migrations, by file."""
    for name, parent in {**FIRST, **parents}.items():
        revision = name.partition("_")[0] if name in FIRST else name
        text = MIGRATION.format(name=revision, parents=parent, step=step)
        write(folder / f"migrations/versions/{name}.py", text)
    return [finding.message for finding in migrations_can_be_updated(folder, {})]


def test_a_migration_that_fits_into_each_service(tmp_path: Path) -> None:
    join = ("0002", "template_phone")

    assert faults_of_migrations(tmp_path, "pass", template_phone="0001", template_a=join) == []


@pytest.mark.parametrize(
    ("parents", "fault"),
    [
        ({"0003_phone": "0002"}, "has the revision 0003_phone, not template_..., as its file"),
        ({"template_phone": "0002"}, "comes after 0002, which a service may not have"),
        ({"template_phone": "0001"}, "has more than one last migration: 0002 and template_phone"),
        (
            {"template_phone": "0001", "template_a": ("0002", "template_phone")},
            "merges others, so it may do nothing else",
        ),
        ({"template_a": ("0002", "gone")}, "comes after 0002 and gone, which are not all here"),
    ],
)
def test_a_migration_that_does_not_fit_is_found(
    tmp_path: Path, parents: dict[str, object], fault: str
) -> None:
    assert fault in faults_of_migrations(tmp_path, STEP, **parents)
