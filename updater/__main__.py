"""Makes the folder that was run a package, and runs its command line."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from updater.command_line import main  # noqa: E402

if __name__ == "__main__":
    main()
