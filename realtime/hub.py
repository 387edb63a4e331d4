"""The hub, one per process: hears hints, sweeps, reads the log once, makes each payload once, hands it to the feeds."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError

from realtime import doorbell, log, payloads
from realtime.broadcast import Broadcast, Followers
from realtime.cursor import Cursor
from realtime.feed import Feed, Opening, PassingFeed
from realtime.interface import Source
from realtime.log import HistoryChanged
from realtime.models import Event
from realtime.payloads import Happened, Passing, Request, ResetReason
from realtime.threads import in_thread
from realtime.writer import Outlet

logger = logging.getLogger(__name__)

GROUP = "todoku.hubs"
READ_EVENTS = 200
ACTIVITY_INTERVAL_S = 1.0
REJOIN_INTERVAL_S = 300.0

Watch = Callable[[Event], None]
Key = tuple[str, str | None, str, int | None]


@dataclass(slots=True)
class Counters:
    """What the hub has done since it started."""

    hints: int = 0
    swept: int = 0  # streams whose growth no hint had announced
    reads: int = 0
    events: int = 0
    executions: int = 0
    deliveries: int = 0
    replayed: int = 0
    resets: int = 0


class Topic:
    """A stream that somebody in this process listens to, as far as the hub has read it."""

    def __init__(self, head: Cursor) -> None:
        self.stream_id = head.stream_id
        self.head = head
        self.epoch = 0  # rises when what was made before is no longer true
        self.broadcasts: dict[Key, Broadcast] = {}
        self.feeds: dict[Feed | PassingFeed, None] = {}
        self.watches: dict[object, Watch] = {}
        self.followers: dict[Key, Followers] = {}
        self.activity_due = False
        self.activity_at = 0.0

    @property
    def unused(self) -> bool:
        return not (self.feeds or self.watches or self.followers)

    def broadcast_of(self, request: Request) -> Broadcast:
        return self.broadcasts.setdefault(request.key, Broadcast(self, request))

    @property
    def sources(self) -> set[Source]:
        return {feed.request.source for feed in self.feeds}

    def forget(self) -> None:
        self.epoch += 1
        for broadcast in self.broadcasts.values():
            broadcast.forget()


@dataclass(slots=True)
class Growth:
    """What one reading found: the events after the topic's head, and the payloads made of them by operation."""

    events: list[Event] = field(default_factory=list)
    made: dict[Key, list[bytes]] = field(default_factory=dict)
    history_changed: bool = False


