"""How a membership begins, ends and passes ownership on: what the actions on rooms and on members share."""

from django.db.models import QuerySet

from chat.actions.turns import Turn
from chat.events import RoomEvent
from chat.models import Membership, User


def start_membership(turn: Turn, person: User, *, role: str) -> Membership:
    """Make the person a member from now on: what was said before counts as read.

    Its version goes on above that of an earlier membership, each change of which was an event of the person's stream.
    The caller has reached the person, and tells them at the end.
    """
    event = turn.append(RoomEvent.MEMBER_JOINED, person.pk, role=str(role))
    return Membership.objects.create(
        room=turn.room,
        user=person,
        role=role,
        version=turn.own_stream(person).last_seq + 1,
        last_read_seq=event.seq,
        read_message_count=turn.room.message_count,
    )


def end_membership(turn: Turn, membership: Membership) -> None:
    """Make the person a member no longer. The caller has reached the person, and tells them at the end."""
    turn.append(RoomEvent.MEMBER_LEFT, membership.user_id)
    membership.delete()


def give_role(turn: Turn, membership: Membership, role: str) -> None:
    """Change the role of a member, read after its person was reached. The caller tells them at the end."""
    turn.append(RoomEvent.MEMBER_UPDATED, membership.user_id, role=str(role))
    membership.role = role
    membership.version += 1
    membership.save(update_fields=["role", "version"])


def heir_of(turn: Turn, leaving: Membership) -> User | None:
    """Who becomes the owner when this member leaves; None where another owner stays or nobody does.

    It is the moderator who has been there longest, or else the member who has.
    """
    if leaving.role != Membership.Role.OWNER or other_owners(leaving).exists():
        return None
    others = Membership.objects.filter(room=turn.room, user__is_active=True).exclude(pk=leaving.pk)
    by_age = others.select_related("user").order_by("joined_at", "pk")
    heir = by_age.filter(role=Membership.Role.MODERATOR).first() or by_age.first()
    return heir.user if heir else None


def other_owners(membership: Membership) -> QuerySet[Membership]:
    """The other owners of the same room who may still act."""
    owners = Membership.objects.filter(room_id=membership.room_id, role=Membership.Role.OWNER, user__is_active=True)
    return owners.exclude(pk=membership.pk)
