"""The hub: what was appended reaches every listener, once, in order, whatever becomes of the hints."""

import random
from dataclasses import replace

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.actions.members import add_member, remove_member
from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.rooms import create_room, leave_room, update_room
from chat.actions.typing import set_typing
from chat.models import Room, User
from realtime import doorbell, log
from realtime.hub import Hub
from realtime.models import Event, Stream
from realtime.threads import in_thread
from tests.realtime.listening import INBOX, ROOM_EVENTS, ROOM_SIGNALS, Reader, person, play, subscribe

pytestmark = pytest.mark.usefixtures("database")


def say(room: Room, author: User, *texts: str) -> int:
    """Send messages and return the seq of the last."""
    seq = 0
    for text in texts:
        message = send_message(room.pk, author=author, body=text).message
        assert message is not None, "nothing holds messages here"
        seq = message.version
    return seq


def private_room(owner: User, *others: User) -> Room:
    room = create_room(author=owner, name="Workshop", visibility=Room.Visibility.PRIVATE)
    for other in others:
        add_member(room.pk, actor=owner, user_id=other.pk)
    return room


def test_an_event_is_executed_once_however_many_subscribe() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        listeners = [await subscribe(hub, aiko, roomId=str(room.pk)) for _ in range(50)]
        another = await subscribe(hub, aiko, ROOM_EVENTS.replace("cursor", "cursor again: cursor"), roomId=str(room.pk))
        for listener in [*listeners, another]:
            await listener.until_ready()
        seq = await in_thread(say, room, aiko, "once")
        for listener in [*listeners, another]:
            await listener.until_seq(seq)
            assert listener.seqs == [seq]
        assert hub.counters.executions == 2, "two distinct operations"
        assert hub.counters.deliveries == 51

    play(scene)


def test_listeners_that_came_with_different_cursors_share_the_live_execution() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    start = str(log.head(room.stream_id))
    last = say(room, aiko, "one", "two", "three")

    async def scene(hub: Hub) -> None:
        early = await subscribe(hub, aiko, roomId=str(room.pk), after=start)
        late = await subscribe(hub, aiko, roomId=str(room.pk))
        await early.until_ready()
        await late.until_ready()
        assert early.seqs == [last - 2, last - 1, last]
        assert late.seqs == []
        seq = await in_thread(say, room, aiko, "four")
        await early.until_seq(seq)
        await late.until_seq(seq)
        assert hub.counters.executions == 1

    play(scene)


def test_a_hint_that_is_lost_is_made_up_for_by_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    monkeypatch.setattr(doorbell, "ring", lambda *_: None)

    async def scene(hub: Hub) -> None:
        listener = await subscribe(hub, aiko, roomId=str(room.pk))
        await listener.until_ready()
        seq = await in_thread(say, room, aiko, "nobody rang", "twice")
        await listener.until_seq(seq)
        assert listener.seqs == [seq - 1, seq]
        assert hub.counters.hints == 0
        assert hub.counters.swept >= 1

    play(scene)


def test_nobody_is_ready_before_the_hub_has_read_what_was_there_when_they_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    before = log.head(room.stream_id)
    monkeypatch.setattr(doorbell, "ring", lambda *_: None)

    async def scene(hub: Hub) -> None:
        early = await subscribe(hub, aiko, roomId=str(room.pk))
        await early.until_ready()
        seq = await in_thread(say, room, aiko, "told by another process")
        late = await subscribe(hub, aiko, roomId=str(room.pk), after=str(before))
        await late.until_ready()
        assert [(event["__typename"], event["seq"]) for event in late.events] == [
            ("MessageSent", seq),
            ("StreamReady", seq),
        ]

    play(scene)


def test_who_asked_just_before_an_older_backup_came_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    head = log.head(room.stream_id)

    async def scene(hub: Hub) -> None:
        early = await subscribe(hub, aiko, roomId=str(room.pk))
        await early.until_ready()
        gone = replace(head, seq=head.seq + 1)  # the head when it was looked at, which the backup lacks
        monkeypatch.setattr(log, "head", lambda _: gone)
        late = await subscribe(hub, aiko, roomId=str(room.pk), after=str(head))
        await late.until_ready()
        assert [(event["__typename"], event["seq"]) for event in late.events] == [
            ("StreamReset", head.seq),
            ("StreamReady", head.seq),
        ]

    play(scene)


