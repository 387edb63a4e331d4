"""What distinct subscriptions cost is bounded: how many one person has, what is kept of them, what each asks for."""

from itertools import count
from typing import Any

import pytest

from chat.actions.members import add_member
from chat.actions.messages import send_message
from chat.actions.rooms import create_room
from chat.models import Room, User
from realtime.errors import RateLimited, TooComplex
from realtime.hub import Hub
from realtime.threads import in_thread
from tests.realtime.listening import ROOM_EVENTS, ROOM_SIGNALS, Subscriber, person, play, subscribe

LIMIT = 3
MEMBERS = """
subscription Members($roomId: ID!, $size: Int) {
  roomEvents(roomId: $roomId) { event { ... on RoomUpdated { room { members(first: $size) { nodes { id } } } } } }
}
"""
REFUSED = (
    f"at most {LIMIT} distinct subscriptions of one person, and {LIMIT} of these to one stream "
    "(REALTIME_MAX_DISTINCT_OPERATIONS): ids belong into variables"
)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def limit(settings: Any) -> None:
    settings.REALTIME_MAX_DISTINCT_OPERATIONS = LIMIT


def distinct(number: int, query: str = ROOM_EVENTS) -> str:
    """The same operation, but for a name."""
    return query.replace("subscription ", f"subscription No{number}", 1)


def room_of(owner: User, *others: User) -> Room:
    room = create_room(author=owner, name="Town square")
    for other in others:
        add_member(room.pk, actor=owner, user_id=other.pk)
    return room


async def refuses(hub: Hub, viewer: User, query: str, **variables: Any) -> bool:
    """Whether this subscription is one too many; it ends, where it isn't."""
    try:
        subscriber = await subscribe(hub, viewer, query, **variables)
    except RateLimited as error:
        return (str(error), error.reason) == (REFUSED, "TOO_MANY_DISTINCT_OPERATIONS")
    subscriber.feed.close()
    return False


# --- How many of one person ---------------------------------------------------------------------------


def test_one_person_has_so_many_distinct_subscriptions_and_no_more() -> None:
    aiko, ben = person("aiko"), person("ben")
    room = room_of(aiko, ben)

    async def scene(hub: Hub) -> None:
        held = [await subscribe(hub, aiko, distinct(number), roomId=str(room.pk)) for number in range(LIMIT)]
        for _ in range(2):
            assert await refuses(hub, aiko, distinct(LIMIT), roomId=str(room.pk))
            assert not await refuses(hub, aiko, distinct(0), roomId=str(room.pk)), "one of those that are counted"
            assert not await refuses(hub, ben, distinct(LIMIT), roomId=str(room.pk)), "somebody else's"
        held[0].feed.close()
        held[0].feed.close()
        assert not await refuses(hub, aiko, distinct(LIMIT), roomId=str(room.pk))
        held[1].feed.end()
        for number in (LIMIT, LIMIT + 1):
            await subscribe(hub, aiko, distinct(number), roomId=str(room.pk))
        assert await refuses(hub, aiko, distinct(LIMIT + 2), roomId=str(room.pk))

    play(scene)


def test_many_rooms_may_be_listened_to_with_one_operation_but_not_with_one_each() -> None:
    aiko = person("aiko")
    rooms = [create_room(author=aiko, name="Room") for _ in range(2 * LIMIT)]

    async def scene(hub: Hub) -> None:
        for room in rooms:
            await subscribe(hub, aiko, ROOM_EVENTS, roomId=str(room.pk))
            await subscribe(hub, aiko, ROOM_SIGNALS, roomId=str(room.pk))
        await subscribe(hub, aiko, distinct(1), roomId=str(rooms[0].pk))
        assert await refuses(hub, aiko, distinct(2), roomId=str(rooms[1].pk))

    play(scene)


def test_one_operation_counts_again_for_each_set_of_variables_on_a_room() -> None:
    aiko = person("aiko")
    room, other = (create_room(author=aiko, name="Room") for _ in range(2))

    async def scene(hub: Hub) -> None:
        for size in range(LIMIT):
            await subscribe(hub, aiko, MEMBERS, roomId=str(room.pk), size=size + 1)
        assert await refuses(hub, aiko, MEMBERS, roomId=str(room.pk), size=LIMIT + 1)
        assert not await refuses(hub, aiko, MEMBERS, roomId=str(other.pk), size=LIMIT + 1)

    play(scene)


def test_subscriptions_to_what_passes_are_counted_until_they_end() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Room")

    async def scene(hub: Hub) -> None:
        for _ in range(2):
            held = [
                await subscribe(hub, aiko, distinct(number, ROOM_SIGNALS), roomId=str(room.pk))
                for number in range(LIMIT)
            ]
            assert await refuses(hub, aiko, distinct(LIMIT, ROOM_SIGNALS), roomId=str(room.pk))
            for subscriber in held:
                subscriber.feed.close()
        assert not hub._allowance, "nobody listens"

    play(scene)


