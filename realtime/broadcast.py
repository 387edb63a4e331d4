"""One distinct operation on one stream: each payload is made once for all who listen with it."""

import asyncio
from typing import TYPE_CHECKING

from realtime import log, payloads
from realtime.payloads import Happened, Ready, Request, Reset
from realtime.threads import in_thread

if TYPE_CHECKING:
    from realtime.feed import Feed, PassingFeed
    from realtime.topic import Topic

PAGE_EVENTS = 200
KEPT_PAYLOADS = 1_024
KEPT_BYTES = 2 * 1024 * 1024
MARKER_LIFE_S = 1.0  # a StreamReady says what time it is
FAN_OUT_SLICE = 64  # deliveries between two looks at what else the loop has to do


class Broadcast:
    """Those of a stream's subscribers that get the same bytes, and the recent ones of these."""

    def __init__(self, topic: "Topic", request: Request) -> None:
        self.topic = topic
        self.request = request
        self.live: dict[Feed, None] = {}
        self.feeds: dict[Feed, None] = {}
        self._kept: dict[int, bytes] = {}
        self._kept_bytes = 0
        self._loading = asyncio.Lock()
        self._marker: tuple[Ready | Reset, bytes] | None = None
        self._marked_at = 0.0

    async def publish(self, seq: int, payload: bytes | None) -> None:
        """Hand one event to all who are live. None: it wasn't made for this operation; they read the log."""
        if payload is not None:
            self._keep(seq, payload)
        for count, feed in enumerate(list(self.live), start=1):
            feed.deliver(seq, payload)
            if count % FAN_OUT_SLICE == 0:
                await asyncio.sleep(0)

    def forget(self) -> None:
        """Drop what was made before: where an event has overtaken it, for deleted words are served from nowhere; where
        nobody listens any more; and where others need the room."""
        self._kept.clear()
        self._kept_bytes = 0
        self.topic.recent.release(self)

    async def after(self, seq: int) -> list[tuple[int, bytes]]:
        """The next page of payloads after `seq`, with their seqs, not beyond what the hub has seen.

        Whoever waits for the same page waits for one load.

        Raises:
            HistoryChanged: the log lacks what should be there.
        """
        async with self._loading:
            size = PAGE_EVENTS
            while True:
                epoch = self.topic.epoch
                last = min(seq + size, self.topic.head.seq)
                wanted = range(seq + 1, last + 1)
                if not all(number in self._kept for number in wanted):
                    made = await in_thread(_load, self.request, self.topic.stream_id, seq, last)
                    if self.topic.epoch != epoch:
                        size = max(1, size // 2)  # overtaken while it was made: a shorter one takes less long
                        continue
                    for number, payload in made:
                        self._keep(number, payload)
                    return made
                return [(number, self._kept[number]) for number in wanted]

    async def marker(self, root: Ready | Reset) -> bytes:
        """The payload of a StreamReady or StreamReset: the same for all who come to the same place at the same time."""
        async with self._loading:
            now = asyncio.get_running_loop().time()
            if self._marker is None or self._marker[0] != root or now - self._marked_at > MARKER_LIFE_S:
                (payload,) = await in_thread(payloads.make, self.request, [root])
                self._marker, self._marked_at = (root, payload), now
            return self._marker[1]

    def _keep(self, seq: int, payload: bytes) -> None:
        if not self.feeds:
            return  # the last one has gone while it was made
        self._kept_bytes += len(payload) - len(self._kept.get(seq, b""))
        self._kept[seq] = payload
        while len(self._kept) > KEPT_PAYLOADS or self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.pop(min(self._kept)))
        self.topic.recent.keep(self, self._kept_bytes)


def _load(request: Request, stream_id: int, after: int, last: int) -> list[tuple[int, bytes]]:
    events = log.read_between(stream_id, after + 1, last)
    made = payloads.make(request, [Happened(event) for event in events])
    return [(event.seq, payload) for event, payload in zip(events, made, strict=True)]


class Followers:
    """Subscribers who hear of a stream's activity, or of a topic's passing payloads, with the same operation."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.feeds: dict[Feed | PassingFeed, None] = {}
        self._making = asyncio.Lock()
        self._latest: bytes | None = None
        self._growth = 0

    async def activity(self, stream_id: int) -> bytes:
        """The payload that tells how far the stream has come: made once for all followers, until it grows."""
        async with self._making:
            if self._latest is not None:
                return self._latest
            growth = self._growth
            made = await in_thread(make_activity, self.request, stream_id)
            if growth == self._growth:
                self._latest = made
            return made

    def outdated(self) -> None:
        """The stream has grown."""
        self._growth += 1
        self._latest = None

    def publish(self, payload: bytes) -> None:
        for feed in list(self.feeds):
            feed.overhear(payload)


def make_activity(request: Request, stream_id: int) -> bytes:
    """Runs in a worker thread."""
    return payloads.make(request, [payloads.Activity(stream_id)], shared=True)[0]