def test_hints_that_are_doubled_late_or_about_nothing_change_nothing() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        listener = await subscribe(hub, aiko, roomId=str(room.pk))
        await listener.until_ready()
        doorbell.ring(room.stream_id, 999)
        doorbell.ring(424242, 1)
        seq = await in_thread(say, room, aiko, "a", "b", "c")
        for early in (seq, 1, seq - 1, seq):
            doorbell.ring(room.stream_id, early)
        await listener.until_seq(seq)
        again = await in_thread(say, room, aiko, "d")
        await listener.until_seq(again)
        assert listener.seqs == [seq - 2, seq - 1, seq, again]

    play(scene)


def test_a_slow_reader_leaves_the_live_feed_and_catches_up_without_loss_or_repeat() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        slow, quick = Reader(), Reader()
        lagging = await subscribe(hub, aiko, roomId=str(room.pk), reader=slow)
        reading = await subscribe(hub, aiko, roomId=str(room.pk), reader=quick)
        await lagging.until_ready()
        await reading.until_ready()
        slow.room.clear()
        last = await in_thread(say, room, aiko, *(f"message {n}" for n in range(30)))
        await reading.until_seq(last)
        assert len(lagging.seqs) <= 1, "what is over the bound waits in the log, not in memory"
        slow.room.set()
        await lagging.until_seq(last)
        more = await in_thread(say, room, aiko, "live again")
        await lagging.until_seq(more)
        assert lagging.seqs == reading.seqs == list(range(last - 29, more + 1))

    play(scene)


def test_a_removed_member_receives_nothing_after_the_removal() -> None:
    aiko, ben = person("aiko"), person("ben")
    room = private_room(aiko, ben)

    def remove_and_go_on() -> int:
        remove_member(room.pk, actor=aiko, user_id=ben.pk)
        return say(room, aiko, "he is out")

    async def scene(hub: Hub) -> None:
        inside = await subscribe(hub, aiko, roomId=str(room.pk))
        outside = await subscribe(hub, ben, roomId=str(room.pk))
        whispers = await subscribe(hub, ben, ROOM_SIGNALS, roomId=str(room.pk))
        await outside.until_ready()
        before = await in_thread(say, room, aiko, "he is in")
        await outside.until_seq(before)
        last = await in_thread(remove_and_go_on)
        await inside.until_seq(last)
        await outside.until(lambda subscriber: subscriber.ended)
        await whispers.until(lambda subscriber: subscriber.ended)
        assert outside.seqs == [before]
        assert inside.seqs[-2:] == [last - 1, last]

    play(scene)


def test_a_feed_ends_for_strangers_when_its_room_becomes_private() -> None:
    aiko, ben, chie = person("aiko"), person("ben"), person("chie")
    room = create_room(author=aiko, name="Town square")
    add_member(room.pk, actor=aiko, user_id=chie.pk)

    def close_the_door() -> int:
        update_room(room.pk, actor=aiko, visibility=Room.Visibility.PRIVATE)
        return say(room, aiko, "among ourselves")

    async def scene(hub: Hub) -> None:
        stranger = await subscribe(hub, ben, roomId=str(room.pk))
        member = await subscribe(hub, chie, roomId=str(room.pk))
        await stranger.until_ready()
        last = await in_thread(close_the_door)
        await member.until_seq(last)
        await stranger.until(lambda subscriber: subscriber.ended)
        assert stranger.seqs == []

    play(scene)


def test_one_who_leaves_a_public_room_goes_on_reading() -> None:
    aiko, ben = person("aiko"), person("ben")
    room = create_room(author=aiko, name="Town square")
    add_member(room.pk, actor=aiko, user_id=ben.pk)

    async def scene(hub: Hub) -> None:
        reader = await subscribe(hub, ben, roomId=str(room.pk))
        await reader.until_ready()
        await in_thread(leave_room, room.pk, actor=ben)
        last = await in_thread(say, room, aiko, "still public")
        await reader.until_seq(last)
        assert not reader.ended

    play(scene)


