"""Send, edit and delete messages."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import IntegrityError

from chat.actions import operations
from chat.actions.turns import Turn, turn_in
from chat.events import RoomEvent
from chat.models import Message, Room, User
from chat.permissions import moderates, removes_messages
from chat.reasons import Reason
from chat.rendering import render
from chat.texts import fault_of_body, normalise_body
from realtime.errors import BadUserInput, Conflict, Forbidden, NotFound

_SALT_BYTES = 16
_ID_VERSIONS = (4, 7)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a send. `message` is None while it is held: it has no place in the room yet."""

    message: Message | None
    status: Message.Status


def send_message(
    room_id: int,
    *,
    author: User,
    body: str,
    id: UUID | None = None,  # noqa: A002  (the API's name)
    reply_to_id: UUID | None = None,
) -> Sent:
    """Store a message and append it to the room's log. Repeating a send, however often, returns the one stored message.

    Args:
        body: as it was typed; blanks at its end are not kept.
        id: the key that the client chose, a UUID of version 4 or 7.

    Raises:
        Conflict: the id belongs to a message of somebody else, of another room or with another first text.
        BadUserInput: the text, the id or the message replied to can't be taken.
        Forbidden: the author may not write here.
        NotFound: no such room, or one that the author may not read.
    """
    message_id = id or uuid4()
    body = normalise_body(body)
    if (sent := _sent_before(message_id, room_id, author=author, body=body, reply_to_id=reply_to_id)) is not None:
        return sent
    try:
        _check_id(message_id)
        if (fault := fault_of_body(body)) is not None:
            raise fault
        return _store(message_id, room_id, author=author, body=body, reply_to_id=reply_to_id)
    except (IntegrityError, Forbidden, NotFound, BadUserInput):
        # The same send may have been stored meanwhile, by another connection: then this is a repeat, whatever it met.
        sent = _sent_before(message_id, room_id, author=author, body=body, reply_to_id=reply_to_id)
        if sent is None:
            raise
        return sent


def _sent_before(message_id: UUID, room_id: int, *, author: User, body: str, reply_to_id: UUID | None) -> Sent | None:
    stored = Message.objects.filter(pk=message_id).first()
    if stored is None:
        return None
    same_place = stored.author_id == author.pk and stored.room_id == room_id
    # A deleted message keeps no digest: nothing of its text may remain.
    same_text = not stored.digest or hmac.compare_digest(
        bytes(stored.digest), _digest(bytes(stored.digest_salt), body=body, reply_to_id=reply_to_id)
    )
    if not (same_place and same_text):
        raise Conflict("this id belongs to another message", reason=Reason.ID_TAKEN, field="id")
    return _outcome(stored)


def _outcome(message: Message) -> Sent:
    held = message.status == Message.Status.HELD
    return Sent(None if held else message, Message.Status(message.status))


def _digest(salt: bytes, *, body: str, reply_to_id: UUID | None) -> bytes:
    # The reply's place is always 16 bytes, so no text can pass for another text with another reply.
    reply = reply_to_id.bytes if reply_to_id else bytes(16)
    return hashlib.sha256(salt + reply + body.encode(errors="surrogatepass")).digest()


def _check_id(message_id: UUID) -> None:
    if message_id.version not in _ID_VERSIONS:
        raise BadUserInput(f"expected a UUID of version 4 or 7, got {message_id}", reason=Reason.ID_INVALID, field="id")


def _store(message_id: UUID, room_id: int, *, author: User, body: str, reply_to_id: UUID | None) -> Sent:
    body_html = render(body)
    salt = secrets.token_bytes(_SALT_BYTES)
    with turn_in(room_id, actor=author) as turn:
        turn.require_post()
        reply_to = _reply_target(turn.room, reply_to_id)
        message = Message(
            id=message_id,
            room=turn.room,
            author=author,
            body=body,
            body_html=body_html,
            reply_to=reply_to,
            thread_root_id=(reply_to.thread_root_id or reply_to.pk) if reply_to else None,
            digest_salt=salt,
            digest=_digest(salt, body=body, reply_to_id=reply_to_id),
        )
        if must_wait(message):
            message.status = Message.Status.HELD
        else:
            _take_place(message, turn)
        message.save(force_insert=True)
    return _outcome(message)


def must_wait(message: Message) -> bool:
    """Whether a moderator has to see the message before the room does. No rule says so yet."""
    return False


