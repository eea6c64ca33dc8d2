"""Keeps the settings of this machine out of the tests, and restores the logging."""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from app.settings import Settings


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
