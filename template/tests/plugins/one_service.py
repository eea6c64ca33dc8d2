"""Refuses to run the tests of several services at once: all have packages called app and tests."""

import shlex
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2]


def pytest_plugin_registered(manager: pytest.PytestPluginManager) -> None:
    """Looks before pytest imports the packages of another service, and finds those of this one."""
    config = manager.getplugin("pytestconfig")
    if not isinstance(config, pytest.Config):
        return
    here = config.invocation_params.dir
    given = [here / path.partition("::")[0] for path in config.known_args_namespace.file_or_dir]
    services = dict.fromkeys([SERVICE, *filter(None, map(service_of, given))])
    if len(services) > 1:
        commands = [
            f"    uv run --project {shlex.quote(str(folder))} pytest {shlex.quote(str(folder))}"
            for folder in services
        ]
        message = "Run the tests of each service in a process of its own:"
        raise pytest.UsageError("\n".join([message, *commands]))


def service_of(path: Path) -> Path | None:
    """The folder of the service to which the tests belong."""
    path = path.resolve()
    return next(
        (folder for folder in (path, *path.parents) if (folder / "tests/conftest.py").exists()),
        None,
    )
