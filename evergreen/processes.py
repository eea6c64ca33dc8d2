"""Helpers to watch and stop other programs while they run."""

import signal
import subprocess
import time
from collections.abc import Callable


def command_lines(session: int | None = None) -> list[str]:
    """Lists those of all processes, or of one session; without `-ww`, ps would cut them."""
    chosen = ["-e"] if session is None else ["--sid", str(session)]
    command = ["ps", "-ww", *chosen, "-o", "args"]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()


def heed_ctrl_c() -> None:
    """For `preexec_fn`: processes that a shell starts in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition: Callable[[], bool]) -> None:
    """Raises `AssertionError` if it does not hold within 20 seconds."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("the condition did not hold within 20 seconds")
