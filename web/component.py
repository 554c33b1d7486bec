"""The pages as a component of `sendflow up`: `python -m web.component web`. The supervisor starts it."""

from __future__ import annotations

import sys

from config.private_files import protect_process
from config.settings import Settings
from runtime.component import end_with_the_supervisor
from web.server import run_web


def main() -> int:
    """Run the pages until the supervisor ends."""
    protect_process()
    end_with_the_supervisor()
    run_web(Settings.read())
    return 0


if __name__ == "__main__":
    sys.exit(main())
