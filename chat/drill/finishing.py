"""Work that isn't left half done when whoever waits for it is told to stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finishing(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; where this is cancelled, the work still comes to its end first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
