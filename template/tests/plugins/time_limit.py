"""A test that hangs fails, and the next ones run: `--timeout` in pyproject.toml is its limit.

By itself, pytest-timeout raises an exception wherever the process is. Inside of asyncio, that gets
lost or breaks the event loop that all tests share; so a task that waits is cancelled instead.
"""

import asyncio
import faulthandler
import signal
import sys
from collections.abc import Callable, Generator
from types import CodeType, FrameType
from typing import Any

import pytest
from pytest_timeout import Settings, is_debugging

# A task that has not ended this long after it was cancelled is interrupted.
MAX_SECONDS_TO_CANCEL = 5
# A process that has not ended this long after its tests, since a thread of it hangs, is killed.
MAX_SECONDS_TO_EXIT = 60

# The functions of pytest and asyncio that run a phase of a test, and a task.
RUN_PHASE = pytest.CallInfo.from_call.__code__
RUN_LOOP = asyncio.BaseEventLoop.run_until_complete.__code__

START = pytest.StashKey[Callable[[], None]]()
EXPIRED = pytest.StashKey[str]()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> Generator[None, Any, Any]:
    result = yield
    interrupt = signal.getsignal(signal.SIGALRM)
    if not callable(interrupt):  # the limit is kept by a thread
        return result
    message = (
        f"The test took longer than {settings.timeout:g} seconds. If it may take longer, mark it "
        "with @pytest.mark.timeout(seconds)."
    )
    cancelled: asyncio.Task[Any] | None = None

    def start() -> None:
        nonlocal cancelled
        cancelled = None
        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, settings.timeout)

    def expire(number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        nonlocal cancelled
        if is_debugging():
            return
        if (cancelled and cancelled.done()) or not find(frame, RUN_PHASE):
            start()  # the teardown, or pytest itself, which an exception would break
            return
        item.stash[EXPIRED] = message
        loop = find(frame, RUN_LOOP)
        task = loop.f_locals["future"] if loop else None
        if not isinstance(task, asyncio.Task) or task is cancelled:
            start()
            interrupt(number, frame)
        else:
            cancelled = task
            signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS_TO_CANCEL)
            task.get_loop().call_soon_threadsafe(task.cancel, message)

    signal.signal(signal.SIGALRM, expire)
    item.stash[START] = start
    return result


def find(frame: FrameType | None, code: CodeType) -> FrameType | None:
    """Looks for a function among those that are running."""
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame


@pytest.hookimpl(wrapper=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> Generator[None]:
    """pytest-timeout has stopped the timer, for a debugger; a teardown may hang, too."""
    yield
    if START in node.stash:
        node.stash[START]()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if EXPIRED in item.stash:
        if report.passed:  # the test has caught the exception
            report.outcome = "failed"
            report.longrepr = item.stash[EXPIRED]
        del item.stash[EXPIRED]
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    if is_worker(session.config):  # here its last fixtures end
        kill_later()
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config):  # a worker still waits for the others
        kill_later()


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def kill_later() -> None:
    assert sys.__stderr__  # it has a file descriptor, which what captures the output may lack
    faulthandler.dump_traceback_later(MAX_SECONDS_TO_EXIT, exit=True, file=sys.__stderr__)
