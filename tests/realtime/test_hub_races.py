"""What falls between two steps of the hub: a removal, a restart, a failure, while somebody comes or goes."""

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from threading import Event as Gate
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from chat.actions.members import add_member, remove_member
from chat.actions.rooms import create_room
from chat.actions.typing import set_typing
from chat.models import Membership, Room, User
from chat.schema.subscriptions.inbox import InboxSource
from chat.schema.subscriptions.room_events import RoomSource
from realtime import broadcast, documents, doorbell, log
from realtime.broadcast import Broadcast
from realtime.feed import Opening, open_request
from realtime.hub import Hub
from realtime.models import Event, Stream
from realtime.payloads import Request, ResetReason
from realtime.threads import in_thread
from realtime.topic import Watch
from realtime.writer import Outlet
from tests.parts.eventually import eventually
from tests.realtime.listening import (
    INBOX,
    ROOM_EVENTS,
    ROOM_SIGNALS,
    Reader,
    Subscriber,
    person,
    play,
    subscribe,
)
from tests.realtime.test_hub import private_room, say

pytestmark = pytest.mark.usefixtures("database")


class Subscribing:
    """A subscription in its two steps: what was found out about it, and its place in the hub."""

    def __init__(self, hub: Hub, viewer: User, query: str, **variables: object) -> None:
        self._hub = hub
        self.request = Request.of(documents.operation(query, None), variables, viewer)
        self.opening: Opening | None = None

    async def open(self) -> None:
        self.opening = await in_thread(open_request, self.request, self._hub.has_read)

    async def place(self) -> Subscriber:
        assert self.opening is not None
        reader = Reader()
        feed = await self._hub.subscribe(self.request, self.opening, Outlet(reader, "1", lambda: None))
        return Subscriber(reader, feed, self.request.operation.root_fields[0].name.value)


@contextmanager
def _held(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> Any:
    """Let calls of a method that runs in threads wait until the gate is opened."""
    gate, method = Gate(), getattr(owner, name)

    def waiting(*given: Any) -> Any:
        gate.wait(10)
        return method(*given)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, waiting)
        try:
            yield gate
        finally:
            gate.set()


def _failing_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[None]:
    """Let one call fail as with a database that is away; the list says how many came after it."""
    after: list[None] = []
    method, failed = getattr(owner, name), list[bool]()

    def failing(*given: Any) -> Any:
        if not failed:
            failed.append(True)
            raise DatabaseError("away")
        after.append(None)
        return method(*given)

    monkeypatch.setattr(owner, name, failing)
    return after


def _rewind(stream_id: int, seq: int) -> None:
    """As if a backup from when the stream had come to `seq` were back."""
    with transaction.atomic():
        Event.objects.filter(stream_id=stream_id, seq__gt=seq).delete()
        kept = Event.objects.get(stream_id=stream_id, seq=seq)
        Stream.objects.filter(pk=stream_id).update(last_seq=seq, nonce=kept.nonce)


async def _activity(hub: Hub, inbox: Subscriber, room: Room, last: int) -> None:
    await inbox.until(
        lambda one: any(
            item["roomId"] == str(room.pk) and item["lastSeq"] == last
            for item in (payload["item"] for payload in one.payloads)
            if item["__typename"] == "RoomActivity"
        )
    )


# ---------------------------------------------------------------------- who may read


