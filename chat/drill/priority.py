"""The drill before all others: what measures must not wait for what is measured."""

import os
from contextlib import suppress

FIRST, USUAL = -10, 0


def go_first(pid: int = 0) -> None:
    """Let a process, this one by default, come before others where the system allows that."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, FIRST)
    with suppress(OSError, AttributeError):  # on Linux alone
        # As soon as it has something to do; what it starts is scheduled as usual.
        os.sched_setscheduler(pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def go_as_usual() -> None:
    """Take part like any other process, whoever has started this one."""
    with suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, 0) < USUAL:
            os.setpriority(os.PRIO_PROCESS, 0, USUAL)
