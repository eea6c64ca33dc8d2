"""A test that hangs fails, and the next ones run: `--timeout` in pyproject.toml is its limit.

By itself, pytest-timeout raises an exception wherever the process is. Inside of asyncio, that gets
lost or breaks the event loop that all tests share; so a task that waits is cancelled instead.
"""

import asyncio
import signal
from collections.abc import Generator
from types import FrameType
from typing import Any

import pytest
from pytest_timeout import Settings, is_debugging

# A task that still runs this long after it was cancelled is interrupted.
SECONDS_TO_END = 5
EXPIRED = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> Generator[None, Any, Any]:
    result = yield
    interrupt = signal.getsignal(signal.SIGALRM)
    if not callable(interrupt):  # the limit is kept by a thread
        return result
    message = (
        f"{item.nodeid} took longer than {settings.timeout:g} seconds. If that is right, give it "
        "more, with @pytest.mark.timeout(seconds)."
    )
    cancelled: asyncio.Future[Any] | None = None

    def expire(number: int, frame: FrameType | None) -> None:
        nonlocal cancelled
        if is_debugging():
            return
        if cancelled is not None and cancelled.done():
            cancelled = None  # now something else runs, such as the teardown
            signal.setitimer(signal.ITIMER_REAL, settings.timeout)
            return
        item.stash[EXPIRED] = message
        task = awaited_task(frame)
        if task is None or task is cancelled:
            signal.setitimer(signal.ITIMER_REAL, settings.timeout)
            interrupt(number, frame)
        else:
            cancelled = task
            signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_END)
            task.get_loop().call_soon_threadsafe(task.cancel, message)

    signal.signal(signal.SIGALRM, expire)
    return result


def awaited_task(frame: FrameType | None) -> asyncio.Task[Any] | None:
    """The task for which the event loop runs, if one runs."""
    while frame is not None:
        if frame.f_code is asyncio.BaseEventLoop.run_until_complete.__code__:
            task = frame.f_locals["future"]
            return task if isinstance(task, asyncio.Task) else None
        frame = frame.f_back
    return None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if EXPIRED in item.stash and report.passed:  # the test has caught the exception
        report.outcome = "failed"
        report.longrepr = item.stash[EXPIRED]
    return report
