"""Bring people into a room, take them out, give them roles, mute them."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from chat.actions import operations
from chat.actions.rooms import leave_room, require_open
from chat.actions.standing import end_membership, give_role, other_owners, start_membership
from chat.actions.turns import Turn, active_person, turn_in
from chat.models import Membership, Room, User
from chat.permissions import administers_rooms, moderates, outranks, owns
from chat.reasons import Reason
from realtime.errors import BadUserInput, Forbidden, NotFound


def add_member(room_id: int, *, actor: User, user_id: int, op_id: UUID | None = None) -> Room:
    """Make somebody a member. One who is a member already changes nothing.

    Into a public room every member may bring people; into a private one those who look after it.

    Raises:
        Forbidden: the actor may not bring people in, or the room is archived or direct.
        NotFound: no such person, no such room, or one that the actor may not read.
    """
    with turn_in(room_id, actor=actor) as turn:
        by_staff = administers_rooms(actor)
        if not by_staff:
            turn.require_readable()
        if operations.recall(actor, op_id, "add_member", object_id=_pair(room_id, user_id)) is not None:
            return turn.room
        turn.require_not_direct()
        open_to_members = turn.room.visibility == Room.Visibility.PUBLIC and turn.membership is not None
        if not (by_staff or moderates(turn.membership) or open_to_members):
            raise Forbidden("you may not bring people into this room", reason=Reason.NOT_ALLOWED)
        require_open(turn)
        person = active_person(user_id)
        if not Membership.objects.filter(room=turn.room, user=person).exists():
            turn.reach([person])
            start_membership(turn, person, role=Membership.Role.MEMBER)
            turn.tell()
        operations.remember(actor, op_id, "add_member", object_id=_pair(room_id, user_id))
    return turn.room


def remove_member(room_id: int, *, actor: User, user_id: int, op_id: UUID | None = None) -> Room:
    """Make somebody a member no longer; to remove oneself is to leave. One who is no member changes nothing.

    Moderators remove plain members, owners everybody.

    Raises:
        Forbidden: the actor may not remove this person, or the room is a direct one.
        NotFound: no such room, or one that the actor may not read.
    """
    if user_id == actor.pk:
        return leave_room(room_id, actor=actor, op_id=op_id)
    with turn_in(room_id, actor=actor) as turn:
        by_staff = administers_rooms(actor)
        if not by_staff:
            turn.require_readable()
        if operations.recall(actor, op_id, "remove_member", object_id=_pair(room_id, user_id)) is not None:
            return turn.room
        turn.require_not_direct()
        _require_moderator(turn, by_staff=by_staff)
        membership = _reached(turn, user_id)
        if membership is not None:
            _require_rank(turn, membership, by_staff=by_staff)
            end_membership(turn, membership)
            turn.tell()
        operations.remember(actor, op_id, "remove_member", object_id=_pair(room_id, user_id))
    return turn.room


def set_role(room_id: int, *, actor: User, user_id: int, role: str, op_id: UUID | None = None) -> Room:
    """Give a member another role. Owners do, and staff who may change rooms. The same role again changes nothing.

    Raises:
        BadUserInput: no such role.
        Forbidden: the actor is no owner, the room is a direct one, or it would be left without an owner.
        NotFound: no such member, no such room, or one that the actor may not read.
    """
    if role not in Membership.Role.values:
        raise BadUserInput(
            f"expected one of {', '.join(Membership.Role.values)}, got {role}", reason=Reason.ROLE_INVALID, field="role"
        )
    with turn_in(room_id, actor=actor) as turn:
        by_staff = administers_rooms(actor)
        if not by_staff:
            turn.require_readable()
        if operations.recall(actor, op_id, "set_role", object_id=_pair(room_id, user_id)) is not None:
            return turn.room
        turn.require_not_direct()
        if not (by_staff or owns(turn.membership)):
            raise Forbidden("only owners give roles", reason=Reason.NOT_ALLOWED)
        membership = _required(turn, user_id)
        if membership.role != role:
            if owns(membership) and not other_owners(membership).exists():
                raise Forbidden("make somebody else an owner first", reason=Reason.LAST_OWNER, field="role")
            give_role(turn, membership, role)
            turn.tell()
        operations.remember(actor, op_id, "set_role", object_id=_pair(room_id, user_id))
    return turn.room


def mute_member(room_id: int, *, actor: User, user_id: int, until: datetime | None, op_id: UUID | None = None) -> Room:
    """Keep a member from writing until then; None lets them write again. Moderators mute members, owners everybody.

    Raises:
        BadUserInput: `until` has passed already.
        Forbidden: the actor may not mute this person, or the room is a direct one.
        NotFound: no such member, no such room, or one that the actor may not read.
    """
    with turn_in(room_id, actor=actor) as turn:
        by_staff = administers_rooms(actor)
        if not by_staff:
            turn.require_readable()
        if operations.recall(actor, op_id, "mute_member", object_id=_pair(room_id, user_id)) is not None:
            return turn.room
        turn.require_not_direct()
        _require_moderator(turn, by_staff=by_staff)
        membership = _required(turn, user_id)
        _require_rank(turn, membership, by_staff=by_staff)
        if until is not None and until <= timezone.now():
            raise BadUserInput("expected a time to come", reason=Reason.TIME_INVALID, field="until")
        if membership.muted_until != until:
            membership.muted_until = until
            membership.version += 1
            membership.save(update_fields=["muted_until", "version"])
            turn.tell()
        operations.remember(actor, op_id, "mute_member", object_id=_pair(room_id, user_id))
    return turn.room


def _pair(room_id: int, user_id: int) -> str:
    """What an operation on a member is about: both keys have at most 19 digits."""
    return f"{room_id}/{user_id}"


def _reached(turn: Turn, user_id: int) -> Membership | None:
    """The person's membership, read after their own stream was locked; None where they have none."""
    person = User.objects.filter(pk=user_id, memberships__room=turn.room).first()
    if person is None:
        return None
    turn.reach([person])
    return Membership.objects.get(room=turn.room, user=person)


def _required(turn: Turn, user_id: int) -> Membership:
    membership = _reached(turn, user_id)
    if membership is None:
        raise NotFound("this person is no member of the room", reason=Reason.PERSON_UNKNOWN, field="userId")
    return membership


def _require_moderator(turn: Turn, *, by_staff: bool) -> None:
    if not (by_staff or moderates(turn.membership)):
        raise Forbidden("only those who look after the room may do this", reason=Reason.NOT_ALLOWED)


def _require_rank(turn: Turn, other: Membership, *, by_staff: bool) -> None:
    if not (by_staff or (turn.membership is not None and outranks(turn.membership, other))):
        raise Forbidden("this person's role is not below yours", reason=Reason.NOT_ALLOWED)