def _take_place(message: Message, turn: Turn) -> None:
    """Give the message the room's next seq and number."""
    event = turn.append(RoomEvent.MESSAGE_SENT, message.pk)
    turn.room.message_count += 1
    turn.room.save(update_fields=["message_count"])
    message.seq = message.version = event.seq
    message.number = turn.room.message_count
    message.created_at = event.created_at


def _reply_target(room: Room, reply_to_id: UUID | None) -> Message | None:
    if reply_to_id is None:
        return None
    target = Message.objects.filter(pk=reply_to_id, room=room, status=Message.Status.STORED).first()
    if target is None:
        raise BadUserInput("no such message in this room", reason=Reason.REPLY_ELSEWHERE, field="replyToId")
    if target.deleted_at is not None:
        raise BadUserInput("the message was deleted", reason=Reason.MESSAGE_DELETED, field="replyToId")
    return target


def edit_message(message_id: UUID, *, actor: User, body: str, op_id: UUID | None = None) -> Message:
    """Replace the text of the actor's own message. The same text again changes nothing.

    Raises:
        BadUserInput: the text can't be taken, or the message was deleted.
        Forbidden: it is somebody else's, or the actor may not write in the room now.
        NotFound: no such message, or one that the actor may not read.
    """
    body = normalise_body(body)
    fault = fault_of_body(body)
    body_html = "" if fault else render(body)
    with turn_in(room_of(message_id), actor=actor) as turn:
        message = message_in(turn, message_id)
        if operations.recall(actor, op_id, "edit_message", object_id=message_id) is not None:
            return message
        if message.author_id != actor.pk:
            raise Forbidden("only its author may edit a message", reason=Reason.NOT_ALLOWED)
        require_not_deleted(message)
        turn.require_post()
        if fault is not None:
            raise fault
        if body != message.body:
            event = turn.append(RoomEvent.MESSAGE_EDITED, message.pk)
            message.body = body
            message.body_html = body_html
            message.edited_at = event.created_at
            message.version = event.seq
            message.save(update_fields=["body", "body_html", "edited_at", "version"])
        operations.remember(actor, op_id, "edit_message", object_id=message_id)
    return message


def delete_message(message_id: UUID, *, actor: User, op_id: UUID | None = None) -> Message:
    """Leave a tombstone of the message: its words, their digest and its reactions are erased. Again changes nothing.

    Raises:
        Forbidden: the actor is neither its author nor a moderator or owner of the room nor staff who may delete.
        NotFound: no such message, or one that the actor may not read.
    """
    with turn_in(room_of(message_id), actor=actor) as turn:
        by_staff = removes_messages(actor)
        message = message_in(turn, message_id, readable=turn.readable or by_staff)
        if operations.recall(actor, op_id, "delete_message", object_id=message_id) is not None:
            return message
        if not (message.author_id == actor.pk or moderates(turn.membership) or by_staff):
            raise Forbidden("only its author or a moderator may delete a message", reason=Reason.NOT_ALLOWED)
        if message.deleted_at is None:
            _bury(message, turn)
        operations.remember(actor, op_id, "delete_message", object_id=message_id)
    return message


def _bury(message: Message, turn: Turn) -> None:
    event = turn.append(RoomEvent.MESSAGE_DELETED, message.pk)
    message.reactions.all().delete()
    message.body = message.body_html = ""
    message.digest = message.digest_salt = b""
    message.deleted_at = event.created_at
    message.version = event.seq
    message.save(update_fields=["body", "body_html", "digest", "digest_salt", "deleted_at", "version"])


def room_of(message_id: UUID) -> int:
    """The key of the room that the message is in, which never changes.

    Raises:
        NotFound: no such message.
    """
    room_id = Message.objects.filter(pk=message_id).values_list("room_id", flat=True).first()
    if room_id is None:
        raise message_unknown()
    return room_id


def message_in(turn: Turn, message_id: UUID, *, readable: bool | None = None) -> Message:
    """The message as it is in this turn.

    Raises:
        NotFound: the actor may not read it, or it is held and somebody else's.
    """
    message = Message.objects.select_related("author").get(pk=message_id)
    message.room = turn.room
    if not (turn.readable if readable is None else readable) or message.status != Message.Status.STORED:
        raise message_unknown()
    return message


def require_not_deleted(message: Message) -> None:
    if message.deleted_at is not None:
        raise BadUserInput("the message was deleted", reason=Reason.MESSAGE_DELETED, field="messageId")


def message_unknown() -> NotFound:
    """The one answer for messages that don't exist and messages that one may not know of."""
    return NotFound("there is no such message, or you may not read it", reason=Reason.MESSAGE_UNKNOWN)
