"""`poe migration "what it does"` writes a migration from the models, and tries it.

Both on a database of its own, so that the one of the developer does not matter.
`poe migration --merge` writes one that comes after all that are the last.
"""

import re
import sys
import warnings
from argparse import Namespace
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import ops
from alembic.script import Script, ScriptDirectory
from sqlalchemy import exc

from app.settings import Settings
from migrations.database import new_database
from migrations.failures import VERSIONS, describe

PROJECT = VERSIONS.parents[1]


def main() -> None:
    # It becomes a docstring.
    message = " ".join(sys.argv[1:]).replace("\\", "/").replace('"', "'").strip()
    if not message:
        sys.exit("Say what the migration does: uv run poe migration 'what it does'")
    config = Config(toml_file=PROJECT / "pyproject.toml", cmd_opts=Namespace(quiet=True))
    config.set_main_option("file_template", f"{next_number():04}_%%(slug)s")
    if message == "--merge":
        sys.exit(merge(config))
    # It says so of tables that refer to each other, which are welcome.
    warnings.filterwarnings("ignore", "Cannot correctly sort tables", exc.SAWarning)
    with new_database() as url:
        # Without validation, which would read the environment and `.env`.
        config.attributes["settings"] = Settings.model_construct(database_url=url)
        try:
            command.upgrade(config, "head")
        except Exception as error:
            sys.exit(f"The migrations that exist can't be run. {describe(error)}")
        path, does_nothing = write(config, message)
        sys.stdout.write(f"Wrote {path}. ")
        if does_nothing:
            sys.stdout.write("The models ask for nothing, so it is empty.\n")
            return
        sys.exit(try_up_and_down(config))


def next_number() -> int:
    numbers = [re.match(r"\d+(?=_)", path.name) for path in VERSIONS.glob("*.py")]
    return max((int(number[0]) for number in numbers if number), default=0) + 1


def merge(config: Config) -> str | None:
    """Returns what is wrong, if there is nothing to merge."""
    heads = ScriptDirectory.from_config(config).get_heads()
    if len(heads) < 2:
        return "There are no two last migrations to merge."
    script = command.merge(config, heads, f"merge {' and '.join(heads)}")
    assert isinstance(script, Script)
    sys.stdout.write(f"Wrote {Path(script.path).relative_to(PROJECT)}, which changes nothing.\n")
    return None


def write(config: Config, message: str) -> tuple[Path, bool]:
    written: list[ops.MigrationScript] = []

    def remember(context: object, revision: object, directives: list[ops.MigrationScript]) -> None:
        written.extend(directives)

    script = command.revision(
        config, message, autogenerate=True, process_revision_directives=remember
    )
    assert isinstance(script, Script)
    does_nothing = all(script.upgrade_ops and script.upgrade_ops.is_empty() for script in written)
    return Path(script.path).relative_to(PROJECT), does_nothing


def try_up_and_down(config: Config) -> int:
    try:
        command.upgrade(config, "head")
        command.downgrade(config, "-1")
        command.upgrade(config, "head")
    except NotImplementedError as error:
        sys.stdout.write(f"It runs, but can't be undone. {describe(error)}\n")
    except Exception as error:
        sys.stdout.write(f"It is still to be completed. {describe(error)}\n")
        # The line that says so was written on purpose.
        return 0 if isinstance(error, RuntimeError) else 1
    else:
        sys.stdout.write("It runs and can be undone.\n")
    sys.stdout.write(
        "Read it, then try it on rows: uv run pytest -q tests/integration/test_migrations.py\n"
    )
    return 0


if __name__ == "__main__":
    main()
