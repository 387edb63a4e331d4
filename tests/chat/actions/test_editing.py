"""Editing and deleting messages, and what a repeated operation does."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from chat.actions.messages import delete_message, edit_message, send_message
from chat.actions.people import ban
from chat.actions.reactions import add_reaction
from chat.actions.rooms import leave_room, update_room
from chat.models import Membership, Message, Operation, Reaction, Room
from realtime.models import Event
from tests.chat.actions.arranging import admin, happened, head, person, promote, refused, room, rows, said

pytestmark = pytest.mark.django_db

TEXTS = ("body", "body_html", "digest", "digest_salt", "edited_at", "deleted_at", "version")


def test_an_edit_replaces_the_text_and_keeps_the_rest() -> None:
    author = person()
    place = room(author)
    message = said(place, author, "Helo")
    untouched = Message.objects.filter(pk=message.pk).values("seq", "number", "created_at", "digest", "reply_to_id")
    before, kept = head(place.stream), untouched.get()

    edited = edit_message(message.pk, actor=author, body="**Hello** ")

    event = Event.objects.get(stream=place.stream, seq=before + 1)
    stored = Message.objects.get()
    assert edited == stored
    for seen in (edited, stored):
        assert (seen.body, seen.body_html) == ("**Hello**", "<p><strong>Hello</strong></p>")
        assert (seen.edited_at, seen.version) == (event.created_at, before + 1)
    assert untouched.get() == kept
    assert happened(place.stream, after=before) == [("message.edited", author.pk, str(message.pk), {})]


def test_the_same_text_again_changes_nothing() -> None:
    author = person()
    message = said(room(author), author, "Hello")
    before = rows()
    assert edit_message(message.pk, actor=author, body="Hello\n").edited_at is None
    assert rows() == before


def test_a_late_repeat_of_an_old_edit_does_not_undo_a_newer_one() -> None:
    author = person()
    message = said(room(author), author, "one")
    op_id = uuid4()
    edit_message(message.pk, actor=author, body="two", op_id=op_id)
    edit_message(message.pk, actor=author, body="three", op_id=uuid4())
    before = rows()
    assert edit_message(message.pk, actor=author, body="two", op_id=op_id).body == "three"
    assert rows() == before


def test_an_op_id_of_another_operation_is_a_conflict() -> None:
    author = person()
    place = room(author)
    first, second = said(place, author, "one"), said(place, author, "two")
    op_id = uuid4()
    edit_message(first.pk, actor=author, body="ONE", op_id=op_id)
    before = rows()
    conflict = ("CONFLICT", "ID_TAKEN", "opId")
    assert refused(edit_message, second.pk, actor=author, body="TWO", op_id=op_id) == conflict
    assert refused(delete_message, first.pk, actor=author, op_id=op_id) == conflict
    assert rows() == before


def test_op_ids_of_different_people_do_not_meet() -> None:
    one, other = person(), person()
    place = room(one, other)
    op_id = uuid4()
    edit_message(said(place, one).pk, actor=one, body="one", op_id=op_id)
    assert edit_message(said(place, other).pk, actor=other, body="two", op_id=op_id).body == "two"
    assert Operation.objects.count() == 2


def test_only_the_author_edits() -> None:
    author, owner = person(), person()
    message = said(room(author, owner=owner), author)
    for actor in (owner, admin()):
        edit = refused(edit_message, message.pk, actor=actor, body="x")
        assert edit == ("FORBIDDEN", "NOT_ALLOWED", None)


def test_what_may_not_be_sent_may_not_be_edited_in() -> None:
    author = person()
    message = said(room(author), author)
    for body, reason in (("", "EMPTY_MESSAGE"), ("x" * 10_001, "BODY_TOO_LONG"), ("\0", "BODY_INVALID")):
        edit = refused(edit_message, message.pk, actor=author, body=body)
        assert edit == ("BAD_USER_INPUT", reason, "body")
    assert happened(message.room.stream, after=message.seq or 0) == []


def test_who_may_no_longer_write_may_not_edit() -> None:
    author, owner = person(), person()
    place = room(author, owner=owner)
    message = said(place, author)
    update_room(place.pk, actor=owner, archived=True)
    edit = refused(edit_message, message.pk, actor=author, body="x")
    assert edit == ("FORBIDDEN", "ROOM_ARCHIVED", None)
    update_room(place.pk, actor=owner, archived=False)
    leave_room(place.pk, actor=author)
    edit = refused(edit_message, message.pk, actor=author, body="x")
    assert edit == ("FORBIDDEN", "NOT_A_MEMBER", None)


def test_a_deletion_leaves_a_tombstone_without_words_or_reactions() -> None:
    author, other = person(), person()
    place = room(author, other)
    message = said(place, author, "Secret")
    reply = said(place, other, "I see", reply_to_id=message.pk)
    add_reaction(message.pk, actor=other, emoji="👍")
    add_reaction(reply.pk, actor=author, emoji="👍")
    before = head(place.stream)

    deleted = delete_message(message.pk, actor=author)

    event = Event.objects.get(stream=place.stream, seq=before + 1)
    stored = Message.objects.get(pk=message.pk)
    for seen in (deleted, stored):
        assert tuple(bytes(v) if isinstance(v := getattr(seen, f), memoryview) else v for f in TEXTS) == (
            *("", "", b"", b"", None),
            event.created_at,
            before + 1,
        )
        assert (seen.seq, seen.number, seen.author_id) == (message.seq, 1, author.pk)
    assert list(Reaction.objects.values_list("message_id", flat=True)) == [reply.pk]
    assert Message.objects.get(pk=reply.pk).reply_to_id == message.pk
    assert Room.objects.get(pk=place.pk).message_count == 2
    assert happened(place.stream, after=before) == [("message.deleted", author.pk, str(message.pk), {})]
    assert "Secret" not in str(rows())


def test_deleting_again_changes_nothing() -> None:
    author = person()
    message = said(room(author), author)
    op_id = uuid4()
    delete_message(message.pk, actor=author, op_id=op_id)
    before = rows()
    delete_message(message.pk, actor=author, op_id=op_id)
    delete_message(message.pk, actor=author, op_id=uuid4())
    assert rows() == before


def test_a_deleted_message_is_not_edited() -> None:
    author = person()
    message = said(room(author), author)
    delete_message(message.pk, actor=author)
    edit = refused(edit_message, message.pk, actor=author, body="x")
    assert edit == ("BAD_USER_INPUT", "MESSAGE_DELETED", "messageId")


@pytest.mark.parametrize("role", [Membership.Role.MODERATOR, Membership.Role.OWNER])
def test_those_who_look_after_the_room_may_delete(role: Membership.Role) -> None:
    author, moderator = person(), person()
    place = room(author, moderator)
    promote(place, moderator, role)
    message = said(place, author)
    assert delete_message(message.pk, actor=moderator).deleted_at is not None


def test_a_plain_member_may_not_delete_what_others_said() -> None:
    author, other = person(), person()
    message = said(room(author, other), author)
    before = rows()
    assert refused(delete_message, message.pk, actor=other) == ("FORBIDDEN", "NOT_ALLOWED", None)
    assert rows() == before


def test_staff_may_delete_anywhere_if_given_the_right() -> None:
    author, staff = person(), person(is_staff=True)
    private = room(author, visibility=Room.Visibility.PRIVATE)
    message = said(private, author)
    assert refused(delete_message, message.pk, actor=staff) == ("NOT_FOUND", "MESSAGE_UNKNOWN", None)
    staff.user_permissions.add(Permission.objects.get(codename="delete_message"))
    staff = type(staff).objects.get(pk=staff.pk)
    assert delete_message(message.pk, actor=staff).deleted_at is not None


def test_one_may_take_back_ones_words_where_one_may_no_longer_write() -> None:
    author, owner = person(), person()
    place = room(author, owner=owner)
    message = said(place, author)
    leave_room(place.pk, actor=author)
    update_room(place.pk, actor=owner, archived=True)
    assert delete_message(message.pk, actor=author).deleted_at is not None


def test_a_message_that_one_may_not_know_is_answered_like_one_that_does_not_exist() -> None:
    author, stranger = person(), person()
    message = said(room(author, visibility=Room.Visibility.PRIVATE), author)
    for key in (message.pk, uuid4()):
        unknown = ("NOT_FOUND", "MESSAGE_UNKNOWN", None)
        assert refused(edit_message, key, actor=stranger, body="x") == unknown
        assert refused(delete_message, key, actor=stranger) == unknown


def test_a_banned_author_changes_nothing() -> None:
    author = person()
    message = said(room(author), author)
    ban(author.pk, actor=None, reason="")
    assert refused(edit_message, message.pk, actor=author, body="x") == ("FORBIDDEN", "BANNED", None)
    assert refused(delete_message, message.pk, actor=author) == ("FORBIDDEN", "BANNED", None)


def test_a_message_sent_again_after_its_deletion_is_not_resurrected() -> None:
    author = person()
    place = room(author)
    message = said(place, author, "Secret")
    delete_message(message.pk, actor=author)
    send_message(place.pk, author=author, body="Secret", id=message.pk)
    assert Message.objects.get().body == ""
