"""Whether the drill itself was late: what it measures would then say nothing of the product."""

import asyncio
import time

from chat.drill.history import Lagged, Recorder

INTERVAL_S = 0.02
TOLERATED_S = 0.1


async def watch_lag(recorder: Recorder) -> None:
    """Record each time that this event loop was held up for longer than `TOLERATED_S`, until cancelled."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(INTERVAL_S)
        late = time.monotonic() - began - INTERVAL_S
        if late > TOLERATED_S:
            recorder.add(Lagged(time.monotonic(), "the drill", round(late, 3)))
