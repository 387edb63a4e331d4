"""Who may read, write and moderate. Everything here reads the database and nothing else.

An action asks inside its transaction, after it has locked the room's stream: then the answer is as the log's order has
it. Anybody else (pages, the schema, the hub) may ask at any time.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from chat.models import Membership, Message, Room, User
from chat.reasons import Reason
from realtime.errors import Forbidden, Refusal
from realtime.prepared import Parameter, Prepared, Several

_user_ids = Several("user_ids", BigIntegerField())
_active = Prepared(lambda: User.objects.filter(pk__in=_user_ids, is_active=True).values_list("pk", flat=True))
_active_members = Prepared(
    lambda: Membership.objects.filter(
        room_id=Parameter("room_id", BigIntegerField()), user_id__in=_user_ids, user__is_active=True
    ).values_list("user_id", flat=True)
)

_RANKS = {Membership.Role.MEMBER: 0, Membership.Role.MODERATOR: 1, Membership.Role.OWNER: 2}


def readable_rooms(user: User) -> QuerySet[Room]:
    """The rooms that `user` may read: public ones, and those it is a member of."""
    if not user.is_active:
        return Room.objects.none()
    return Room.objects.filter(readable_by(user.pk))


def readable_by(user_id: int | Parameter) -> Q:
    """That a room may be read by this person, who is active."""
    joined = Exists(Membership.objects.filter(room=OuterRef("pk"), user_id=user_id))
    return Q(visibility=Room.Visibility.PUBLIC) | Q(joined)


def can_read(user_id: int, room: Room) -> bool:
    """Whether this person may read the room now."""
    return user_id in who_may_read(room, [user_id])


def who_may_read(room: Room, user_ids: Iterable[int]) -> set[int]:
    """Those of `user_ids` who may read the room, in one query however many they are."""
    asked = list(user_ids)
    if not asked:
        return set()
    if room.visibility == Room.Visibility.PUBLIC:
        return set(_active(user_ids=asked))
    return set(_active_members(room_id=room.pk, user_ids=asked))


def membership_of(user_id: int, room: Room) -> Membership | None:
    """This person's standing in the room; None for somebody who is no member."""
    return Membership.objects.filter(room=room, user_id=user_id).first()


def refusal_to_post(room: Room, membership: Membership | None, *, now: datetime | None = None) -> Refusal | None:
    """What keeps the holder of `membership` from writing in the room; None where nothing does."""
    if membership is None:
        return Forbidden("join the room before writing in it", reason=Reason.NOT_A_MEMBER)
    if room.archived_at is not None:
        return Forbidden("the room is archived: it can be read, not written to", reason=Reason.ROOM_ARCHIVED)
    now = now or timezone.now()
    if membership.muted_until is not None and membership.muted_until > now:
        until = membership.muted_until
        return Forbidden(
            f"a moderator muted you in this room until {until.isoformat()}",
            reason=Reason.MUTED,
            retry_after=(until - now).total_seconds(),
        )
    return None


def can_post(user: User, room: Room) -> bool:
    """Whether this person may write in the room now."""
    return user.is_active and refusal_to_post(room, membership_of(user.pk, room)) is None


def moderates(membership: Membership | None) -> bool:
    """Whether the standing is that of a moderator or owner."""
    return membership is not None and membership.role in (Membership.Role.MODERATOR, Membership.Role.OWNER)


def owns(membership: Membership | None) -> bool:
    """Whether the standing is that of an owner."""
    return membership is not None and membership.role == Membership.Role.OWNER


def outranks(membership: Membership, other: Membership) -> bool:
    """Whether the one may remove or mute the other: owners everybody, moderators plain members."""
    return owns(membership) or _RANKS[Membership.Role(membership.role)] > _RANKS[Membership.Role(other.role)]


def can_moderate(user: User, room: Room) -> bool:
    """Whether this person looks after the room: its moderators and owners, and staff who may change rooms."""
    return user.is_active and (moderates(membership_of(user.pk, room)) or administers_rooms(user))


def can_delete(user: User, message: Message) -> bool:
    """Whether this person may delete the message: its author, the room's moderators, staff who may delete messages."""
    if not user.is_active:
        return False
    membership = membership_of(user.pk, message.room)
    readable = membership is not None or message.room.visibility == Room.Visibility.PUBLIC
    return (readable and message.author_id == user.pk) or moderates(membership) or removes_messages(user)


def administers_rooms(user: User) -> bool:
    """Whether this person is staff with the right to change rooms."""
    return user.is_staff and user.has_perm("chat.change_room")


def administers_people(user: User) -> bool:
    """Whether this person is staff with the right to change people: to ban, to end sessions."""
    return user.is_staff and user.has_perm("chat.change_user")


def removes_messages(user: User) -> bool:
    """Whether this person is staff with the right to delete messages."""
    return user.is_staff and user.has_perm("chat.delete_message")