def test_however_it_is_spelled_a_document_is_kept_once() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Room")

    async def scene(hub: Hub) -> None:
        spellings = [ROOM_EVENTS + " " * number for number in range(2 * LIMIT)]
        held = [await subscribe(hub, aiko, spelling, roomId=str(room.pk)) for spelling in spellings]
        assert len({id(subscriber.feed.request.operation) for subscriber in held}) == 1

    play(scene)


# --- What is kept of them -----------------------------------------------------------------------------

LONG = "x" * 1_000


def said(room: Room, author: User, times: int) -> int:
    """Say something long so often and return the seq of the last."""
    seq = 0
    for _ in range(times):
        message = send_message(room.pk, author=author, body=LONG).message
        assert message is not None, "nothing holds messages here"
        seq = message.version
    return seq


def kept_bytes(hub: Hub) -> int:
    """All that the broadcasts keep, counted anew."""
    broadcasts = [broadcast for topic in hub._topics.values() for broadcast in topic.broadcasts.values()]
    return sum(len(payload) for broadcast in broadcasts for payload in broadcast._kept.values())


@pytest.mark.parametrize("messages_kept", [0, 3, 1_000])
def test_what_is_kept_for_those_who_come_back_is_bounded_and_they_miss_nothing(
    settings: Any, messages_kept: int
) -> None:
    settings.REALTIME_RECENT_BYTES = messages_kept * len(LONG) * 2  # a message's text is in it as it was written alone
    aiko = person("aiko")
    rooms = [create_room(author=aiko, name="Room") for _ in range(4)]
    operations = [distinct(number) for number in range(2)]

    async def scene(hub: Hub) -> None:
        live: list[Subscriber] = []
        starts = []
        for room in rooms:
            live += [await subscribe(hub, aiko, operation, roomId=str(room.pk)) for operation in operations]
            await live[-1].until_ready()
            starts.append(live[-1].payloads[-1]["cursor"])
        for room, listener in zip(rooms, live[::2], strict=True):
            await listener.until_ready()
            await listener.until_seq(await in_thread(said, room, aiko, 3))
        for room, start, listener in zip(rooms, starts, live[1::2], strict=True):
            assert kept_bytes(hub) == hub._recent.bytes <= settings.REALTIME_RECENT_BYTES
            late = await subscribe(hub, aiko, operations[0], roomId=str(room.pk), after=start)
            await late.until_ready()
            assert late.seqs == listener.seqs
            live.append(late)
        if messages_kept:
            assert hub._recent.bytes, "something is kept"
        for subscriber in live:
            subscriber.feed.close()
        assert hub._recent.bytes == 0, "nobody listens"
        assert not hub._recent._kept

    play(scene)


def test_who_was_used_longest_ago_loses_what_it_keeps_first(settings: Any) -> None:
    aiko = person("aiko")
    rooms = [create_room(author=aiko, name="Room") for _ in range(3)]

    async def scene(hub: Hub) -> None:
        listeners = [await subscribe(hub, aiko, ROOM_EVENTS, roomId=str(room.pk)) for room in rooms]
        for room, listener in zip(rooms, listeners, strict=True):
            await listener.until_ready()
            await listener.until_seq(await in_thread(said, room, aiko, 2))
        settings.REALTIME_RECENT_BYTES = hub._recent.bytes
        await listeners[0].until_seq(await in_thread(said, rooms[0], aiko, 1))
        broadcasts = [next(iter(hub._topics[room.stream_id].broadcasts.values())) for room in rooms]
        assert [len(broadcast._kept) for broadcast in broadcasts] == [3, 0, 2]

    play(scene)


# --- How much each asks for ---------------------------------------------------------------------------


def test_a_subscription_asks_for_fewer_rows_than_a_query_may() -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Room")
    names = count()
    members = "roomEvents(roomId: $roomId) { event { ... on RoomUpdated { room { MEMBERS } } } }"

    def asking(pages: int) -> str:
        page = "members(first: 100) { nodes { id } }"
        selected = " ".join(f"page{next(names)}: {page}" for _ in range(pages))
        return f"subscription($roomId: ID!) {{ {members.replace('MEMBERS', selected)} }}"

    async def scene(hub: Hub) -> None:
        assert not await refuses(hub, aiko, asking(5), roomId=str(room.pk))
        with pytest.raises(TooComplex, match="more than 500 rows"):
            await subscribe(hub, aiko, asking(6), roomId=str(room.pk))

    play(scene)
