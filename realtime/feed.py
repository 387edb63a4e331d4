"""One subscription's place: catching up from the log, live, behind again because its reader is slow, or ended."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import DatabaseError

from realtime import log
from realtime.broadcast import Followers
from realtime.cursor import Cursor, CursorInvalid
from realtime.interface import Place
from realtime.log import HistoryChanged
from realtime.models import Stream
from realtime.payloads import Ready, Request, Reset, ResetReason
from realtime.threads import in_thread
from realtime.writer import Outlet

if TYPE_CHECKING:
    from realtime.hub import Hub
    from realtime.topic import Topic

logger = logging.getLogger(__name__)

MAX_REPLAY_EVENTS = 1_000
RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a subscription starts, found out in one hop: its position was fixed before its permission was checked."""

    place: Place
    head: Cursor
    position: Cursor
    reset: ResetReason | None
    follows: tuple[int, ...]


def open_request(request: Request, has_read: Callable[[Cursor], bool]) -> Opening:
    """Locate the stream, fix the position, then check the permission. Runs in a worker thread.

    Args:
        has_read: whether the hub has read the event that a cursor names, so that the log needn't be asked.

    Raises:
        Refusal: the viewer may not read it, or there is nothing.
    """
    source, viewer = request.source, request.viewer
    place = source.locate(viewer, request.arguments)
    try:
        head = log.head(place.stream_id)
    except Stream.DoesNotExist as error:
        raise source.unreadable() from error
    position, reset = head, None
    if request.after is not None and place.topic is None:
        position, reset = _honour(request.after, head, has_read)
    if viewer.pk not in source.who_may_read(place.stream_id, {viewer.pk}):
        raise source.unreadable()
    return Opening(place, head, position, reset, tuple(source.follows(viewer)))


def _honour(text: str, head: Cursor, has_read: Callable[[Cursor], bool]) -> tuple[Cursor, ResetReason | None]:
    """The position that a client's cursor names, or the head and the reason why it can't be honoured."""
    try:
        cursor = Cursor.parse(text)
    except CursorInvalid:
        return head, ResetReason.CURSOR_INVALID
    if cursor.stream_id != head.stream_id:
        return head, ResetReason.CURSOR_INVALID
    if cursor.seq > head.seq:
        return head, ResetReason.HISTORY_CHANGED
    if head.seq - cursor.seq > MAX_REPLAY_EVENTS:
        return head, ResetReason.TOO_FAR_BEHIND
    if not (has_read(cursor) or _holds(cursor, head)):
        return head, ResetReason.CURSOR_EXPIRED if log.begins_after(cursor) else ResetReason.HISTORY_CHANGED
    return cursor, None


@lru_cache(maxsize=10_000)
def _holds(cursor: Cursor, head: Cursor) -> bool:
    """Whether the log that ends with `head` holds what the cursor names. Its nonce stands for the whole history, so
    this is asked once, however many come back to the same place at the same time."""
    return log.holds(cursor)


class State(Enum):
    CATCHING_UP = auto()
    LIVE = auto()
    ENDED = auto()


_LIVE = State.LIVE  # for every delivery: looked up in its class it takes as long as all else that `deliver` does


