"""Shows the progress of long work: a bar on a terminal, a line now and then in a log."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Result = TypeVar("Result")
SECONDS_BETWEEN_LINES = 10


class Reporter:
    """Shows on a console how far each part of the work has got."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description:32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self.progress:
            yield

    def follow(self, name: str, futures: Sequence[Future[Result]]) -> list[Result]:
        """Waits for all futures and returns their results in the same order.

        When one raises, cancels those that have not started, and raises the same.
        """
        task = self.progress.add_task(name, total=len(futures))
        started = printed = time.monotonic()
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                self.progress.advance(task)
                now = time.monotonic()
                if not self.console.is_terminal and (
                    now - printed > SECONDS_BETWEEN_LINES or done == len(futures)
                ):
                    printed = now
                    left = (now - started) / done * (len(futures) - done)
                    self.console.print(f"{name}: {done} of {len(futures)}, {left:.0f} s left")
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]
