"""Programs that tests watch and stop while they run."""

import signal
import subprocess
import time
from collections.abc import Callable


def command_lines(session: int | None = None) -> list[str]:
    """Of all processes of this machine, or of a session; `-ww`, or ps would cut them."""
    chosen = ["-e"] if session is None else ["--sid", str(session)]
    command = ["ps", "-ww", *chosen, "-o", "args"]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()


def heed_ctrl_c() -> None:
    """For `preexec_fn`: who runs the tests in the background has them ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition: Callable[[], bool]) -> None:
    """Raises `AssertionError` after 20 seconds."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen in 20 seconds")
