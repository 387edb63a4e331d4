"""Tasks that outlive what goes wrong in them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from django.conf import settings
from django.db import DatabaseError

logger = logging.getLogger(__name__)

STEADY_S = 15.0  # what has run so long works: a layer that has fallen silent is noticed sooner


async def supervised(work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` for ever; it starts anew a moment after it failed.

    While it fails again and again, the log gets one warning for each kind of failure, and one line when that is over.
    """
    loop = asyncio.get_running_loop()
    seen: set[type[Exception]] = set()

    def recovered() -> None:
        seen.clear()
        logger.warning("%s works again", work.__name__)

    while True:
        recovery = loop.call_later(STEADY_S, recovered) if seen else None
        try:
            await work()
        except Exception as error:
            # The border that keeps the hub alive.
            level = logging.DEBUG if type(error) in seen else logging.WARNING
            logger.log(level, "%s failed, it starts anew: %r", work.__name__, error, exc_info=True)
            seen.add(type(error))
            await asyncio.sleep(settings.REALTIME_SWEEP_INTERVAL_S)
        finally:
            if recovery is not None:
                recovery.cancel()


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
