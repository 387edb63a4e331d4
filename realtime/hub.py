"""The hub, one per process: hears hints, sweeps, reads the log once, makes each payload once, hands it to the feeds."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DatabaseError

from realtime import log, payloads
from realtime.allowance import Allowance
from realtime.broadcast import Broadcast, Followers
from realtime.cursor import Cursor
from realtime.feed import Feed, Opening, PassingFeed
from realtime.interface import Source
from realtime.models import Event
from realtime.payloads import Key, Passing, Request, ResetReason
from realtime.recent import Recent
from realtime.relay import Relay
from realtime.tasks import Background, supervised
from realtime.threads import DELIVERY, in_thread
from realtime.topic import READ_EVENTS, Growth, Topic, Watch, read_on
from realtime.writer import Outlet

logger = logging.getLogger(__name__)

ACTIVITY_INTERVAL_S = 1.0


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


class Hub:
    """Owns the topics and the tasks that move them on. All its methods run on its event loop."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._topics: dict[int, Topic] = {}
        self._allowance = Allowance()
        self._recent = Recent()
        self._passing: dict[str, dict[Key, Followers]] = {}
        self._dirty: set[int] = set()
        self._wake = asyncio.Event()
        self._growth = asyncio.Event()
        self._relay = Relay(self._hinted, self._passed)
        self._background = Background()
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        self._relay.start()
        self._tasks = [asyncio.create_task(supervised(work)) for work in (self._pump, self._sweep)]

    async def stop(self) -> None:
        await self._relay.stop()
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

        Raises:
            RateLimited: the viewer listens with too many others already.
        """
        self._allowance.take(request, opening.head.stream_id)
        fresh = opening.head.stream_id not in self._topics
        topic = self._topic(opening.head)
        if opening.reset is None:
            topic.vouch(opening.head, opening.position)
        feed: Feed | PassingFeed
        if opening.place.topic is not None:
            feed = PassingFeed(self, topic, request, opening.place.topic, outlet)
        else:
            feed = Feed(self, topic, request, outlet, opening)
        topic.admit(feed)
        if topic.growing or topic.head.seq > opening.head.seq:
            # The hub is past the place where the permission was checked: an event in between may have ended it.
            try:
                allowed = await in_thread(request.source.who_may_read, topic.stream_id, {request.viewer.pk})
            except BaseException:
                feed.close()
                raise
            if request.viewer.pk not in allowed:
                feed.end()
            elif isinstance(feed, Feed):
                feed.follow_anew()
        elif fresh or topic.head.seq < opening.head.seq:
            # What came between the look at the head and now rang for nobody here.
            self._touch(topic.stream_id)
        feed.start()
        return feed

    def watch(self, head: Cursor, watch: Watch) -> None:
        """Let `watch` hear of the stream whose head this was a moment ago."""
        fresh = head.stream_id not in self._topics
        topic = self._topic(head)
        topic.watches[watch] = None
        if fresh:
            self._touch(topic.stream_id)  # what came since rang for nobody here

    def unwatch(self, stream_id: int, watch: Watch) -> None:
        if (topic := self._topics.get(stream_id)) is not None:
            topic.watches.pop(watch, None)
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
        topic.dismiss(feed)
        self._allowance.give_back(feed.request, topic.stream_id)
        broadcast.feeds.pop(feed, None)
        if not broadcast.feeds:
            broadcast.forget()
            topic.broadcasts.pop(broadcast.request.key, None)
        for stream_id, followers in list(follows.items()):
            self.unfollow(feed, stream_id, followers)
        self._drop_if_unused(topic)

    def overhear(self, feed: PassingFeed, name: str) -> None:
        """Let the feed have what passes under this name."""
        audiences = self._passing.setdefault(name, {})
        audiences.setdefault(feed.request.key, Followers(feed.request)).feeds[feed] = None

    def release_passing(self, feed: PassingFeed, topic: Topic, name: str) -> None:
        topic.dismiss(feed)
        self._allowance.give_back(feed.request, topic.stream_id)
        audiences = self._passing.get(name, {})
        if (followers := audiences.get(feed.request.key)) is not None:
            followers.feeds.pop(feed, None)
            if not followers.feeds:
                del audiences[feed.request.key]
            if not audiences:
                del self._passing[name]
        self._drop_if_unused(topic)

    def has_read(self, cursor: Cursor) -> bool:
        """Whether the event that the cursor names is one of those read last. May be called in any thread."""
        topic = self._topics.get(cursor.stream_id)
        return topic is not None and topic.nonces.get(cursor.seq) == cursor.nonce

    async def growth(self) -> None:
        """Wait until any topic has moved on."""
        await self._growth.wait()

    def _topic(self, head: Cursor) -> Topic:
        return self._topics.setdefault(head.stream_id, Topic(head, self._recent))

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
        for topic, growth in zip(topics, await DELIVERY.run(read_on, jobs), strict=True):
            if growth.history_changed:
                await self._restart(topic)
            elif growth.events:
                await self._grow(topic, growth)
        self._growth.set()
        self._growth = asyncio.Event()

    async def _grow(self, topic: Topic, growth: Growth) -> None:
        self.counters.events += len(growth.events)
        self.counters.executions += sum(len(made) for made in growth.made.values())
        topic.growing = True
        try:
            await self._shut_out(topic, growth.events)
            for index, event in enumerate(growth.events):
                await self._hand_out(topic, event, index, growth)
        finally:
            topic.growing = False
        if len(growth.events) == READ_EVENTS:
            self._touch(topic.stream_id)
        self._announce(topic)

    async def _hand_out(self, topic: Topic, event: Event, index: int, growth: Growth) -> None:
        topic.move_on(event.cursor)
        if any(source.overtakes(event) for source in topic.sources):
            topic.forget()
        for watch in list(topic.watches):
            watch.happened(event)
        for key, broadcast in list(topic.broadcasts.items()):
            made = growth.made.get(key)
            self.counters.deliveries += len(broadcast.live)
            await broadcast.publish(event.seq, made[index] if made else None)
        if changed := {source for source in topic.sources if source.changes_follows(event)}:
            for feed in list(topic.feeds):
                if isinstance(feed, Feed) and feed.request.source in changed:
                    feed.follow_anew()

    async def _shut_out(self, topic: Topic, events: list[Event]) -> None:
        """End the feeds of those who may no longer read, before any of `events` goes out."""
        for source in list(topic.sources):
            if any(source.may_shut_out(event) for event in events):
                await self._ask_who_may_read(topic, source)

    async def _ask_who_may_read(self, topic: Topic, source: Source) -> None:
        """End the feeds of those who may not. Who comes while the topic grows asks for themselves, in `subscribe`."""
        feeds = [feed for feed in topic.feeds if feed.request.source is source]
        allowed = await DELIVERY.run(source.who_may_read, topic.stream_id, {feed.request.viewer.pk for feed in feeds})
        for feed in feeds:
            if feed.request.viewer.pk not in allowed:
                feed.end()

    async def _restart(self, topic: Topic) -> None:
        """The log isn't the one that was read (a restored backup): who may read it goes on from its present head."""
        logger.warning("the history of stream %s has changed; its listeners start anew", topic.stream_id)
        topic.growing = True
        try:
            head = (await DELIVERY.run(log.heads, [topic.stream_id])).get(topic.stream_id)
            topic.forget()
            for source in list(topic.sources):
                await self._ask_who_may_read(topic, source)
        finally:
            topic.growing = False
        for watch in list(topic.watches):
            watch.restarted()
        if head is None:
            for feed in list(topic.feeds):
                feed.end()
            return
        topic.start_anew(head)
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
            found = await DELIVERY.run(log.heads, known)
            for stream_id, before in known.items():
                topic, now = self._topics.get(stream_id), found.get(stream_id)
                if topic is None or now in (before, topic.head):
                    continue
                if now is not None and before.seq < now.seq <= topic.head.seq:
                    continue  # the hub has read on while the query ran
                self.counters.swept += 1
                self._touch(stream_id)

    # ------------------------------------------------------------------ hints

    def _hinted(self, stream_id: int, seq: int) -> None:
        """A stream is said to have reached `seq`; only the log knows."""
        self.counters.hints += 1
        topic = self._topics.get(stream_id)
        if topic is not None and topic.head.seq < seq:
            self._touch(stream_id)

    def _passed(self, name: str, payload: dict[str, Any]) -> None:
        if name in self._passing:
            self._background.spawn(self._pass(name, payload))

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
            self._loop.call_later(wait, lambda: self._background.spawn(self._say_activity(topic)))

    async def _say_activity(self, topic: Topic) -> None:
        topic.activity_due = False
        topic.activity_at = self._loop.time()
        try:
            for followers in list(topic.followers.values()):
                followers.publish(await followers.activity(topic.stream_id))
        except DatabaseError:
            self._announce(topic)  # once more, a second later
            raise


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def current_hub() -> Hub:
    """The hub of the running event loop, started when it is first asked for."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
        hub.start()
    return hub
