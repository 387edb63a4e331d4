"""The tasks of one client, which end with it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Tasks:
    """Starts them; what goes wrong in one is kept until somebody asks.

    Args:
        expected: takes an error that ends a task, and says whether it is an ordinary one.
    """

    def __init__(self, expected: Callable[[BaseException], bool]) -> None:
        self._expected = expected
        self._running: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def check(self) -> None:
        """
        Raises:
            BaseException: the first one that a task ended with.
        """
        if self._failures:
            raise self._failures[0]

    def cancel(self) -> None:
        for task in list(self._running):
            task.cancel()

    async def stop(self) -> None:
        self.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not self._expected(error):
            self._failures.append(error)