class Feed:
    """A subscription to a stream's events: every one after its position, once, in order.

    `deliver()` is the hub's; it counts only while LIVE. Everything else happens in one task that catches up from the
    log and joins the live feed where no event can fall between: there is no await between looking and joining.
    """

    __slots__ = (
        "_broadcast", "_follows", "_hub", "_opened_at", "_outlet", "_position", "_refollow", "_reset", "_said_ready",
        "_task", "_told", "_topic", "_wanted_follows", "request", "state",
    )  # fmt: skip

    def __init__(self, hub: "Hub", topic: "Topic", request: Request, outlet: Outlet, opening: Opening) -> None:
        self.request = request
        broadcast = topic.broadcast_of(request)
        self.state = State.CATCHING_UP
        self._hub = hub
        self._topic = topic
        self._broadcast = broadcast
        self._outlet = outlet
        self._opened_at = opening.head
        self._position = opening.position.seq
        self._reset = opening.reset
        self._said_ready = False
        self._follows: dict[int, Followers] = {}
        self._wanted_follows = set(opening.follows)
        self._refollow = False
        self._told: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        broadcast.feeds[self] = None

    def start(self) -> None:
        if self.state is State.CATCHING_UP and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._catch_up())

    def deliver(self, seq: int, payload: bytes | None) -> None:
        """One event, live. Whoever can't take it now reads the log instead."""
        if self.state is not _LIVE:
            return
        if payload is not None and seq == self._position + 1:
            self._position = seq
            if not self._outlet.next(payload):
                self._lag()
        elif seq > self._position:
            self._lag()

    def overhear(self, payload: bytes) -> None:
        """Activity of a followed stream; one whose reader is slow gets the latest of each once it has caught up."""
        if not self._outlet.writer.has_room:
            self._told.clear()
            self._lag()
        elif not self._outlet.next(payload):
            self._lag()

    def follow_anew(self) -> None:
        """Ask again which streams to follow: an event has changed it."""
        self._refollow = True
        self._lag()

    def restart(self, reason: ResetReason) -> None:
        """The log is no longer the one that this feed has read: say so and go on from its present head."""
        if self.state is State.ENDED:
            return
        started = self._task is not None  # else it waits to be told whether it may read at all
        self._stop_task()
        self._broadcast.live.pop(self, None)
        self.state = State.CATCHING_UP
        self._reset = reason
        if started:
            self.start()

    def end(self) -> None:
        """The viewer may no longer read: nothing but the end goes out."""
        if self.state is not State.ENDED:
            self.close()
            self._outlet.complete()

    def close(self) -> None:
        """Stop without a word; may be called again."""
        if self.state is State.ENDED:
            return
        self.state = State.ENDED
        self._stop_task()
        self._broadcast.live.pop(self, None)
        self._hub.release(self, self._topic, self._broadcast, self._follows)

    def _lag(self) -> None:
        if self.state is State.LIVE:
            self._broadcast.live.pop(self, None)
            self._told.clear()
            self.state = State.CATCHING_UP
            self.start()

    def _stop_task(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            self._task = None

    async def _catch_up(self) -> None:
        while self.state is State.CATCHING_UP:
            try:
                await self._outlet.writer.drained()
                if self._reset is not None:
                    await self._say_reset(self._reset)
                elif self._position < self._topic.head.seq:
                    await self._replay()
                elif self._topic.head.seq < self._opened_at.seq:
                    await self._wait_for_hub()
                elif not self._said_ready:
                    await self._say_ready()
                elif self._refollow:
                    await self._look_whom_to_follow()
                elif self._wanted_follows != self._follows.keys() or self._told != self._follows.keys():
                    await self._follow()
                else:
                    self.state = State.LIVE
                    self._broadcast.live[self] = None
            except HistoryChanged:
                self._reset = ResetReason.HISTORY_CHANGED
            except DatabaseError as error:
                logger.warning("a feed waits for the database: %s", error)
                await asyncio.sleep(RETRY_S)
            except Exception:
                # The border that keeps a subscription alive: whatever it was, the log is still there to read.
                logger.exception("a feed could not catch up; it tries again")
                await asyncio.sleep(RETRY_S)

    async def _wait_for_hub(self) -> None:
        """Whoever asked may have been told by another process of what this one's hub has not read yet, and would take a
        StreamReady with a lower seq for a restored backup."""
        try:
            async with asyncio.timeout(RETRY_S):
                await self._hub.growth()
        except TimeoutError:
            if not await in_thread(log.holds, self._opened_at):
                self._reset = ResetReason.HISTORY_CHANGED

    async def _replay(self) -> None:
        if self._topic.head.seq - self._position > MAX_REPLAY_EVENTS:
            self._reset = ResetReason.TOO_FAR_BEHIND
            return
        for seq, payload in await self._broadcast.after(self._position):
            self._position = seq
            self._hub.counters.replayed += 1
            if not self._outlet.next(payload):
                break

    async def _say_ready(self) -> None:
        self._outlet.next(await self._broadcast.marker(Ready(self._topic.head)))
        self._said_ready = True

    async def _say_reset(self, reason: ResetReason) -> None:
        head = self._topic.head
        payload = await self._broadcast.marker(Reset(head, reason))
        self._hub.counters.resets += 1
        self._outlet.next(payload)
        self._opened_at, self._position = head, head.seq
        self._reset = None

    async def _look_whom_to_follow(self) -> None:
        self._refollow = False  # at first: it may be asked for again meanwhile
        try:
            self._wanted_follows = set(await in_thread(self.request.source.follows, self.request.viewer))
        except BaseException:
            self._refollow = True
            raise

    async def _follow(self) -> None:
        for stream_id in self._follows.keys() - self._wanted_follows:
            self._told.discard(stream_id)
            self._hub.unfollow(self, stream_id, self._follows.pop(stream_id))
        if missing := self._wanted_follows - self._follows.keys():
            self._follows |= await self._hub.follow(self, missing)
            self._wanted_follows &= self._follows.keys()
        for stream_id in self._follows.keys() - self._told:
            await self._tell(stream_id)

    async def _tell(self, stream_id: int) -> None:
        """Say how far a followed stream has come."""
        self._told.add(stream_id)  # at first: what is dropped meanwhile has to be told once more
        try:
            payload = await self._follows[stream_id].activity(stream_id)
        except BaseException:
            self._told.discard(stream_id)
            raise
        self._outlet.next(payload)


class PassingFeed:
    """A subscription to what passes and is not kept; it ends, like any, where its viewer may no longer read."""

    def __init__(self, hub: "Hub", topic: "Topic", request: Request, name: str, outlet: Outlet) -> None:
        self.request = request
        self._hub = hub
        self._topic = topic
        self._name = name
        self._outlet = outlet
        self._closed = False

    def start(self) -> None:
        if not self._closed:
            self._hub.overhear(self, self._name)

    def overhear(self, payload: bytes) -> None:
        if self._outlet.writer.has_room:
            self._outlet.next(payload)

    def restart(self, reason: ResetReason) -> None:
        """Nothing of what passes belongs to a history."""

    def end(self) -> None:
        if not self._closed:
            self.close()
            self._outlet.complete()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._hub.release_passing(self, self._topic, self._name)
