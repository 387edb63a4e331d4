"""Waiting on the event loop for something to become true, never for time to pass."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

POLL_INTERVAL_S = 0.02

T = TypeVar("T")


@overload
async def eventually(condition: Callable[[], Awaitable[T]], *, within_s: float = ..., what: str) -> T: ...
@overload
async def eventually(condition: Callable[[], T], *, within_s: float = ..., what: str) -> T: ...
async def eventually(condition: Callable[[], object], *, within_s: float = 10.0, what: str) -> object:
    """The first truthy answer of `condition`, which may be awaitable.

    Raises:
        TimeoutError: none came within `within_s` seconds; `what` says what was waited for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if loop.time() > deadline:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        await asyncio.sleep(POLL_INTERVAL_S)