def test_deleted_and_edited_words_are_replayed_to_nobody() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    start = str(log.head(room.stream_id))

    def write() -> int:
        secret = send_message(room.pk, author=aiko, body="the secret word").message
        draft = send_message(room.pk, author=aiko, body="the first draft").message
        assert secret is not None
        assert draft is not None
        send_message(room.pk, author=aiko, body="answer", reply_to_id=secret.pk)
        edit_message(draft.pk, actor=aiko, body="the final text")
        return delete_message(secret.pk, actor=aiko).version

    def said(subscriber: object) -> str:
        return str(subscriber)

    async def scene(hub: Hub) -> None:
        present = await subscribe(hub, aiko, roomId=str(room.pk), after=start)
        await present.until_ready()
        last = await in_thread(write)
        await present.until_seq(last)
        resuming = await subscribe(hub, aiko, roomId=str(room.pk), after=start)
        await resuming.until_ready()
        assert resuming.seqs == present.seqs
        everything = said(resuming.reader.frames)
        assert "secret" not in everything
        assert "draft" not in everything
        assert "the final text" in everything

    play(scene)


def test_a_restored_backup_resets_the_listeners_although_nobody_announced_it() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    last = say(room, aiko, "kept", "lost with the disk")

    def restore() -> None:
        """As if a backup from before the last message were back, and something else had been said since."""
        with transaction.atomic():
            Event.objects.filter(stream_id=room.stream_id, seq=last).delete()
            kept = Event.objects.get(stream_id=room.stream_id, seq=last - 1)
            Stream.objects.filter(pk=room.stream_id).update(last_seq=last - 1, nonce=kept.nonce)
            room.messages.filter(seq=last).delete()
        say(room, aiko, "said after the restore", "and more")

    async def scene(hub: Hub) -> None:
        listener = await subscribe(hub, aiko, roomId=str(room.pk))
        await listener.until_ready()
        await in_thread(restore)
        await listener.until(lambda subscriber: "StreamReset" in subscriber.signs)
        reset = next(event for event in listener.events if event["__typename"] == "StreamReset")
        assert reset["reason"] == "HISTORY_CHANGED"
        head = await in_thread(log.head, room.stream_id)
        seq = await in_thread(say, room, aiko, "heard again")
        await listener.until_seq(seq)
        assert reset["seq"] == head.seq == last + 1
        assert listener.seqs == [seq]

    play(scene)


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [("not a cursor", "CURSOR_INVALID"), ("other stream", "CURSOR_INVALID"), ("ahead", "HISTORY_CHANGED"),
     ("other nonce", "HISTORY_CHANGED"), ("pruned", "CURSOR_EXPIRED"), ("far", "TOO_FAR_BEHIND")],
)  # fmt: skip
def test_a_cursor_that_cannot_be_honoured_yields_one_reset_and_then_the_live_feed(
    cursor: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    beginning = log.head(room.stream_id)
    say(room, aiko, "one", "two", "three")
    head = log.head(room.stream_id)
    after = {
        "not a cursor": "☃",
        "other stream": str(log.head(aiko.stream_id)),
        "ahead": str(type(head)(head.stream_id, head.seq + 1, head.nonce)),
        "other nonce": str(type(head)(head.stream_id, head.seq, head.nonce ^ 1)),
        "pruned": str(beginning),
        "far": str(beginning),
    }[cursor]
    if cursor == "pruned":
        Event.objects.filter(stream_id=room.stream_id, seq__lte=2).delete()
    if cursor == "far":
        monkeypatch.setattr("realtime.feed.MAX_REPLAY_EVENTS", 2)

    async def scene(hub: Hub) -> None:
        listener = await subscribe(hub, aiko, roomId=str(room.pk), after=after)
        await listener.until_ready()
        assert listener.signs == ["StreamReset", "StreamReady"]
        assert listener.events[0]["reason"] == reason
        assert listener.events[0]["seq"] == head.seq
        seq = await in_thread(say, room, aiko, "live")
        await listener.until_seq(seq)
        assert listener.seqs == [seq]

    play(scene)


def test_room_activity_comes_first_for_each_joined_room_and_then_as_the_rooms_go_on() -> None:
    aiko, ben = person("aiko"), person("ben")
    first = create_room(author=aiko, name="First")
    second = create_room(author=aiko, name="Second")

    def activity(payloads: list[dict[str, object]]) -> dict[object, object]:
        items = [payload["item"] for payload in payloads]
        return {item["roomId"]: item["lastSeq"] for item in items if item["__typename"] == "RoomActivity"}  # type: ignore[index]

    async def scene(hub: Hub) -> None:
        inbox = await subscribe(hub, aiko, INBOX)
        stranger = await subscribe(hub, ben, INBOX)
        await inbox.until(lambda subscriber: len(activity(subscriber.payloads)) == 2)
        assert activity(inbox.payloads) == {str(first.pk): 1, str(second.pk): 1}
        last = await in_thread(say, first, aiko, "a", "b", "c")
        await inbox.until(lambda subscriber: activity(subscriber.payloads)[str(first.pk)] == last)
        assert activity(stranger.payloads) == {}
        third = await in_thread(create_room, author=aiko, name="Third")
        await inbox.until(lambda subscriber: str(third.pk) in activity(subscriber.payloads))
        last = await in_thread(say, third, aiko, "joined since")
        await inbox.until(lambda subscriber: activity(subscriber.payloads)[str(third.pk)] == last)

    play(scene)


def test_what_passes_reaches_those_who_listen_now() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        listener = await subscribe(hub, aiko, ROOM_SIGNALS, roomId=str(room.pk))
        await in_thread(set_typing, room.pk, actor=aiko, typing=True)
        await listener.until(lambda subscriber: bool(subscriber.payloads))
        assert listener.payloads == [
            {"signal": {"__typename": "TypingSignal", "typing": True, "user": {"username": "aiko"}}}
        ]

    play(scene)


def test_nothing_of_an_ended_subscription_stays_in_the_hub() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")

    async def scene(hub: Hub) -> None:
        for query in (ROOM_EVENTS, ROOM_SIGNALS):
            listener = await subscribe(hub, aiko, query, roomId=str(room.pk))
            listener.feed.close()
        inbox = await subscribe(hub, aiko, INBOX)
        await inbox.until(lambda subscriber: len(subscriber.payloads) == 2)
        inbox.feed.close()
        assert hub._topics == {}
        assert hub._passing == {}

    play(scene)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_whoever_joins_anywhere_at_any_time_gets_all_that_follows_once_and_in_order(seed: int) -> None:
    """The law of replay-then-live: whatever the interleaving of sends, joins, stalls and lost hints."""
    chance = random.Random(seed)
    aiko = person(f"aiko{Stream.objects.count()}")
    room = create_room(author=aiko, name=f"Room {seed}")
    cursors = [log.head(room.stream_id)]

    def send_some() -> int:
        seq = say(room, aiko, *(f"{n}" for n in range(chance.randrange(1, 12))))
        cursors.append(log.head(room.stream_id))
        return seq

    async def scene(hub: Hub) -> None:
        joined = []
        last = 0
        for _ in range(12):
            what = chance.choice(["send", "join", "join", "stall", "resume", "lose hints"])
            if what == "send":
                last = await in_thread(send_some)
            elif what == "join":
                after = chance.choice(cursors)
                joined.append((after.seq, await subscribe(hub, aiko, roomId=str(room.pk), after=str(after))))
            elif what == "lose hints":
                hub._relay._hints.clear()
            elif joined:
                reader = chance.choice(joined)[1].reader
                (reader.room.clear if what == "stall" else reader.room.set)()
        last = await in_thread(send_some)
        for after_seq, subscriber in joined:
            subscriber.reader.room.set()
            await subscriber.until_seq(last)
            await subscriber.until_ready()
            assert subscriber.seqs == list(range(after_seq + 1, last + 1))
            assert subscriber.signs == ["StreamReady"]

    play(scene)
