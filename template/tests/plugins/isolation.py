"""Keeps this machine's settings out of the tests, and what a test leaves behind out of the next."""

import logging
import os
from collections.abc import Generator, Iterator

import pytest
import structlog
from sqlalchemy import Connection, Engine, QueuePool, event

from app.settings import Settings
from tests.isolation import is_shared, shared_engines
from tests.plugins.databases import has_written


@pytest.fixture(scope="session")
def env_file_of_settings() -> object:
    """The `.env` that the service reads, but not the tests: `clean_environment` removes it."""
    return Settings.model_config["env_file"]


@pytest.fixture(scope="session", autouse=True)
def clean_environment(env_file_of_settings: object) -> Iterator[None]:
    """Neither a variable of the environment nor `.env` changes a setting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Settings.model_config, "env_file", None)
        for name in list(os.environ):
            if name.lower() in Settings.model_fields:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def guard_shared_databases() -> Iterator[None]:
    """Refuses a commit that the end of the test would not undo."""

    def refuse(connection: Connection) -> None:
        if is_shared(connection.engine.url) and has_written(connection):
            raise RuntimeError(
                "A test tried to commit to the database of all tests. Use a session of the "
                "fixtures `session` or `new_session`, or, for real commits, a database of "
                "`new_database`."
            )

    event.listen(Engine, "commit", refuse)
    yield
    event.remove(Engine, "commit", refuse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Names the test that has left a connection open, which may hold a lock."""
    yield
    for engine in shared_engines:
        if isinstance(engine.pool, QueuePool) and engine.pool.checkedout():
            engine.sync_engine.dispose(close=False)  # the next test gets another one
            pytest.fail("The test left a connection of `engine` open: use `async with`.")


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """`configure_logs` changes the logging of the whole process; this restores it."""
    names = ["", "uvicorn", "uvicorn.error", "uvicorn.access"]
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.propagate = propagate
        logger.setLevel(level)
    structlog.reset_defaults()
