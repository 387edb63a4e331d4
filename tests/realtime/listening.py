"""A hub on the test's own event loop, and subscribers whose reading the test controls."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from chat.models import Message, Room, User
from realtime import documents, threads
from realtime.feed import Feed, PassingFeed, open_request
from realtime.hub import Hub
from realtime.payloads import Request
from realtime.threads import in_thread
from realtime.writer import Outlet

DEADLINE_S = 10.0

ROOM_EVENTS = """
subscription RoomFeed($roomId: ID!, $after: String) {
  roomEvents(roomId: $roomId, after: $after) {
    cursor
    event {
      __typename
      seq
      ... on MessageSent { message { id body version replyTo { body } } }
      ... on MessageEdited { message { id body version } }
      ... on MessageDeleted { message { id body version } }
      ... on StreamReset { reason }
    }
  }
}
"""
ROOM_SIGNALS = """
subscription Signals($roomId: ID!) {
  roomSignals(roomId: $roomId) { signal { __typename ... on TypingSignal { typing user { username } } } }
}
"""
INBOX = """
subscription Inbox($after: String) {
  inbox(after: $after) {
    cursor
    item { __typename ... on RoomActivity { roomId lastSeq messageCount } ... on MembershipChanged { roomId } }
  }
}
"""


class Reader:
    """Stands for a connection's writer: keeps what was written, and is full while the test says so."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.bytes_taken = 0
        self.room = asyncio.Event()
        self.room.set()
        self.something = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return self.room.is_set()

    def send(self, *text: bytes) -> bool:
        frame = b"".join(text)
        self.frames.append(json.loads(frame))
        self.bytes_taken += len(frame)
        self.something.set()
        return self.room.is_set()

    async def drained(self) -> None:
        await self.room.wait()

    def stop(self) -> None:
        self.room.set()


@dataclass(slots=True)
class Subscriber:
    """One subscription of one person, as its client sees it."""

    reader: Reader
    feed: Feed | PassingFeed
    field: str

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [frame["payload"]["data"][self.field] for frame in self.reader.frames if frame["type"] == "next"]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The room's events and the signs between them."""
        return [payload["event"] for payload in self.payloads]

    @property
    def seqs(self) -> list[int]:
        """The seqs of the log's events, in the order in which they came."""
        return [event["seq"] for event in self.events if not event["__typename"].startswith("Stream")]

    @property
    def signs(self) -> list[str]:
        return [event["__typename"] for event in self.events if event["__typename"].startswith("Stream")]

    @property
    def ended(self) -> bool:
        return bool(self.reader.frames) and self.reader.frames[-1]["type"] == "complete"

    async def until(self, condition: Callable[["Subscriber"], bool]) -> None:
        """Wait for something to have come.

        Raises:
            TimeoutError: it hasn't within the deadline.
        """
        async with asyncio.timeout(DEADLINE_S):
            while not condition(self):
                self.reader.something.clear()
                await self.reader.something.wait()

    async def until_ready(self) -> None:
        await self.until(lambda self: "StreamReady" in self.signs)

    async def until_seq(self, seq: int) -> None:
        await self.until(lambda self: bool(self.seqs) and self.seqs[-1] >= seq)


async def subscribe(
    hub: Hub, viewer: User, query: str = ROOM_EVENTS, *, reader: Reader | None = None, **variables: Any
) -> Subscriber:
    """Subscribe as a consumer does, with a reader in place of its connection."""
    operation = documents.operation(query, None)
    request = Request.of(operation, variables, viewer)
    opening = await in_thread(open_request, request, hub.has_read)
    reader = reader or Reader()
    feed = await hub.subscribe(request, opening, Outlet(reader, "1", lambda: None))
    return Subscriber(reader, feed, operation.root_fields[0].name.value)


@asynccontextmanager
async def running_hub() -> AsyncIterator[Hub]:
    hub = Hub()
    hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


def play(scene: Callable[[Hub], Coroutine[Any, Any, None]]) -> None:
    """Run a scene on an event loop and a hub of its own, with threads that know no earlier database."""
    threads.renew()

    async def whole() -> None:
        async with running_hub() as hub:
            await scene(hub)

    try:
        asyncio.run(whole())
    finally:
        threads.renew()


def person(name: str) -> User:
    return User.objects.create_user(name, password=None)


def bodies(room: Room) -> list[str]:
    return list(Message.objects.filter(room=room).order_by("seq").values_list("body", flat=True))
