"""What a test inherits from this machine, and what it leaves behind in the process."""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from app.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
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
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
