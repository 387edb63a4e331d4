"""Redis away, empty, flushed or silent: no WebSocket is dropped, no send is slower, all arrives within a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median

import pytest
from redis import Redis as Client

from tests.faults.following import Follower, Sender, ask, following, new_room, sending
from tests.faults.site import Site
from tests.parts.eventually import eventually
from tests.parts.peer import introduced

PROMISE_S = 1.0
SENDS = 8
SLOWER_S = 0.15  # that much the middle send may take longer, on a machine that does other things

SIGNALS = "subscription($r: ID!) { roomSignals(roomId: $r) { signal { ... on TypingSignal { typing } } } }"
TYPE = "mutation($r: ID!) { setTyping(input: {roomId: $r, typing: true}) { room { id } } }"

Trouble = Callable[[Site], Awaitable[None]]


async def stop(site: Site) -> None:
    assert site.redis is not None
    await asyncio.to_thread(site.redis.stop)


async def restart_empty(site: Site) -> None:
    assert site.redis is not None
    await asyncio.to_thread(site.redis.stop)
    await asyncio.to_thread(site.redis.start)


async def flush_and_throw_out(site: Site) -> None:
    """For subscribers a flush alone is nothing."""
    assert site.redis is not None
    with Client.from_url(site.redis.url) as client:
        client.flushall()
        assert client.client_kill_filter(_type="pubsub", skipme=True)
        client.client_kill_filter(_type="normal", skipme=True)


async def swallow(site: Site) -> None:
    assert site.way_to_redis is not None
    assert site.way_to_redis.connections
    await asyncio.to_thread(site.way_to_redis.stall)


async def heal(site: Site) -> None:
    assert site.redis is not None
    assert site.way_to_redis is not None
    if not await asyncio.to_thread(site.redis.answers):
        await asyncio.to_thread(site.redis.start)
    await asyncio.to_thread(site.way_to_redis.restore)


async def deliver(sender: Sender, followers: list[Follower]) -> tuple[float, list[float]]:
    """Send once; what that took, and how long after the answer each follower had it (less than 0: before)."""
    begun = time.monotonic()
    seq = await sender.send("ring ring")
    answered = time.monotonic()
    for follower in followers:
        await follower.until_seq(seq)
    return answered - begun, [follower.arrived[seq] - answered for follower in followers]


async def typing_is_heard(site: Site, room: str, *, here: str, there: str) -> None:
    """What passes goes through the layer alone: it gets from one process to the other, now or soon."""
    aiko, ben = site.people
    async with introduced(there.replace("http", "ws") + "/graphql", aiko.token) as peer:
        await peer.subscribe(SIGNALS, r=room)
        await peer.serves()
        hearing = asyncio.create_task(peer.hear(60))

        async def typed() -> bool:
            await ask(here, ben, TYPE, r=room)
            await asyncio.wait([hearing], timeout=0.2)
            return hearing.done()

        try:
            await eventually(typed, within_s=20, what=f"hearing {here} at {there}")
        finally:
            hearing.cancel()


@asynccontextmanager
async def room_on_all(site: Site) -> AsyncIterator[tuple[str, Sender, list[Follower]]]:
    """A room, who sends through the first process, and a follower on each."""
    aiko, ben = site.people
    room = await new_room(site.urls[0], aiko, ben)
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        yield room, await stack.enter_async_context(sending(site.urls[0], ben, room)), followers


@pytest.mark.parametrize("trouble", [stop, restart_empty, flush_and_throw_out, swallow])
async def test_nobody_notices_that_redis_is_in_trouble(postgres_site: Site, trouble: Trouble) -> None:
    site = postgres_site
    async with room_on_all(site) as (room, sender, followers):
        before = [await deliver(sender, followers) for _ in range(SENDS)]
        try:
            await trouble(site)
            during = [await deliver(sender, followers) for _ in range(SENDS)]
        finally:
            await heal(site)
        await typing_is_heard(site, room, here=site.urls[0], there=site.urls[1])
        await typing_is_heard(site, room, here=site.urls[1], there=site.urls[0])
        after = [await deliver(sender, followers) for _ in range(SENDS)]
        assert max(late for _, lateness in during + after for late in lateness) < PROMISE_S
        assert median(took for took, _ in during) < median(took for took, _ in before) + SLOWER_S
        assert sender.refusals == []
        for follower in followers:
            assert (follower.connections, follower.codes, follower.resets) == (1, [], [])
            assert follower.seqs == followers[0].seqs
            assert len(follower.seqs) == 3 * SENDS