class Hub:
    """Owns the topics and the tasks that move them on. All its methods run on its event loop."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._topics: dict[int, Topic] = {}
        self._passing: dict[str, dict[Key, Followers]] = {}
        self._dirty: set[int] = set()
        self._wake = asyncio.Event()
        self._growth = asyncio.Event()
        self._hints: dict[int, int] = {}
        self._passed_on: deque[tuple[str, dict[str, Any]]] = deque(maxlen=1_000)
        self._something_to_tell = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        doorbell.listen(self._rung, self._handed)
        for work in (self._pump, self._sweep, self._hear, self._tell):
            self._tasks.append(asyncio.create_task(_supervised(work)))

    async def stop(self) -> None:
        doorbell.forget(self._rung, self._handed)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for topic in list(self._topics.values()):
            for feed in list(topic.feeds):
                feed.close()

    # ------------------------------------------------------------------ who listens

    async def subscribe(self, request: Request, opening: Opening, outlet: Outlet) -> Feed | PassingFeed:
        """Place a subscription whose permission was checked at `opening.head`, and start it.

        It ends at once where what has happened since shuts the viewer out.
        """
        topic = self._topic(opening.head)
        feed: Feed | PassingFeed
        if opening.place.topic is not None:
            name = opening.place.topic
            followers = self._passing.setdefault(name, {}).setdefault(request.key, Followers(request, name))
            feed = PassingFeed(self, topic, request, followers, outlet)
        else:
            feed = Feed(self, topic, request, outlet, opening)
        topic.feeds[feed] = None
        if topic.head.seq > opening.head.seq:
            # The hub is past the place where the permission was checked: an event in between may have ended it.
            try:
                allowed = await in_thread(request.source.who_may_read, topic.stream_id, {request.viewer.pk})
            except BaseException:
                feed.close()
                raise
            if request.viewer.pk not in allowed:
                feed.end()
        elif topic.head.seq < opening.head.seq:
            self._touch(topic.stream_id)
        feed.start()
        return feed

    async def watch(self, stream_id: int, watch: Watch) -> object:
        """Hear of every event of the stream from now on; returns what `unwatch` takes."""
        topic = self._topic(await in_thread(log.head, stream_id))
        handle = object()
        topic.watches[handle] = watch
        return handle

    def unwatch(self, stream_id: int, handle: object) -> None:
        if (topic := self._topics.get(stream_id)) is not None:
            topic.watches.pop(handle, None)
            self._drop_if_unused(topic)

    async def follow(self, feed: Feed, stream_ids: Iterable[int]) -> dict[int, Followers]:
        """Let the feed hear of the streams' activity; those that don't exist are missing from the answer."""
        followed = {}
        for stream_id, head in (await in_thread(log.heads, stream_ids)).items():
            topic = self._topic(head)
            followers = topic.followers.setdefault(feed.request.shared_key, Followers(feed.request))
            followers.feeds[feed] = None
            followed[stream_id] = followers
        return followed

    def unfollow(self, feed: Feed, stream_id: int, followers: Followers) -> None:
        followers.feeds.pop(feed, None)
        topic = self._topics.get(stream_id)
        if topic is not None and not followers.feeds:
            topic.followers.pop(followers.request.shared_key, None)
            self._drop_if_unused(topic)

    def release(self, feed: Feed, topic: Topic, broadcast: Broadcast, follows: Mapping[int, Followers]) -> None:
        """Forget an ended feed and what only it needed."""
        topic.feeds.pop(feed, None)
        broadcast.feeds.pop(feed, None)
        if not broadcast.feeds:
            topic.broadcasts.pop(broadcast.request.key, None)
        for stream_id, followers in list(follows.items()):
            self.unfollow(feed, stream_id, followers)
        self._drop_if_unused(topic)

    def release_passing(self, feed: PassingFeed, topic: Topic, followers: Followers) -> None:
        topic.feeds.pop(feed, None)
        if not followers.feeds:
            audiences = self._passing.get(followers.topic, {})
            audiences.pop(followers.request.key, None)
            if not audiences:
                self._passing.pop(followers.topic, None)
        self._drop_if_unused(topic)

    async def growth(self) -> None:
        """Wait until any topic has moved on."""
        await self._growth.wait()

    def _topic(self, head: Cursor) -> Topic:
        return self._topics.setdefault(head.stream_id, Topic(head))

    def _drop_if_unused(self, topic: Topic) -> None:
        if topic.unused:
            self._topics.pop(topic.stream_id, None)

    # ------------------------------------------------------------------ reading the log

    def _touch(self, stream_id: int) -> None:
        self._dirty.add(stream_id)
        self._wake.set()

    async def _pump(self) -> None:
        """Move the touched topics on. What fails here is found again by the next sweep."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            topics = [self._topics[stream_id] for stream_id in self._dirty if stream_id in self._topics]
            self._dirty.clear()
            if topics:
                await self._advance(topics)

    async def _advance(self, topics: list[Topic]) -> None:
        jobs = [(topic.head, [b.request for b in topic.broadcasts.values()]) for topic in topics]
        self.counters.reads += len(jobs)
        for topic, growth in zip(topics, await in_thread(_read, jobs), strict=True):
            if growth.history_changed:
                await self._restart(topic)
            elif growth.events:
                await self._grow(topic, growth)
        self._growth.set()
        self._growth = asyncio.Event()

    async def _grow(self, topic: Topic, growth: Growth) -> None:
        self.counters.events += len(growth.events)
        self.counters.executions += sum(len(made) for made in growth.made.values())
        await self._shut_out(topic, growth.events)
        for index, event in enumerate(growth.events):
            topic.head = event.cursor
            if any(source.overtakes(event) for source in topic.sources):
                topic.forget()
            for watch in list(topic.watches.values()):
                watch(event)
            for key, broadcast in list(topic.broadcasts.items()):
                made = growth.made.get(key)
                await broadcast.publish(event.seq, made[index] if made else None)
            for feed in list(topic.feeds):
                if isinstance(feed, Feed) and feed.request.source.changes_follows(event):
                    feed.follow_anew()
        if len(growth.events) == READ_EVENTS:
            self._touch(topic.stream_id)
        self._announce(topic)

    async def _shut_out(self, topic: Topic, events: list[Event]) -> None:
        """End the feeds of those who may no longer read, before any of `events` goes out.

        Feeds that come while it asks are asked about too: between the last answer and the fan-out nothing is awaited.
        """
        for source in topic.sources:
            if not any(source.may_shut_out(event) for event in events):
                continue
            asked: set[int] = set()
            while unasked := {feed.request.viewer.pk for feed in topic.feeds if feed.request.source is source} - asked:
                allowed = await in_thread(source.who_may_read, topic.stream_id, unasked)
                for feed in list(topic.feeds):
                    if feed.request.source is source and feed.request.viewer.pk in unasked.difference(allowed):
                        feed.end()
                asked |= unasked

    async def _restart(self, topic: Topic) -> None:
        """The log isn't the one that was read (a restored backup): everybody goes on from its present head."""
        logger.warning("the history of stream %s has changed; its listeners start anew", topic.stream_id)
        heads = await in_thread(log.heads, [topic.stream_id])
        topic.forget()
        if topic.stream_id not in heads:
            for feed in list(topic.feeds):
                feed.end()
            return
        topic.head = heads[topic.stream_id]
        for feed in list(topic.feeds):
            feed.restart(ResetReason.HISTORY_CHANGED)
        self._announce(topic)

    async def _sweep(self) -> None:
        """Find what no hint announced: one query for all topics, twice a second."""
        while True:
            await asyncio.sleep(settings.REALTIME_SWEEP_INTERVAL_S)
            known = {stream_id: topic.head for stream_id, topic in self._topics.items()}
            if not known:
                continue
            found = await in_thread(log.heads, known)
            for stream_id, before in known.items():
                topic, now = self._topics.get(stream_id), found.get(stream_id)
                if topic is None or now in (before, topic.head):
                    continue
                if now is not None and before.seq < now.seq <= topic.head.seq:
                    continue  # the hub has read on while the query ran
                self.counters.swept += 1
                self._touch(stream_id)

    # ------------------------------------------------------------------ hints

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
        self._passed_on.append((topic, payload))
        self._something_to_tell.set()

    async def _tell(self) -> None:
        """Ring at every process, this one included. Hints may be lost, so nothing is tried twice."""
        layer = get_channel_layer()
        while True:
            await self._something_to_tell.wait()
            self._something_to_tell.clear()
            hints, self._hints = list(self._hints.items()), {}
            passed_on, self._passed_on = list(self._passed_on), deque(maxlen=1_000)
            async with asyncio.timeout(settings.REALTIME_HINT_TIMEOUT_S):
                await layer.group_send(GROUP, {"type": "hints", "streams": hints, "passing": passed_on})

    async def _hear(self) -> None:
        """Listen to the channel layer; it may fail as long as it likes, the sweep goes on."""
        layer = get_channel_layer()
        channel = await layer.new_channel()
        async with asyncio.TaskGroup() as group:
            group.create_task(_stay_joined(layer, channel))
            while True:
                message = await layer.receive(channel)
                for stream_id, seq in message["streams"]:
                    self.counters.hints += 1
                    topic = self._topics.get(stream_id)
                    if topic is not None and topic.head.seq < seq:
                        self._touch(stream_id)
                for name, payload in message["passing"]:
                    if name in self._passing:
                        self._spawn(self._pass(name, payload))

    # ------------------------------------------------------------------ what isn't kept

    async def _pass(self, name: str, payload: dict[str, Any]) -> None:
        for followers in list(self._passing.get(name, {}).values()):
            (made,) = await in_thread(payloads.make, followers.request, [Passing(payload)])
            followers.publish(made)

    def _announce(self, topic: Topic) -> None:
        """Let the followers know that the stream has grown, at most once a second."""
        for followers in topic.followers.values():
            followers.outdated()
        if topic.followers and not topic.activity_due:
            topic.activity_due = True
            wait = max(0.0, topic.activity_at + ACTIVITY_INTERVAL_S - self._loop.time())
            self._loop.call_later(wait, lambda: self._spawn(self._say_activity(topic)))

    async def _say_activity(self, topic: Topic) -> None:
        topic.activity_due = False
        topic.activity_at = self._loop.time()
        for followers in list(topic.followers.values()):
            followers.publish(await followers.activity(topic.stream_id))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _read(jobs: list[tuple[Cursor, list[Request]]]) -> list[Growth]:
    """Read on after each cursor and make the payloads. Runs in a worker thread."""
    return [_read_one(cursor, requests) for cursor, requests in jobs]


def _read_one(cursor: Cursor, requests: list[Request]) -> Growth:
    try:
        events = log.read_after(cursor, limit=READ_EVENTS)
    except HistoryChanged:
        return Growth(history_changed=True)
    roots = [Happened(event) for event in events]
    growth = Growth(events=events)
    for request in requests if roots else ():
        try:
            growth.made[request.key] = payloads.make(request, roots)
        except DatabaseError:
            raise
        except Exception:
            # One operation's failure is its listeners' alone: they fall back to reading the log themselves.
            logger.exception("payloads could not be made for %s", request.operation.name)
    return growth


async def _stay_joined(layer: Any, channel: str) -> None:
    """Join the hubs' group again and again: its memberships lapse (after a day, in channels-redis)."""
    while True:
        await layer.group_add(GROUP, channel)
        await asyncio.sleep(REJOIN_INTERVAL_S)


async def _supervised(work: Callable[[], Awaitable[None]]) -> None:
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


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except DatabaseError as error:
        logger.warning("not told, the database is away: %s", error)
    except Exception:
        logger.exception("not told")


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def current_hub() -> Hub:
    """The hub of the running event loop, started when it is first asked for."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
        hub.start()
    return hub
