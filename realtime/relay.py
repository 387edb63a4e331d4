"""Carries hints, and what passes without being kept, to every process: the one user of the channel layer."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from realtime import doorbell
from realtime.doorbell import Carrier, Hint
from realtime.tasks import supervised

GROUP = "todoku.hubs"
REJOIN_INTERVAL_S = 300.0
MAX_PASSING = 1_000  # waiting to be told; older ones give way


class Relay:
    """Tells all processes, this one included, what `doorbell` was given here, and hears what they tell.

    The layer may fail as long as it likes: hints are made up for by the sweep, and the rest may be lost.

    Args:
        hint, carrier: called on the event loop with what is heard.
    """

    def __init__(self, hint: Hint, carrier: Carrier) -> None:
        self._hint = hint
        self._carrier = carrier
        self._hints: dict[int, int] = {}
        self._passing: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MAX_PASSING)
        self._something_to_tell = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        doorbell.listen(self._rung, self._handed)
        self._tasks = [asyncio.create_task(supervised(work)) for work in (self._tell, self._hear)]

    async def stop(self) -> None:
        doorbell.forget(self._rung, self._handed)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _rung(self, stream_id: int, seq: int) -> None:
        """Called in any thread, right after a commit."""
        with suppress(RuntimeError):  # the loop has ended: nobody is left to be told
            self._loop.call_soon_threadsafe(self._note_hint, stream_id, seq)

    def _handed(self, topic: str, payload: dict[str, Any]) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._note_passing, topic, payload)

    def _note_hint(self, stream_id: int, seq: int) -> None:
        self._hints[stream_id] = max(seq, self._hints.get(stream_id, 0))
        self._something_to_tell.set()

    def _note_passing(self, topic: str, payload: dict[str, Any]) -> None:
        self._passing.append((topic, payload))
        self._something_to_tell.set()

    async def _tell(self) -> None:
        """One message for all that one turn of the loop brought. Hints may be lost, so nothing is tried twice."""
        layer = get_channel_layer()
        while True:
            await self._something_to_tell.wait()
            self._something_to_tell.clear()
            message = {"type": "hints", "streams": list(self._hints.items()), "passing": list(self._passing)}
            self._hints.clear()
            self._passing.clear()
            async with asyncio.timeout(settings.REALTIME_HINT_TIMEOUT_S):
                await layer.group_send(GROUP, message)

    async def _hear(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        async with asyncio.TaskGroup() as group:
            group.create_task(_stay_joined(layer, channel))
            while True:
                message = await layer.receive(channel)
                for stream_id, seq in message["streams"]:
                    self._hint(stream_id, seq)
                for topic, payload in message["passing"]:
                    self._carrier(topic, payload)


async def _stay_joined(layer: Any, channel: str) -> None:
    """Join the hubs' group again and again: its memberships lapse (after a day, in channels-redis)."""
    while True:
        await layer.group_add(GROUP, channel)
        await asyncio.sleep(REJOIN_INTERVAL_S)
