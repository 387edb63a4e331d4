"""Send, edit and delete messages."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from django.db import IntegrityError, connection
from django.db.models import BigIntegerField

from chat.actions import operations
from chat.actions.turns import Turn, turn_in, turns_in
from chat.events import RoomEvent
from chat.models import Message, Room, User
from chat.permissions import moderates, removes_messages
from chat.reasons import Reason
from chat.rendering import render
from chat.texts import fault_of_body, normalise_body
from realtime import log
from realtime.errors import BadUserInput, Conflict, Forbidden, NotFound, Refusal
from realtime.gathering import Gathering
from realtime.prepared import Parameter, PreparedUpdate, insert_all

_count_messages = PreparedUpdate(
    lambda: Room.objects.filter(pk=Parameter("room_id", BigIntegerField())),
    message_count=Parameter("count", BigIntegerField()),
)

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
        RateLimited: the room is held up.
    """
    draft = _Draft(id or uuid4(), room_id, author, normalise_body(body), reply_to_id)
    try:
        draft.check()
        return _store(draft)
    except (IntegrityError, Forbidden, NotFound, BadUserInput):
        # It may have been stored before, or by another connection meanwhile: then this is a repeat, whatever it met.
        stored = Message.objects.filter(pk=draft.id).first()
        if stored is None:
            raise
        return draft.sent_as(stored)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message that has no place yet."""

    id: UUID
    room_id: int
    author: User
    body: str
    reply_to_id: UUID | None
    body_html: str = ""

    def check(self) -> None:
        """
        Raises:
            BadUserInput: the id or the text can't be taken.
        """
        if self.id.version not in _ID_VERSIONS:
            said = f"expected a UUID of version 4 or 7, got {self.id}"
            raise BadUserInput(said, reason=Reason.ID_INVALID, field="id")
        if (fault := fault_of_body(self.body)) is not None:
            raise fault

    def sent_as(self, stored: Message) -> Sent:
        """What became of it, where `stored` has its id.

        Raises:
            Conflict: that is another message.
        """
        same_place = stored.author_id == self.author.pk and stored.room_id == self.room_id
        # A deleted message keeps no digest: nothing of its text may remain.
        same_text = not stored.digest or hmac.compare_digest(
            bytes(stored.digest), self._digest(bytes(stored.digest_salt))
        )
        if not (same_place and same_text):
            raise Conflict("this id belongs to another message", reason=Reason.ID_TAKEN, field="id")
        return _outcome(stored)

    def message_in(self, turn: Turn) -> Message:
        """
        Raises:
            Refusal: its author may not write in the room, or what it replies to is not there.
        """
        turn.require_active()
        turn.require_post()
        reply_to = _reply_target(turn.room, self.reply_to_id)
        salt = secrets.token_bytes(_SALT_BYTES)
        return Message(
            id=self.id,
            room=turn.room,
            author=self.author,
            body=self.body,
            body_html=self.body_html,
            reply_to=reply_to,
            thread_root_id=(reply_to.thread_root_id or reply_to.pk) if reply_to else None,
            digest_salt=salt,
            digest=self._digest(salt),
        )

    def _digest(self, salt: bytes) -> bytes:
        # The reply's place is always 16 bytes, so no text can pass for another text with another reply.
        reply = self.reply_to_id.bytes if self.reply_to_id else bytes(16)
        return hashlib.sha256(salt + reply + self.body.encode(errors="surrogatepass")).digest()


def _outcome(message: Message) -> Sent:
    held = message.status == Message.Status.HELD
    return Sent(None if held else message, Message.Status(message.status))


def _store(draft: _Draft) -> Sent:
    rendered = replace(draft, body_html=render(draft.body))
    if connection.in_atomic_block:  # somebody's transaction: nobody else's messages belong into it
        (outcome,) = _store_together(draft.room_id, [rendered])
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome
    if connection.vendor == "postgresql":
        connection.close()  # gives it back to the pool: of those who share a transaction, one needs one
    return _sends.do(draft.room_id, rendered)


def _store_together(room_id: int, drafts: Sequence[_Draft]) -> list[Sent | Refusal]:
    """Store messages in one transaction, in their order; who is refused, alone is.

    Raises:
        IntegrityError: one of them is stored already.
    """
    outcomes: list[Sent | Refusal] = []
    messages = []
    with turns_in(room_id, actors=[draft.author for draft in drafts]) as turns:
        for draft, turn in zip(drafts, turns, strict=True):
            try:
                message = draft.message_in(turn)
            except Refusal as refusal:
                outcomes.append(refusal)
                continue
            message.status = Message.Status.HELD if must_wait(message) else Message.Status.STORED
            messages.append(message)
            outcomes.append(_outcome(message))
        take_places(turns[0], [message for message in messages if message.status == Message.Status.STORED])
        insert_all(messages)
    return outcomes


_sends: Gathering[int, _Draft, Sent] = Gathering(_store_together, alone_after=IntegrityError)


def must_wait(message: Message) -> bool:
    """Whether a moderator has to see the message before the room does. No rule says so yet."""
    return False


def take_places(turn: Turn, messages: Sequence[Message]) -> None:
    """Give the messages the room's next seqs and numbers."""
    if not messages:
        return
    sent = [log.Entry(RoomEvent.MESSAGE_SENT, message.author_id, message.pk) for message in messages]
    for message, event in zip(messages, log.append_all(turn.stream, sent), strict=True):
        turn.room.message_count += 1
        message.seq = message.version = event.seq
        message.number = turn.room.message_count
        message.created_at = event.created_at
    _count_messages(room_id=turn.room.pk, count=turn.room.message_count)


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
