"""The channel layer away: stopped, restarted empty, flushed, and one that accepts and never answers.

Nobody may notice: it is only a doorbell. So no delivery is excused, no WebSocket may be dropped (`harm` looks for
that), and sends take no longer than before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median

from redis import Redis as Client
from redis.exceptions import RedisError

from chat.drill.faults.fault import Incident, Kind, Lane, Scene
from chat.drill.installation import Setup
from chat.drill.layer import RedisLayer

ENOUGH_SENDS = 10
SLOWER_S = 0.15  # that much the middle send may take longer than before, on a machine that does other things


def _layer(scene: Scene) -> RedisLayer:
    layer = scene.installation.layer
    assert isinstance(layer, RedisLayer)
    return layer


@asynccontextmanager
async def unnoticed(scene: Scene, incident: Incident) -> AsyncIterator[None]:
    """See that sends are as fast as before."""
    before = list(scene.talk.send_times)
    yield
    during = scene.talk.send_times[len(before) :]
    if min(len(before), len(during)) >= ENOUGH_SENDS and median(during) > median(before) + SLOWER_S:
        incident.failed(f"a send took {median(during):.3f} s instead of {median(before):.3f} s")


async def stop(scene: Scene, incident: Incident) -> None:
    redis = _layer(scene).redis
    incident.begin("Redis is stopped")
    async with unnoticed(scene, incident):
        await asyncio.to_thread(redis.stop)
        try:
            if not await asyncio.to_thread(redis.answers):
                incident.bit("it does not answer")
            await asyncio.sleep(incident.lasts_s)
        finally:
            await asyncio.to_thread(redis.start)


async def restart(scene: Scene, incident: Incident) -> None:
    redis = _layer(scene).redis
    incident.begin("Redis is restarted, empty")
    async with unnoticed(scene, incident):
        before = await asyncio.to_thread(_run_id, redis.url)
        await asyncio.to_thread(redis.stop)
        await asyncio.to_thread(redis.start)
        after = await asyncio.to_thread(_run_id, redis.url)
        if before != after:
            incident.bit("another process answers")
        await asyncio.sleep(incident.lasts_s)


async def flush(scene: Scene, incident: Incident) -> None:
    """All it has is deleted, and all who are connected are thrown out: for subscribers a flush alone is nothing."""
    redis = _layer(scene).redis
    incident.begin("Redis is flushed, its clients are thrown out")
    async with unnoticed(scene, incident):
        if count := await asyncio.to_thread(_flush, redis.url):
            incident.bit(f"{count} connections were ended")
        await asyncio.sleep(incident.lasts_s)


async def black_hole(scene: Scene, incident: Incident) -> None:
    path = _layer(scene).path
    before = path.traffic.swallowed
    incident.begin("Redis accepts and never answers")
    async with unnoticed(scene, incident):
        await path.stall()
        try:
            await asyncio.sleep(incident.lasts_s)
        finally:
            if count := path.traffic.swallowed - before:
                incident.bit(f"{count} bytes were swallowed")
            await path.restore()


def _run_id(url: str) -> str:
    with Client.from_url(url, socket_timeout=2) as client:
        return str(client.info("server")["run_id"])


def _flush(url: str) -> int:
    with Client.from_url(url, socket_timeout=2) as client:
        try:
            client.flushall()
            kicked = [client.client_kill_filter(_type=kind, skipme=True) for kind in ("normal", "pubsub")]
        except RedisError:
            return 0
        return sum(int(count) for count in kicked)


def _owned(setup: Setup) -> bool:
    return setup.owns_redis


def _there(setup: Setup) -> bool:
    return setup.layer_kind == "redis"


def _kind(
    name: str, inflict: Callable[[Scene, Incident], Awaitable[None]], lasts_s: float, applies: Callable[[Setup], bool]
) -> Kind:
    return Kind(name, inflict, Lane.SERVERS, lasts_s=lasts_s, least_s=2, applies=applies)


STOPPED = _kind("redis-stopped", stop, 30, _owned)
RESTARTED = _kind("redis-restarted", restart, 6, _owned)
FLUSHED = _kind("redis-flushed", flush, 6, _owned)
BLACK_HOLE = _kind("redis-black-hole", black_hole, 20, _there)
KINDS = (STOPPED, RESTARTED, FLUSHED, BLACK_HOLE)
