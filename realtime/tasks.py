"""Tasks that outlive what goes wrong in them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from django.conf import settings
from django.db import DatabaseError

logger = logging.getLogger(__name__)


async def supervised(work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` for ever; it starts anew a moment after it failed."""
    last: str | None = None
    while True:
        try:
            await work()
        except Exception as error:
            # The border that keeps the hub alive. The same failure again is one line, not another traceback.
            said = repr(error)
            logger.warning("%s failed, it starts anew: %s", work.__name__, said, exc_info=said != last)
            last = said
            await asyncio.sleep(settings.REALTIME_SWEEP_INTERVAL_S)


class Background:
    """Tasks that nobody waits for; held here, because the event loop itself would let them vanish."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except DatabaseError as error:
        logger.warning("not told, the database is away: %s", error)
    except Exception:
        logger.exception("not told")
