"""How far a person has read in a room."""

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from chat.actions import operations
from chat.actions.turns import require_active, room_unknown
from chat.events import UserEvent
from chat.models import Membership, Message, Room, User
from chat.reasons import Reason
from realtime import doorbell, log
from realtime.errors import Forbidden


def mark_read(room_id: int, *, actor: User, seq: int, op_id: UUID | None = None) -> Room:
    """Move the actor's marker forward to `seq`, at most to the room's newest event. It never moves back.

    Raises:
        Forbidden: the actor is no member.
        NotFound: no such room, or one that the actor may not read.
    """
    return _move(room_id, "mark_read", _forward, actor=actor, seq=seq, op_id=op_id)


def mark_unread(room_id: int, *, actor: User, seq: int, op_id: UUID | None = None) -> Room:
    """Move the actor's marker back to before `seq`: it and what follows are unread again.

    Raises:
        Forbidden: the actor is no member.
        NotFound: no such room, or one that the actor may not read.
    """
    return _move(room_id, "mark_unread", _back, actor=actor, seq=seq, op_id=op_id)


def _forward(membership: Membership, seq: int) -> int:
    return max(membership.last_read_seq, min(seq, membership.room.stream.last_seq))


def _back(membership: Membership, seq: int) -> int:
    return min(membership.last_read_seq, max(seq - 1, 0))


def _move(
    room_id: int, verb: str, place: Callable[[Membership, int], int], *, actor: User, seq: int, op_id: UUID | None
) -> Room:
    # The marker concerns one person: it is ordered by their own stream, and the room's is not held up.
    with log.writing(actor.stream_id) as stream:
        membership = _standing(room_id, actor)
        if operations.recall(actor, op_id, verb, object_id=room_id) is not None:
            return membership.room
        marker = place(membership, seq)
        if marker != membership.last_read_seq:
            forward = marker > membership.last_read_seq
            _put_marker(membership, marker)
            log.append(stream, UserEvent.READ_MARKER_MOVED, actor_id=actor.pk, object_id=room_id)
            if forward:
                # That somebody wants to read it again is nobody else's business.
                payload: dict[str, object] = {"kind": "read", "user": str(actor.pk), "seq": marker}
                transaction.on_commit(lambda: doorbell.pass_on(f"room:{room_id}", payload), robust=True)
        operations.remember(actor, op_id, verb, object_id=room_id)
    return membership.room


def _standing(room_id: int, actor: User) -> Membership:
    memberships = Membership.objects.select_related("room__stream", "user")
    membership = memberships.filter(room_id=room_id, user_id=actor.pk).first()
    require_active(actor, known=membership)
    if membership is not None:
        return membership
    if Room.objects.filter(pk=room_id, visibility=Room.Visibility.PUBLIC).exists():
        raise Forbidden("only members have a read marker", reason=Reason.NOT_A_MEMBER)
    raise room_unknown()


def _put_marker(membership: Membership, marker: int) -> None:
    before = Message.objects.filter(room_id=membership.room_id, seq__lte=marker).order_by("-seq")
    membership.last_read_seq = marker
    membership.read_message_count = before.values_list("number", flat=True).first() or 0
    # Mentions are not stored yet, so none can follow the marker.
    membership.mention_count = 0
    membership.version += 1
    membership.save(update_fields=["last_read_seq", "read_message_count", "mention_count", "version"])
