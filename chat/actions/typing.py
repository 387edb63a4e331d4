"""That somebody is typing: passed on, never kept."""

from chat.actions.turns import require_active, room_unknown
from chat.models import Membership, Room, User
from chat.permissions import refusal_to_post
from realtime import doorbell


def set_typing(room_id: int, *, actor: User, typing: bool) -> Room:
    """Tell the room that the actor is typing, or no longer is.

    Raises:
        Forbidden: the actor may not write in the room.
        NotFound: no such room, or one that the actor may not read.
    """
    room = Room.objects.filter(pk=room_id).first()
    membership = Membership.objects.filter(room_id=room_id, user_id=actor.pk).select_related("user").first()
    require_active(actor, known=membership)
    if room is None or (membership is None and room.visibility != Room.Visibility.PUBLIC):
        raise room_unknown()
    if (refusal := refusal_to_post(room, membership)) is not None:
        raise refusal
    doorbell.pass_on(f"room:{room_id}", {"kind": "typing", "user": str(actor.pk), "typing": typing})
    return room
