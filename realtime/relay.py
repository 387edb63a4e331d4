"""Carries hints, and what passes without being kept, to every process: the one user of the channel layer."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Any
from uuid import uuid4

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings

from realtime import doorbell
from realtime.doorbell import Carrier, Hint
from realtime.tasks import supervised

logger = logging.getLogger(__name__)

GROUP = "todoku.hubs"
REJOIN_INTERVAL_S = 300.0
MAX_PASSING = 1_000  # waiting to be told; older ones give way
BEAT_INTERVAL_S = 3.0
MAX_UNHEARD_BEATS = 3
LAYER_TIMEOUT_S = 2.0


class LayerSilent(Exception):
    """What was told to everybody was not heard here."""


class Relay:
    """Tells all processes what `doorbell` was given here, and hears what they tell.

    What concerns this process needs no layer; what others told may be lost as long as the layer fails: the sweep makes
    up for hints, and the rest need not arrive. A layer can also fall silent without failing (a network that swallows, a
    Redis that hangs, one that came back without its subscribers), so each relay listens for its own beats.

    Args:
        hint, carrier: called on the event loop with what was rung or handed in, here or elsewhere.
    """

    def __init__(self, hint: Hint, carrier: Carrier) -> None:
        self._hint = hint
        self._carrier = carrier
        self._name = uuid4().hex
        self._hints: dict[int, int] = {}
        self._passing: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MAX_PASSING)
        self._something_to_tell = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._layer: Any = None
        self._unheard_beats = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        doorbell.listen(self._rung, self._handed)
        self._tasks = [asyncio.create_task(supervised(work)) for work in (self._tell, self._hear)]

    async def stop(self) -> None:
        doorbell.forget(self._rung, self._handed)
        while running := [task for task in self._tasks if not task.done()]:
            for task in running:
                task.cancel()
            # Again, if need be: on their way through the layer and its client, cancellations have been lost.
            await asyncio.wait(running, timeout=LAYER_TIMEOUT_S)

    def _rung(self, stream_id: int, seq: int) -> None:
        """Called in any thread, right after a commit."""
        with suppress(RuntimeError):  # the loop has ended: nobody is left to be told
            self._loop.call_soon_threadsafe(self._note_hint, stream_id, seq)

    def _handed(self, topic: str, payload: dict[str, Any]) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._note_passing, topic, payload)

    def _note_hint(self, stream_id: int, seq: int) -> None:
        self._hint(stream_id, seq)
        self._hints[stream_id] = max(seq, self._hints.get(stream_id, 0))
        self._something_to_tell.set()

    def _note_passing(self, topic: str, payload: dict[str, Any]) -> None:
        self._carrier(topic, payload)
        self._passing.append((topic, payload))
        self._something_to_tell.set()

    async def _tell(self) -> None:
        """One message for all that one turn of the loop brought. Hints may be lost, so nothing is tried twice."""
        while True:
            await self._something_to_tell.wait()
            self._something_to_tell.clear()
            streams, passing = list(self._hints.items()), list(self._passing)
            self._hints.clear()
            self._passing.clear()
            if self._layer is None:
                continue
            async with asyncio.timeout(settings.REALTIME_HINT_TIMEOUT_S):
                message = {"type": "hints", "from": self._name, "streams": streams, "passing": passing}
                await self._layer.group_send(GROUP, message)

    async def _hear(self) -> None:
        layer = get_channel_layer()
        hearing: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(LAYER_TIMEOUT_S):
                channel = await layer.new_channel()
            self._layer = layer
            works = (_stay_joined(layer, channel), self._beat(), self._receive(layer, channel))
            hearing = [asyncio.create_task(work) for work in works]
            ended, _ = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            self._layer = None
            closing = asyncio.create_task(_drop(layer))
            for task in hearing:  # after the layer has begun to close: see there
                task.cancel()
            await asyncio.wait([closing, *hearing], timeout=LAYER_TIMEOUT_S)

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            self._unheard_beats = 0
            if message.get("from") == self._name:
                continue  # a beat, or what was known here before it was told
            for stream_id, seq in message["streams"]:
                self._hint(stream_id, seq)
            for topic, payload in message["passing"]:
                self._carrier(topic, payload)

    async def _beat(self) -> None:
        """Tell something now and then. Beats are counted and not timed: a process that was stopped has missed none."""
        self._unheard_beats = 0
        while self._unheard_beats < MAX_UNHEARD_BEATS:
            self._unheard_beats += 1
            self._something_to_tell.set()
            await asyncio.sleep(BEAT_INTERVAL_S)
        raise LayerSilent(f"{MAX_UNHEARD_BEATS} beats were told and none was heard")


async def _stay_joined(layer: Any, channel: str) -> None:
    """Join the hubs' group again and again: its memberships lapse (after a day, in channels-redis)."""
    while True:
        async with asyncio.timeout(LAYER_TIMEOUT_S):
            await layer.group_add(GROUP, channel)
        await asyncio.sleep(REJOIN_INTERVAL_S)


async def _drop(layer: Any) -> None:
    """Leave a layer behind in whatever state it is, so that the next start begins with a new one.

    What channels-redis (4.3) does by itself would not do. A `receive()` that is cancelled first unsubscribes, and waits
    for a Redis that hangs (django/channels_redis#319); a layer that is being flushed has no channels left that it could
    unsubscribe. The task that reads from Redis, once ended by a TimeoutError, never starts again and fails each flush,
    so the layer is not used again, either. And a flush may swallow a cancellation: it runs in a task of its own.
    """
    channel_layers.backends.pop(DEFAULT_CHANNEL_LAYER, None)
    try:
        async with asyncio.timeout(LAYER_TIMEOUT_S):
            await layer.flush()
    except Exception as error:
        # The border to a library that is being left: whatever it was, nothing here rests on this layer any more.
        logger.warning("a channel layer did not close: %r", error)
