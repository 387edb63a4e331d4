"""Several people, and several tries of one, at the same moment: on SQLite and on PostgreSQL."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import connections

from chat.actions.members import remove_member
from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.reactions import add_reaction, remove_reaction
from chat.actions.reading import mark_read
from chat.actions.rooms import create_room, join_room, leave_room, open_direct_room
from chat.models import Membership, Message, Operation, Reaction, Room, User
from realtime.errors import Conflict, Forbidden
from tests.chat.actions.arranging import enter, happened, head, person, room, said

pytestmark = pytest.mark.usefixtures("database")

Result = TypeVar("Result")

AT_ONCE = 8


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
    """Make the calls at the same moment, each with a connection of its own; what they return or raise, in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result | Exception:
        try:
            barrier.wait()
            return call()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_eight_tries_of_one_send_store_one_message_and_leave_no_gap() -> None:
    author = person()
    place = room(author)
    before = head(place.stream)
    for number in range(1, 6):
        key = uuid4()
        results = at_once([partial(send_message, place.pk, author=author, body="Hi", id=key)] * AT_ONCE)
        assert [getattr(result, "message", result) for result in results] == [Message.objects.get(pk=key)] * AT_ONCE
        assert happened(place.stream, after=before + number - 1) == [("message.sent", author.pk, str(key), {})]
        assert Room.objects.get(pk=place.pk).message_count == number


def test_one_id_for_two_rooms_at_once_is_one_message_and_conflicts() -> None:
    author = person()
    places = [room(author), room(author)]
    before = [head(place.stream) for place in places]
    key = uuid4()
    results = at_once([partial(send_message, place.pk, author=author, body="Hi", id=key) for place in places * 4])
    message = Message.objects.get()
    assert sum(isinstance(result, Conflict) for result in results) == AT_ONCE // 2
    assert sum(getattr(result, "message", None) == message for result in results) == AT_ONCE // 2
    told = [happened(place.stream, after=seq) for place, seq in zip(places, before, strict=True)]
    assert sorted(map(len, told)) == [0, 1]


def test_eight_senders_get_numbers_and_seqs_without_gaps() -> None:
    people = [person() for _ in range(AT_ONCE)]
    place = room(*people)
    before = head(place.stream)

    def talk(who: User) -> list[Message]:
        return [said(place, who) for _ in range(5)]

    results = at_once([partial(talk, who) for who in people])
    assert not [result for result in results if isinstance(result, Exception)]
    stored = list(Message.objects.order_by("seq"))
    assert [message.seq for message in stored] == list(range(before + 1, before + 41))
    assert [message.number for message in stored] == list(range(1, 41))
    assert [message.created_at for message in stored] == sorted(message.created_at for message in stored)
    told = happened(place.stream, after=before)
    assert told == [("message.sent", message.author_id, str(message.pk), {}) for message in stored]


def test_concurrent_openings_make_one_direct_room() -> None:
    people = [person() for _ in range(4)]
    ids = [who.pk for who in people]
    results = at_once([partial(open_direct_room, actor=who, user_ids=ids, op_id=uuid4()) for who in people * 2])
    made = Room.objects.get()
    assert results == [made] * AT_ONCE
    assert set(made.members.all()) == set(people)
    assert len(happened(made.stream)) == len(people)
    assert Operation.objects.count() == AT_ONCE


def test_concurrent_tries_of_one_operation_make_one_room() -> None:
    author = person()
    op_id = uuid4()
    results = at_once([lambda: create_room(author=author, name="Kitchen", op_id=op_id)] * AT_ONCE)
    assert results == [Room.objects.get()] * AT_ONCE
    assert len(happened(author.stream)) == 1


def test_rooms_of_one_name_made_at_once_get_slugs_of_their_own() -> None:
    people = [person() for _ in range(AT_ONCE)]
    results = at_once([partial(create_room, author=who, name="Kitchen") for who in people])
    assert not [result for result in results if isinstance(result, Exception)]
    assert Room.objects.values("slug").distinct().count() == AT_ONCE


def test_one_who_joins_eight_times_at_once_is_a_member_once() -> None:
    newcomer = person()
    place = room()
    before = head(place.stream)
    results = at_once([lambda: join_room(place.pk, actor=newcomer)] * AT_ONCE)
    assert results == [place] * AT_ONCE
    assert len(happened(place.stream, after=before)) == 1


def test_a_removed_member_sends_nothing_after_the_removal() -> None:
    owner = person()
    place = room(owner=owner)
    members = [person() for _ in range(4)]
    for member in members:
        enter(place, member)
    before = head(place.stream)

    def send_many(member: User) -> None:
        for _ in range(20):
            send_message(place.pk, author=member, body="Hi")

    at_once(
        [partial(send_many, member) for member in members]
        + [partial(remove_member, place.pk, actor=owner, user_id=member.pk) for member in members]
    )
    gone: set[str] = set()
    for kind, actor, object_id, _ in happened(place.stream, after=before):
        if kind == "member.left":
            gone.add(object_id)
        else:
            assert str(actor) not in gone
    assert gone == {str(member.pk) for member in members}


def test_all_owners_who_leave_at_once_leave_the_room_an_owner() -> None:
    people = [person() for _ in range(4)]
    place = room(*people[1:], owner=people[0])
    Membership.objects.filter(room=place).update(role="OWNER")
    stays = person()
    enter(place, stays)
    results = at_once([partial(leave_room, place.pk, actor=who) for who in people])
    assert results == [place] * 4
    assert list(Membership.objects.filter(room=place).values_list("user_id", "role")) == [(stays.pk, "OWNER")]


def test_everything_at_once_ends_without_deadlock_and_with_the_log_telling_all() -> None:
    owner = person()
    place = room(owner=owner)
    message = said(place, owner)
    people = [person() for _ in range(AT_ONCE)]
    before = head(place.stream)

    def live(who: User) -> None:
        for _ in range(4):
            join_room(place.pk, actor=who)
            own = said(place, who)
            add_reaction(message.pk, actor=who, emoji="👍")
            mark_read(place.pk, actor=who, seq=own.seq or 0)
            edit_message(own.pk, actor=who, body="Edited")
            remove_reaction(message.pk, actor=who, emoji="👍")
            delete_message(own.pk, actor=who)
            open_direct_room(actor=who, user_ids=[owner.pk])
            leave_room(place.pk, actor=who)

    results = at_once([partial(live, who) for who in people])
    assert results == [None] * AT_ONCE
    assert len(happened(place.stream, after=before)) == AT_ONCE * 4 * 7
    assert not Reaction.objects.exists()
    assert Room.objects.get(pk=place.pk).message_count == 1 + AT_ONCE * 4
    assert set(place.members.all()) == {owner}


def test_a_marker_that_moves_while_its_person_is_removed_does_no_harm() -> None:
    owner = person()
    place = room(owner=owner)
    seq = said(place, owner).seq or 0
    for _ in range(5):
        member = person()
        enter(place, member)
        marked, removed = at_once(
            [
                partial(mark_read, place.pk, actor=member, seq=seq + 99),
                partial(remove_member, place.pk, actor=owner, user_id=member.pk),
            ]
        )
        assert removed == place
        assert marked == place or isinstance(marked, Forbidden)
