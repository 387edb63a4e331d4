"""Mistakes that a server could make, put in on purpose: each must be found by the checks that are there for it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chat.drill.hooks.putting import put
from realtime import log
from realtime.cursor import Cursor
from realtime.feed import Feed, Opening, PassingFeed, State
from realtime.hub import Hub
from realtime.payloads import Request
from realtime.threads import DELIVERY, in_thread
from realtime.writer import Outlet

EVERY = 7  # one event in so many goes wrong
LATE_S = 2.0
GAP_LOOKS, LOOK_INTERVAL_S = 40, 0.02  # so long a check waits for a removal to make it wrong
PASSING_S = 0.15  # then the hub has gone past that


def install(name: str) -> None:
    """Make the process wrong in one way.

    Raises:
        KeyError: no mistake has this name.
    """
    BUGS[name]()


def _skipped_seq() -> None:
    """Some events go to nobody, and everybody's position moves on."""
    deliver = Feed.deliver

    def delivering(feed: Feed, seq: int, payload: bytes | None) -> None:
        if seq % EVERY == 0 and feed.state is State.LIVE and seq == feed._position + 1:
            feed._position = seq
        else:
            deliver(feed, seq, payload)

    put(Feed, "deliver", delivering)


def _doubled_event() -> None:
    """Some events go out twice."""
    deliver = Feed.deliver

    def delivering(feed: Feed, seq: int, payload: bytes | None) -> None:
        live = feed.state is State.LIVE and seq == feed._position + 1
        deliver(feed, seq, payload)
        if live and payload is not None and seq % EVERY == 0:
            feed._outlet.next(payload)

    put(Feed, "deliver", delivering)


def _swapped_events() -> None:
    """Some events go out after the one that follows them."""
    held: dict[Feed, bytes] = {}
    deliver = Feed.deliver

    def delivering(feed: Feed, seq: int, payload: bytes | None) -> None:
        live = feed.state is State.LIVE and seq == feed._position + 1
        if live and payload is not None and seq % EVERY == 0 and feed not in held:
            feed._position = seq
            held[feed] = payload
            return
        deliver(feed, seq, payload)
        if (late := held.pop(feed, None)) is not None:
            feed._outlet.next(late)

    put(Feed, "deliver", delivering)


def _trusted_hint() -> None:
    """A hint is taken for the truth: what it names is all there is to read, and nothing is looked for without one."""

    def hinted(hub: Hub, stream_id: int, seq: int) -> None:
        topic = hub._topics.get(stream_id)
        if topic is not None and topic.head.seq < seq:
            hub._background.spawn(jump(hub, stream_id, seq))

    async def jump(hub: Hub, stream_id: int, seq: int) -> None:
        before = await DELIVERY.run(_event_before, stream_id, seq)
        topic = hub._topics.get(stream_id)
        if before is not None and topic is not None and topic.head.seq < seq:
            for feed in list(topic.feeds):
                if isinstance(feed, Feed) and feed.state is State.LIVE:
                    feed._position = max(feed._position, before.seq)
            topic.head = before
            hub._touch(stream_id)

    async def never(hub: Hub) -> None:
        await asyncio.Event().wait()

    put(Hub, "_hinted", hinted)
    put(Hub, "_sweep", never)


def _event_before(stream_id: int, seq: int) -> Cursor | None:
    if seq == 1:
        return None
    return log.read_between(stream_id, seq - 1, seq - 1)[0].cursor


def _early_permission() -> None:
    """A subscription's permission is checked first and its position fixed later: a removal fits in between."""
    subscribe = Hub.subscribe

    async def subscribing(hub: Hub, request: Request, opening: Opening, outlet: Outlet) -> Feed | PassingFeed:
        stream_id, viewer = opening.head.stream_id, request.viewer.pk
        for _ in range(GAP_LOOKS):
            if not await in_thread(request.source.who_may_read, stream_id, {viewer}):
                break
            await asyncio.sleep(LOOK_INTERVAL_S)
        await asyncio.sleep(PASSING_S)
        topic = hub._topics.get(stream_id)
        late = opening if topic is None else replace(opening, head=topic.head)
        return await subscribe(hub, request, late, outlet)

    put(Hub, "subscribe", subscribing)


def _unlocked_permission() -> None:
    """A send's permission is checked before the room is locked: a removal fits in between."""
    from chat.actions import messages
    from chat.actions.turns import turns_in
    from chat.models import Membership

    @contextmanager
    def turning(room_id: int, *, actors: Any) -> Iterator[Any]:
        standing = Membership.objects.select_related("room", "user")
        standing = standing.filter(room_id=room_id, user_id__in=[actor.pk for actor in actors])
        found = {membership.user_id: membership for membership in standing}
        for _ in range(GAP_LOOKS if found else 0):
            if standing.count() < len(found):
                break
            time.sleep(LOOK_INTERVAL_S)
        with turns_in(room_id, actors=actors) as turns:
            for turn in turns:
                turn.membership = found.get(turn.actor.pk)
            yield turns

    put(messages, "turns_in", turning)


def _late_unsubscribe() -> None:
    """Who is shut out hears on for a while."""
    shut_out = Hub._shut_out

    async def later(hub: Hub, topic: Any, events: Any) -> None:
        async def wait() -> None:
            await asyncio.sleep(LATE_S)
            await shut_out(hub, topic, events)

        hub._background.spawn(wait())

    put(Hub, "_shut_out", later)


BUGS: dict[str, Callable[[], None]] = {
    "skipped-seq": _skipped_seq,
    "doubled-event": _doubled_event,
    "swapped-events": _swapped_events,
    "trusted-hint": _trusted_hint,
    "early-permission": _early_permission,
    "unlocked-permission": _unlocked_permission,
    "late-unsubscribe": _late_unsubscribe,
}
