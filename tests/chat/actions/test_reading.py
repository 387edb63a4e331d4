"""Read markers: forward by reading, back by the person's own wish; and that somebody is typing."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from chat.actions.messages import delete_message, edit_message
from chat.actions.people import ban
from chat.actions.reading import mark_read, mark_unread
from chat.actions.rooms import leave_room, update_room
from chat.actions.typing import set_typing
from chat.models import Membership, Room, User
from tests.chat.actions.arranging import happened, head, person, refused, room, rows, said
from tests.chat.actions.passing import what_passes

pytestmark = pytest.mark.django_db


def marker(place: Room, who: User) -> tuple[int, int, int]:
    membership = Membership.objects.get(room=place, user=who)
    return membership.last_read_seq, membership.read_message_count, membership.version


def test_a_marker_that_moves_is_an_event_of_the_person_alone() -> None:
    reader, other = person(), person()
    place = room(reader, other)
    message = said(place, other)
    before, own = head(place.stream), head(reader.stream)
    assert mark_read(place.pk, actor=reader, seq=before) == place
    assert marker(place, reader) == (message.seq, 1, 2)
    assert happened(place.stream, after=before) == []
    assert happened(reader.stream, after=own) == [("read_marker.moved", reader.pk, str(place.pk), {})]


def test_a_marker_ends_at_the_rooms_newest_event() -> None:
    reader = person()
    place = room(reader)
    said(place, reader)
    mark_read(place.pk, actor=reader, seq=10**15)
    assert marker(place, reader) == (head(place.stream), 1, 2)


def test_a_marker_does_not_move_back_by_reading() -> None:
    reader = person()
    place = room(reader)
    said(place, reader)
    mark_read(place.pk, actor=reader, seq=head(place.stream))
    before = rows()
    for seq in (-1, 0, 1, head(place.stream)):
        mark_read(place.pk, actor=reader, seq=seq)
    assert rows() == before


def test_what_is_read_counts_messages_and_no_other_events() -> None:
    reader, other = person(), person()
    place = room(reader, other)
    first = said(place, other)
    edit_message(first.pk, actor=other, body="Again")
    mark_read(place.pk, actor=reader, seq=head(place.stream))
    second = said(place, other)
    delete_message(first.pk, actor=other)
    assert marker(place, reader)[1] == 1
    mark_read(place.pk, actor=reader, seq=second.seq or 0)
    assert marker(place, reader)[:2] == (second.seq, 2)


def test_what_is_marked_unread_is_unread_with_all_that_follows() -> None:
    reader, other = person(), person()
    place = room(reader, other)
    first, second, third = (said(place, other) for _ in range(3))
    mark_read(place.pk, actor=reader, seq=third.seq or 0)
    own = head(reader.stream)
    mark_unread(place.pk, actor=reader, seq=second.seq or 0)
    assert marker(place, reader) == (first.seq, 1, 3)
    assert happened(reader.stream, after=own) == [("read_marker.moved", reader.pk, str(place.pk), {})]
    before = rows()
    mark_unread(place.pk, actor=reader, seq=third.seq or 0)
    assert rows() == before
    mark_unread(place.pk, actor=reader, seq=-5)
    assert marker(place, reader) == (0, 0, 4)


def test_others_are_told_how_far_one_has_read_and_never_that_one_wants_to_read_again(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    reader = person()
    place = room(reader)
    message = said(place, reader)
    with what_passes() as passed, django_capture_on_commit_callbacks(execute=True):
        mark_read(place.pk, actor=reader, seq=message.seq or 0)
        mark_read(place.pk, actor=reader, seq=message.seq or 0)
        mark_unread(place.pk, actor=reader, seq=1)
        assert passed == []
    assert passed == [(f"room:{place.pk}", {"kind": "read", "user": str(reader.pk), "seq": message.seq})]


def test_a_late_repeat_moves_no_marker() -> None:
    reader = person()
    place = room(reader)
    message = said(place, reader)
    op_id = uuid4()
    mark_read(place.pk, actor=reader, seq=message.seq or 0, op_id=op_id)
    mark_unread(place.pk, actor=reader, seq=1)
    before = rows()
    mark_read(place.pk, actor=reader, seq=message.seq or 0, op_id=op_id)
    assert rows() == before


def test_only_members_have_a_marker() -> None:
    stranger, banned = person(), person()
    private = room(visibility=Room.Visibility.PRIVATE)
    public = room(banned)
    ban(banned.pk, actor=None, reason="")
    for mark in (mark_read, mark_unread):
        unknown = ("NOT_FOUND", "ROOM_UNKNOWN", None)
        assert refused(mark, private.pk, actor=stranger, seq=1) == unknown
        assert refused(mark, 1, actor=stranger, seq=1) == unknown
        outside = refused(mark, public.pk, actor=stranger, seq=1)
        assert outside == ("FORBIDDEN", "NOT_A_MEMBER", None)
        assert refused(mark, public.pk, actor=banned, seq=1) == ("FORBIDDEN", "BANNED", None)


MOVES = st.lists(st.tuples(st.sampled_from(["read", "unread", "say", "edit"]), st.integers(-2, 30)), max_size=15)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(moves=MOVES)
def test_the_count_of_what_is_read_is_always_that_of_the_messages_up_to_the_marker(
    moves: list[tuple[str, int]],
) -> None:
    reader = person()
    place = room(reader)
    seqs: list[int] = []
    message = said(place, reader)
    seqs.append(message.seq or 0)
    for move, seq in moves:
        before = marker(place, reader)
        if move == "say":
            seqs.append(said(place, reader).seq or 0)
        elif move == "edit":
            edit_message(message.pk, actor=reader, body=f"{seq} {head(place.stream)}")
        else:
            (mark_read if move == "read" else mark_unread)(place.pk, actor=reader, seq=seq)
        after = marker(place, reader)
        assert after[2] - before[2] == (after[0] != before[0])
        assert after[0] <= before[0] if move == "unread" else after[0] >= before[0]
        if after != before:
            assert after[1] == len([other for other in seqs if other <= after[0]])


def test_typing_is_passed_on_and_not_kept() -> None:
    writer = person()
    place = room(writer)
    before = rows()
    with what_passes() as passed:
        for typing in (True, False):
            assert set_typing(place.pk, actor=writer, typing=typing) == place
    topic = f"room:{place.pk}"
    assert passed == [(topic, {"kind": "typing", "user": str(writer.pk), "typing": t}) for t in (True, False)]
    assert rows() == before


def test_nobody_types_where_they_may_not_write() -> None:
    writer, owner = person(), person()
    place = room(writer, owner=owner)
    private = room(visibility=Room.Visibility.PRIVATE)

    def answer(place: Room) -> tuple[str, str | None, str | None]:
        return refused(set_typing, place.pk, actor=writer, typing=True)

    with what_passes() as passed:
        assert answer(private) == ("NOT_FOUND", "ROOM_UNKNOWN", None)
        update_room(place.pk, actor=owner, archived=True)
        assert answer(place) == ("FORBIDDEN", "ROOM_ARCHIVED", None)
        leave_room(place.pk, actor=writer)
        assert answer(place) == ("FORBIDDEN", "NOT_A_MEMBER", None)
        ban(writer.pk, actor=None, reason="")
        assert answer(place) == ("FORBIDDEN", "BANNED", None)
    assert passed == []