def test_who_comes_in_the_middle_of_a_fan_out_that_removes_them_gets_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REALTIME_SWEEP_INTERVAL_S = 60.0  # it would find the first of the two events by itself
    aiko, ben = person("aiko"), person("ben")
    room = private_room(aiko, ben)
    ring = doorbell.ring
    reached, go_on = asyncio.Event(), asyncio.Event()
    publish = Broadcast.publish

    async def scene(hub: Hub) -> None:
        inside = await subscribe(hub, aiko, roomId=str(room.pk))
        await inside.until_ready()
        monkeypatch.setattr(doorbell, "ring", lambda *_: None)
        harmless = await in_thread(say, room, aiko, "harmless")
        coming = Subscribing(hub, ben, ROOM_EVENTS, roomId=str(room.pk))
        await coming.open()
        await in_thread(lambda: remove_member(room.pk, actor=aiko, user_id=ben.pk))

        async def publishing(self: Broadcast, seq: int, payload: bytes | None) -> None:
            if seq == harmless:
                reached.set()
                await go_on.wait()
            await publish(self, seq, payload)

        monkeypatch.setattr(Broadcast, "publish", publishing)
        ring(room.stream_id, harmless + 1)
        await asyncio.wait_for(reached.wait(), 10)
        outside = await coming.place()
        go_on.set()
        monkeypatch.setattr(doorbell, "ring", ring)
        last = await in_thread(say, room, aiko, "he is out")
        await inside.until_seq(last)
        assert [frame["type"] for frame in outside.reader.frames] == ["complete"]

    play(scene)


def test_after_a_restored_backup_only_who_may_read_the_room_in_it_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko, ben = person("aiko"), person("ben")
    room = private_room(aiko)
    kept = say(room, aiko, "kept")
    add_member(room.pk, actor=aiko, user_id=ben.pk)

    def restore() -> None:
        _rewind(room.stream_id, kept)
        Membership.objects.filter(room=room, user=ben).delete()
        say(room, aiko, "among ourselves")

    async def scene(hub: Hub) -> None:
        inside = await subscribe(hub, aiko, roomId=str(room.pk))
        outside = await subscribe(hub, ben, roomId=str(room.pk))
        await inside.until_ready()
        await outside.until_ready()
        await in_thread(restore)
        await inside.until(lambda one: "StreamReset" in one.signs)
        last = await in_thread(say, room, aiko, "still")
        await inside.until_seq(last)
        assert outside.ended
        assert (outside.signs, outside.seqs) == (["StreamReady"], [])

    play(scene)


def test_who_watches_a_stream_is_told_that_it_is_another_one() -> None:
    aiko, ben = person("aiko"), person("ben")
    for number in range(2):
        add_member(create_room(author=aiko, name=f"Room {number}").pk, actor=aiko, user_id=ben.pk)
    told: list[str] = []
    happened: list[Event] = []

    async def scene(hub: Hub) -> None:
        hub.watch(await in_thread(log.head, ben.stream_id), Watch(happened.append, lambda: told.append("restarted")))
        await in_thread(_rewind, ben.stream_id, 1)
        await eventually(lambda: told, what="word of it")
        assert (told, happened) == (["restarted"], [])

    play(scene)


# ---------------------------------------------------------------------- who comes and goes


def test_a_feed_that_is_restarted_while_it_waits_to_be_let_in_starts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        early = await subscribe(hub, aiko, roomId=str(room.pk))
        await early.until_ready()
        coming = Subscribing(hub, aiko, ROOM_EVENTS, roomId=str(room.pk))
        await coming.open()
        await early.until_seq(await in_thread(say, room, aiko, "past the place where it was opened"))
        with _held(monkeypatch, RoomSource, "who_may_read") as gate:
            placing = asyncio.create_task(coming.place())
            await eventually(lambda: len(hub._topics[room.stream_id].feeds) == 2, what="the one who comes")
            for feed in list(hub._topics[room.stream_id].feeds):
                feed.restart(ResetReason.HISTORY_CHANGED)
            gate.set()
            late = await placing
        last = await in_thread(say, room, aiko, "for all")
        await late.until_seq(last)
        assert (late.signs, late.seqs) == (["StreamReset", "StreamReady"], [last])

    play(scene)


