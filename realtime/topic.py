"""A stream as this process has read it: who listens, and what one reading of the log makes of its growth."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError

from realtime import log, payloads
from realtime.broadcast import Broadcast, Followers
from realtime.cursor import Cursor
from realtime.feed import Feed, PassingFeed
from realtime.interface import Source
from realtime.log import HistoryChanged
from realtime.models import Event
from realtime.payloads import Happened, Key, Request
from realtime.recent import Recent

logger = logging.getLogger(__name__)

READ_EVENTS = 200
KEPT_NONCES = 256


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears of a stream without listening to it.

    Args:
        happened: is called for every event.
        restarted: is called where the log is another one than was read.
    """

    happened: Callable[[Event], None]
    restarted: Callable[[], None]


class Topic:
    """A stream that somebody in this process listens to, as far as the hub has read it."""

    def __init__(self, head: Cursor, recent: Recent) -> None:
        self.stream_id = head.stream_id
        self.head = head
        self.nonces = {head.seq: head.nonce}  # of the events read last
        self.recent = recent
        self.epoch = 0  # rises when what was made before is no longer true
        self.growing = False  # events are being handed out: who comes now asks for themselves whether they may read
        self.broadcasts: dict[Key, Broadcast] = {}
        self.feeds: dict[Feed | PassingFeed, None] = {}
        self.sources: Counter[Source] = Counter()  # of how many feeds each is
        self.watches: dict[Watch, None] = {}
        self.followers: dict[Key, Followers] = {}
        self.activity_due = False
        self.activity_at = 0.0

    @property
    def unused(self) -> bool:
        return not (self.feeds or self.watches or self.followers)

    def broadcast_of(self, request: Request) -> Broadcast:
        return self.broadcasts.setdefault(request.key, Broadcast(self, request))

    def admit(self, feed: Feed | PassingFeed) -> None:
        self.feeds[feed] = None
        self.sources[feed.request.source] += 1

    def dismiss(self, feed: Feed | PassingFeed) -> None:
        """Forget a feed that was admitted."""
        del self.feeds[feed]
        source = feed.request.source
        self.sources[source] -= 1
        if not self.sources[source]:
            del self.sources[source]

    def move_on(self, head: Cursor) -> None:
        self.head = head
        self.nonces[head.seq] = head.nonce
        self.nonces.pop(head.seq - KEPT_NONCES, None)

    def vouch(self, head: Cursor, position: Cursor) -> None:
        """Note that the log held `position` when it ended with `head`, where that is the history that was read here."""
        if self.nonces.get(head.seq) == head.nonce and position.seq > self.head.seq - KEPT_NONCES:
            self.nonces[position.seq] = position.nonce

    def start_anew(self, head: Cursor) -> None:
        """The history is another one."""
        self.head = head
        self.nonces = {head.seq: head.nonce}

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


def read_on(jobs: list[tuple[Cursor, list[Request]]]) -> list[Growth]:
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
