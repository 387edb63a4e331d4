"""The relay and its channel layer: whatever becomes of Redis, hints get through again, and nothing waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.test import override_settings

from chat.drill.layer import RedisLayer
from chat.drill.network import Network, Path
from chat.drill.parts.redis import Redis
from config.settings import channel_layer
from realtime import doorbell, relay
from realtime.relay import Relay
from tests.parts.eventually import eventually

DEADLINE_S = 10.0
STREAM = 7


@pytest.fixture(autouse=True)
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the relay does within seconds, it does within tenths."""
    monkeypatch.setattr(relay, "BEAT_INTERVAL_S", 0.1)
    monkeypatch.setattr(relay, "LAYER_TIMEOUT_S", 0.5)


@pytest.fixture
async def path(redis: Redis) -> AsyncIterator[Path]:
    """The way to Redis, which can be damaged."""
    network = Network([("127.0.0.1", int(redis.port or 6379))])
    path = await network.open_path("layer")
    layers = {"default": channel_layer(RedisLayer(redis, path).url)}
    with override_settings(CHANNEL_LAYERS=layers):
        yield path
    await network.close()


class Ear:
    """What one process hears."""

    def __init__(self) -> None:
        self.hints: list[tuple[int, int]] = []
        self.passing: list[tuple[str, dict[str, Any]]] = []
        self.relay = Relay(self._hint, self._carry)

    def _hint(self, stream_id: int, seq: int) -> None:
        self.hints.append((stream_id, seq))

    def _carry(self, topic: str, payload: dict[str, Any]) -> None:
        self.passing.append((topic, payload))


@asynccontextmanager
async def two_processes() -> AsyncIterator[tuple[Ear, Ear]]:
    """Two relays as if each were in a process of its own: the second one's doorbell is not rung here."""
    one, other = Ear(), Ear()
    one.relay.start()
    channel_layers.backends.clear()  # each process has a layer of its own
    other.relay.start()
    doorbell.forget(other.relay._rung, other.relay._handed)
    try:
        yield one, other
    finally:
        doorbell.listen(other.relay._rung, other.relay._handed)
        await asyncio.gather(one.relay.stop(), other.relay.stop())


async def until_heard(ear: Ear, seq: int) -> None:
    """Ring again and again until the other process has heard it."""
    async with asyncio.timeout(DEADLINE_S):
        while (STREAM, seq) not in ear.hints:
            doorbell.ring(STREAM, seq)
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("path")
async def test_what_is_rung_here_is_heard_here_once_and_at_once_and_elsewhere_through_the_layer() -> None:
    async with two_processes() as (here, elsewhere):
        await until_heard(elsewhere, 1)
        here.hints.clear()
        doorbell.ring(STREAM, 2)
        doorbell.pass_on("typing", {"who": 1})
        await asyncio.sleep(0)
        assert (here.hints, here.passing) == ([(STREAM, 2)], [("typing", {"who": 1})])
        await eventually(lambda: elsewhere.passing, what="what passes, elsewhere")
        await eventually(lambda: here.relay._unheard_beats == 0, what="its own message")
        assert (here.hints, here.passing) == ([(STREAM, 2)], [("typing", {"who": 1})])


async def test_a_redis_that_swallows_everything_is_noticed_and_heard_again_once_it_answers(path: Path) -> None:
    async with two_processes() as (_, elsewhere):
        await until_heard(elsewhere, 1)
        first = elsewhere.relay._layer
        await path.stall()
        await eventually(lambda: elsewhere.relay._layer is None, what="a relay that gives its layer up")
        await path.restore()
        await until_heard(elsewhere, 2)
        assert elsewhere.relay._layer is not first


async def test_a_relay_that_stops_while_redis_hangs_leaves_nothing_behind(path: Path) -> None:
    before = asyncio.all_tasks()
    ear = Ear()
    ear.relay.start()
    await eventually(lambda: ear.relay._layer, what="a layer")
    await path.stall()
    doorbell.ring(STREAM, 1)  # and waits for an answer while the relay stops
    await asyncio.wait_for(ear.relay.stop(), 3 * relay.LAYER_TIMEOUT_S)
    left = {task for task in asyncio.all_tasks() - before if "channels_redis" in repr(task) or "relay" in repr(task)}
    assert left == set()
    await path.restore()


async def test_a_relay_stops_whatever_it_is_doing(path: Path) -> None:
    for turns in range(30):
        ear = Ear()
        ear.relay.start()
        if turns % 2:
            await path.cut()
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(ear.relay.stop(), 3 * relay.LAYER_TIMEOUT_S)
        await path.restore()


@pytest.mark.usefixtures("path")
async def test_a_layer_that_has_lost_its_subscriptions_is_replaced() -> None:
    async with two_processes() as (_, elsewhere):
        await until_heard(elsewhere, 1)
        deaf = elsewhere.relay._layer
        await shard_of(deaf)._pubsub.connection.disconnect()
        shard_of(deaf)._pubsub.channels.clear()  # nothing fails, and nothing is heard
        await until_heard(elsewhere, 2)
        assert elsewhere.relay._layer is not deaf


# --- What channels-redis does, so that `relay._drop` is needed ---------------------------------------


@pytest.fixture
def layer(path: Path, redis: Redis) -> RedisPubSubChannelLayer:
    """A layer as the library makes it, with a way to Redis that can be damaged."""
    return RedisPubSubChannelLayer(hosts=[RedisLayer(redis, path).url])


def shard_of(layer: Any) -> Any:
    [shard] = layer._get_layer()._shards
    return shard


async def test_in_channels_redis_a_cancelled_receive_waits_for_a_redis_that_hangs(
    layer: RedisPubSubChannelLayer, path: Path
) -> None:
    receiving = asyncio.create_task(layer.receive(await layer.new_channel()))
    await path.stall()
    sending = asyncio.create_task(layer.group_send("room", {}))
    await eventually(lambda: shard_of(layer)._lock.locked(), what="a message that waits for Redis")
    receiving.cancel()
    _, waiting = await asyncio.wait([receiving], timeout=2 * relay.LAYER_TIMEOUT_S)
    assert waiting
    await path.restore()
    await asyncio.gather(receiving, sending, return_exceptions=True)
    await layer.flush()


async def test_in_channels_redis_reading_that_timed_out_never_begins_again_and_fails_the_flush(
    layer: RedisPubSubChannelLayer,
) -> None:
    await layer.new_channel()
    shard = shard_of(layer)
    await shard._redis.ping()
    shard._pubsub.get_message = timed_out
    await asyncio.wait([shard._receive_task])
    with pytest.raises(TimeoutError):
        await layer.flush()
    await layer.new_channel()
    assert shard._receive_task.done()
    shard._receive_task = None
    await layer.flush()


async def timed_out(**_: object) -> None:
    """What a socket raises whose peer has not answered for too long (ETIMEDOUT)."""
    raise TimeoutError