def test_who_comes_to_what_passes_while_the_last_one_goes_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko, ben = person("aiko"), person("ben")
    room = private_room(aiko, ben)

    async def scene(hub: Hub) -> None:
        going = await subscribe(hub, aiko, ROOM_SIGNALS, roomId=str(room.pk))
        reading = await subscribe(hub, aiko, roomId=str(room.pk))
        await reading.until_ready()
        coming = Subscribing(hub, aiko, ROOM_SIGNALS, roomId=str(room.pk))
        await coming.open()
        await reading.until_seq(await in_thread(say, room, aiko, "past the place where it was opened"))
        with _held(monkeypatch, RoomSource, "who_may_read") as gate:
            placing = asyncio.create_task(coming.place())
            await eventually(lambda: len(hub._topics[room.stream_id].feeds) == 3, what="the one who comes")
            going.feed.close()
            gate.set()
            late = await placing
        await in_thread(lambda: set_typing(room.pk, actor=ben, typing=True))
        await late.until(lambda one: len(one.payloads) == 1)
        late.feed.close()
        assert hub._passing == {}

    play(scene)


# ---------------------------------------------------------------------- how far followed rooms have come


def test_an_activity_that_found_a_full_reader_is_told_when_there_is_room_again() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        reader = Reader()
        inbox = await subscribe(hub, aiko, INBOX, reader=reader)
        await _activity(hub, inbox, room, (await in_thread(log.head, room.stream_id)).seq)
        reader.room.clear()
        last = await in_thread(say, room, aiko, "nobody reads this yet")
        topic = hub._topics[room.stream_id]
        (followers,) = topic.followers.values()

        def has_been_dropped() -> bool:
            return topic.head.seq == last and not topic.activity_due and followers._latest is not None

        await eventually(has_been_dropped, what="an activity that found no room")
        reader.room.set()
        await _activity(hub, inbox, room, last)

    play(scene)


Failing = Callable[[pytest.MonkeyPatch], list[None]]


@pytest.mark.parametrize(
    "failing",
    [
        lambda monkeypatch: _failing_once(monkeypatch, InboxSource, "follows"),
        lambda monkeypatch: _failing_once(monkeypatch, broadcast, "make_activity"),
    ],
    ids=["whom to follow", "how far it has come"],
)
def test_a_room_that_was_joined_while_the_database_was_away_is_followed(
    monkeypatch: pytest.MonkeyPatch, failing: Failing
) -> None:
    aiko, ben = person("aiko"), person("ben")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        inbox = await subscribe(hub, ben, INBOX)
        await inbox.until(lambda one: any(payload["item"]["__typename"] == "InboxReady" for payload in one.payloads))
        after = failing(monkeypatch)
        await in_thread(lambda: add_member(room.pk, actor=aiko, user_id=ben.pk))
        last = await in_thread(say, room, aiko, "welcome")
        await _activity(hub, inbox, room, last)
        assert after

    play(scene)


def test_an_activity_that_the_database_was_away_for_is_told_a_second_later(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        inbox = await subscribe(hub, aiko, INBOX)
        await _activity(hub, inbox, room, (await in_thread(log.head, room.stream_id)).seq)
        after = _failing_once(monkeypatch, broadcast, "make_activity")
        last = await in_thread(say, room, aiko, "while it was away")
        await _activity(hub, inbox, room, last)
        assert after

    play(scene)


# ---------------------------------------------------------------------- catching up


def test_who_catches_up_while_messages_are_deleted_without_end_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    start = log.head(room.stream_id)
    last = say(room, aiko, *(f"message {number}" for number in range(60)))
    load = broadcast._load

    async def scene(hub: Hub) -> None:
        early = await subscribe(hub, aiko, roomId=str(room.pk))
        await early.until_ready()
        topic = hub._topics[room.stream_id]

        def overtaken(request: Request, stream_id: int, after: int, upto: int) -> list[tuple[int, bytes]]:
            """Longer pages take longer than it is to the next deletion."""
            if upto - after > 10:
                topic.epoch += 1
            return load(request, stream_id, after, upto)

        monkeypatch.setattr(broadcast, "_load", overtaken)
        late = await subscribe(hub, aiko, roomId=str(room.pk), after=str(start))
        await late.until_ready()
        assert late.seqs == list(range(start.seq + 1, last + 1))

    play(scene)
