"""The drill before all others: what measures must not wait for what is measured."""

import os
from contextlib import suppress

FIRST, USUAL = -10, 0


def go_first() -> None:
    """Let this process, and what it starts, come before others where the system allows that."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)


def go_as_usual() -> None:
    """Take part like any other process, whoever has started this one."""
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) < USUAL:
            os.setpriority(os.PRIO_PROCESS, 0, USUAL)
