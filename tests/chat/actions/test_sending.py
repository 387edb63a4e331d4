"""Sending a message: what is stored, what is refused, and what a repeat does."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid1, uuid4

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from chat.actions import messages
from chat.actions.members import mute_member, remove_member
from chat.actions.messages import Sent, delete_message, edit_message, send_message
from chat.actions.people import ban
from chat.actions.rooms import update_room
from chat.models import Membership, Message, Room
from chat.rendering import render
from chat.texts import fault_of_body, normalise_body
from realtime.errors import Conflict, Forbidden, NotFound
from realtime.models import Event
from tests.chat.actions.arranging import happened, head, person, refused, room, rows, said

pytestmark = pytest.mark.django_db

UUID7 = UUID("01932b5e-7d5c-7cc3-98c4-dc0c0c07398f")


def test_a_message_is_stored_with_its_place_in_the_room() -> None:
    author = person()
    place = room(author)
    before = head(place.stream)
    key = uuid4()

    sent = send_message(place.pk, author=author, body="Hello **you**  \n\n", id=key)

    event = Event.objects.get(stream=place.stream, seq=before + 1)
    stored = Message.objects.get()
    salt = bytes(stored.digest_salt)
    assert sent == Sent(stored, Message.Status.STORED)
    assert {field.attname: getattr(stored, field.attname) for field in Message._meta.concrete_fields} == {
        "id": key,
        "room_id": place.pk,
        "author_id": author.pk,
        "status": "STORED",
        "seq": before + 1,
        "number": 1,
        "version": before + 1,
        "body": "Hello **you**",
        "body_html": "<p>Hello <strong>you</strong></p>",
        "reply_to_id": None,
        "thread_root_id": None,
        "created_at": event.created_at,
        "edited_at": None,
        "deleted_at": None,
        "digest_salt": salt,
        "digest": hashlib.sha256(salt + bytes(16) + b"Hello **you**").digest(),
    }
    assert len(salt) == 16
    assert happened(place.stream, after=before) == [("message.sent", author.pk, str(key), {})]
    place.refresh_from_db()
    assert (place.message_count, place.version) == (1, 0)


def test_messages_are_numbered_and_other_events_take_no_number() -> None:
    author = person()
    place = room(author)
    first = said(place, author)
    edit_message(first.pk, actor=author, body="Hello again")
    second = said(place, author)
    assert (first.number, second.number) == (1, 2)
    assert second.seq == (first.seq or 0) + 2
    assert Room.objects.get(pk=place.pk).message_count == 2


def test_a_message_without_an_id_gets_one() -> None:
    author = person()
    assert said(room(author), author).pk.version == 4


def test_line_ends_become_line_feeds() -> None:
    author = person()
    assert said(room(author), author, "one\r\ntwo\rthree\r\n").body == "one\ntwo\nthree"


def test_a_reply_belongs_to_the_thread_of_what_it_replies_to() -> None:
    author = person()
    place = room(author)
    root = said(place, author)
    reply = said(place, author, reply_to_id=root.pk)
    reply_to_reply = said(place, author, reply_to_id=reply.pk)
    assert (root.reply_to_id, root.thread_root_id) == (None, None)
    assert (reply.reply_to_id, reply.thread_root_id) == (root.pk, root.pk)
    assert (reply_to_reply.reply_to_id, reply_to_reply.thread_root_id) == (reply.pk, root.pk)


# --- Repeats --------------------------------------------------------------------------------------


def test_a_repeated_send_returns_the_stored_message_and_changes_nothing() -> None:
    author = person()
    place = room(author)
    first = said(place, author, "Hello", id=UUID7)
    before = rows()
    again = send_message(place.pk, author=author, body="Hello \n", id=UUID7)
    assert again == Sent(first, Message.Status.STORED)
    assert rows() == before


def test_a_repeat_after_an_edit_returns_the_edited_message() -> None:
    author = person()
    place = room(author)
    key = said(place, author, "Hello").pk
    edit_message(key, actor=author, body="Goodbye")
    before = rows()
    again = send_message(place.pk, author=author, body="Hello", id=key)
    assert again.message is not None
    assert again.message.body == "Goodbye"
    assert rows() == before


def test_a_repeat_after_a_deletion_returns_the_tombstone() -> None:
    author = person()
    place = room(author)
    key = said(place, author, "Hello").pk
    delete_message(key, actor=author)
    before = rows()
    again = send_message(place.pk, author=author, body="Hello", id=key)
    assert again.message is not None
    assert again.message.deleted_at is not None
    assert again.message.body == ""
    assert rows() == before


def test_a_repeat_is_answered_whatever_has_become_of_the_right_to_send(settings: Settings) -> None:
    author, owner = person(), person()
    place = room(author, owner=owner)
    key = said(place, author, "Hello").pk
    update_room(place.pk, actor=owner, archived=True)
    remove_member(place.pk, actor=owner, user_id=author.pk)
    settings.MAX_MESSAGE_CHARS = 2
    ban(author.pk, actor=None, reason="")
    again = send_message(place.pk, author=author, body="Hello", id=key)
    assert again.message is not None
    assert again.message.pk == key


def test_a_repeat_is_answered_when_it_is_overtaken_by_the_first_send_and_a_removal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    author, owner = person(), person()
    place = room(author, owner=owner)
    key = uuid4()

    def overtaken(body: str) -> str:
        monkeypatch.setattr(messages, "render", render)
        said(place, author, body, id=key)
        remove_member(place.pk, actor=owner, user_id=author.pk)
        return render(body)

    # Rendering stands between the first look for the id and the room's lock.
    monkeypatch.setattr(messages, "render", overtaken)
    assert send_message(place.pk, author=author, body="Hello", id=key).message == Message.objects.get()


@pytest.mark.parametrize("differs", ["author", "room", "text", "reply"])
def test_an_id_of_another_message_is_a_conflict_that_says_nothing_of_it(differs: str) -> None:
    author, other = person(), person()
    place, elsewhere = room(author, other), room(author, other)
    target = said(place, author, "Target")
    key = said(place, author, "Secret").pk
    before = rows()
    call: dict[str, Any] = {"author": author, "body": "Secret", "id": key}
    changes: dict[str, dict[str, Any]] = {"author": {"author": other}, "text": {"body": "Other"}, "room": {}}
    call |= changes.get(differs, {"reply_to_id": target.pk})
    where = elsewhere if differs == "room" else place
    with pytest.raises(Conflict) as caught:
        send_message(where.pk, **call)
    assert caught.value.extensions == {"code": "CONFLICT", "reason": "ID_TAKEN", "field": "id"}
    assert str(caught.value) == "this id belongs to another message"
    assert rows() == before


def test_the_id_of_a_deleted_message_stays_its_authors() -> None:
    author, other = person(), person()
    place = room(author, other)
    key = said(place, author).pk
    delete_message(key, actor=author)
    assert refused(send_message, place.pk, author=other, body="Mine", id=key) == ("CONFLICT", "ID_TAKEN", "id")


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "EMPTY_MESSAGE"),
        (" \n\t　", "EMPTY_MESSAGE"),
        ("\u200b\u200d\ufeff", "EMPTY_MESSAGE"),
        ("\u3164", "EMPTY_MESSAGE"),
        ("a\0b", "BODY_INVALID"),
        ("a\ud83d", "BODY_INVALID"),
    ],
)
def test_a_text_that_is_none_is_refused(body: str, reason: str) -> None:
    author = person()
    place = room(author)
    before = rows()
    assert refused(send_message, place.pk, author=author, body=body) == ("BAD_USER_INPUT", reason, "body")
    assert rows() == before


def test_a_text_may_be_as_long_as_the_setting_says_and_no_longer(settings: Settings) -> None:
    settings.MAX_MESSAGE_CHARS = 5
    author = person()
    place = room(author)
    assert said(place, author, "届届届届届  ").body == "届届届届届"
    too_long = refused(send_message, place.pk, author=author, body="届届届届届届")
    assert too_long == ("BAD_USER_INPUT", "BODY_TOO_LONG", "body")


def test_an_id_of_another_version_is_refused() -> None:
    author = person()
    place = room(author)
    for key in (uuid1(), UUID(int=0)):
        send = refused(send_message, place.pk, author=author, body="Hello", id=key)
        assert send == ("BAD_USER_INPUT", "ID_INVALID", "id")


def test_one_who_is_no_member_may_not_send() -> None:
    place = room()
    stranger = person()
    before = rows()
    assert refused(send_message, place.pk, author=stranger, body="Hi") == ("FORBIDDEN", "NOT_A_MEMBER", None)
    assert rows() == before


def test_a_room_that_one_may_not_know_is_answered_like_one_that_does_not_exist() -> None:
    private = room(visibility=Room.Visibility.PRIVATE)
    stranger = person()

    def answer(room_id: int) -> tuple[str, dict[str, object]]:
        with pytest.raises(NotFound) as caught:
            send_message(room_id, author=stranger, body="Hi")
        return str(caught.value), caught.value.extensions

    assert answer(private.pk) == answer(12345)
    assert answer(private.pk)[1] == {"code": "NOT_FOUND", "reason": "ROOM_UNKNOWN"}


def test_nobody_sends_to_an_archived_room() -> None:
    author = person()
    place = room(owner=author)
    update_room(place.pk, actor=author, archived=True)
    assert refused(send_message, place.pk, author=author, body="Hi") == ("FORBIDDEN", "ROOM_ARCHIVED", None)


def test_a_muted_member_hears_until_when() -> None:
    author, owner = person(), person()
    place = room(author, owner=owner)
    until = timezone.now() + timedelta(minutes=10)
    mute_member(place.pk, actor=owner, user_id=author.pk, until=until)
    with pytest.raises(Forbidden) as caught:
        send_message(place.pk, author=author, body="Hi")
    assert caught.value.reason == "MUTED"
    assert caught.value.retry_after == pytest.approx(600, abs=5)
    assert until.isoformat() in str(caught.value)


def test_a_mute_that_is_over_keeps_nobody_from_sending() -> None:
    author = person()
    place = room(author)
    Membership.objects.filter(room=place, user=author).update(muted_until=timezone.now() - timedelta(seconds=1))
    said(place, author)


def test_a_banned_person_may_not_send_even_with_a_user_object_from_before() -> None:
    author = person()
    place = room(author)
    ban(author.pk, actor=None, reason="spam")
    assert author.is_active
    assert refused(send_message, place.pk, author=author, body="Hi") == ("FORBIDDEN", "BANNED", None)


def test_a_reply_stays_in_its_room_and_off_deleted_messages() -> None:
    author = person()
    place, elsewhere = room(author), room(author)
    other, deleted = said(elsewhere, author), said(place, author)
    delete_message(deleted.pk, actor=author)
    before = rows()

    def reply(key: UUID) -> tuple[str, str | None, str | None]:
        return refused(send_message, place.pk, author=author, body="Hi", reply_to_id=key)

    assert reply(other.pk) == ("BAD_USER_INPUT", "REPLY_ELSEWHERE", "replyToId")
    assert reply(uuid4()) == ("BAD_USER_INPUT", "REPLY_ELSEWHERE", "replyToId")
    assert reply(deleted.pk) == ("BAD_USER_INPUT", "MESSAGE_DELETED", "replyToId")
    assert rows() == before


# --- Held -----------------------------------------------------------------------------------------


def test_a_held_message_takes_no_place_and_a_repeat_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    author = person()
    place = room(author)
    before = head(place.stream)
    monkeypatch.setattr(messages, "must_wait", lambda message: True)
    key = uuid4()
    first = send_message(place.pk, author=author, body="Buy now", id=key)
    again = send_message(place.pk, author=author, body="Buy now", id=key)
    assert first == again == Sent(None, Message.Status.HELD)
    held = Message.objects.get()
    assert (held.status, held.seq, held.number, held.version) == ("HELD", None, None, 0)
    assert happened(place.stream, after=before) == []
    assert Room.objects.get(pk=place.pk).message_count == 0
    assert refused(edit_message, key, actor=author, body="x") == ("NOT_FOUND", "MESSAGE_UNKNOWN", None)


# --- Laws -----------------------------------------------------------------------------------------


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise_body(text)
    assert normalise_body(once) == once
    assert "\r" not in once


@given(st.text(st.characters(), min_size=1, max_size=40))
def test_what_passes_as_a_text_can_be_encoded_and_shows_something(text: str) -> None:
    body = normalise_body(text)
    if fault_of_body(body) is None:
        assert body.encode()
        assert "\0" not in body
        assert body.strip()
