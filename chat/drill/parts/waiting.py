"""Waiting for something to become true, never for time to pass."""

import time
from collections.abc import Callable
from typing import TypeVar

POLL_INTERVAL_S = 0.02

T = TypeVar("T")


def until(condition: Callable[[], T], *, within_s: float, what: str) -> T:
    """Return the first truthy answer of `condition`.

    Raises:
        TimeoutError: none came within `within_s` seconds; `what` says what was waited for.
    """
    deadline = time.monotonic() + within_s
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(POLL_INTERVAL_S)
