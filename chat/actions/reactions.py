"""Put emoji under messages, and take them away."""

from uuid import UUID

from chat.actions import operations
from chat.actions.messages import message_in, require_not_deleted, room_of
from chat.actions.turns import Turn, turn_in
from chat.emojis import one_emoji
from chat.events import RoomEvent
from chat.models import Message, Reaction, User
from chat.reasons import Reason
from realtime.errors import BadUserInput

# Different emoji under one message; how many people use each is not limited.
MAX_EMOJI_PER_MESSAGE = 30


def add_reaction(message_id: UUID, *, actor: User, emoji: str, op_id: UUID | None = None) -> Message:
    """Put the actor's emoji under the message. The same one again changes nothing.

    Raises:
        BadUserInput: not exactly one emoji, too many kinds of them, or the message was deleted.
        Forbidden: the actor may not write in the room.
        NotFound: no such message, or one that the actor may not read.
    """
    with turn_in(room_of(message_id), actor=actor) as turn:
        message = message_in(turn, message_id)
        if operations.recall(actor, op_id, "add_reaction", object_id=message_id) is None:
            turn.require_post()
            require_not_deleted(message)
            emoji = one_emoji(emoji)
            _require_space(message, emoji)
            _, added = Reaction.objects.get_or_create(message=message, user=actor, emoji=emoji)
            if added:
                _tell(turn, message, emoji=emoji, added=True)
            operations.remember(actor, op_id, "add_reaction", object_id=message_id)
    return message


def remove_reaction(message_id: UUID, *, actor: User, emoji: str, op_id: UUID | None = None) -> Message:
    """Take the actor's own emoji away. One that isn't there changes nothing.

    Raises:
        BadUserInput: not exactly one emoji, or the message was deleted.
        Forbidden: the actor may not write in the room.
        NotFound: no such message, or one that the actor may not read.
    """
    with turn_in(room_of(message_id), actor=actor) as turn:
        message = message_in(turn, message_id)
        if operations.recall(actor, op_id, "remove_reaction", object_id=message_id) is None:
            turn.require_post()
            require_not_deleted(message)
            emoji = one_emoji(emoji)
            removed, _ = Reaction.objects.filter(message=message, user=actor, emoji=emoji).delete()
            if removed:
                _tell(turn, message, emoji=emoji, added=False)
            operations.remember(actor, op_id, "remove_reaction", object_id=message_id)
    return message


def _tell(turn: Turn, message: Message, *, emoji: str, added: bool) -> None:
    message.version = turn.append(RoomEvent.REACTIONS_CHANGED, message.pk, emoji=emoji, added=added).seq
    message.save(update_fields=["version"])


def _require_space(message: Message, emoji: str) -> None:
    used = set(message.reactions.values_list("emoji", flat=True).distinct())
    if emoji not in used and len(used) >= MAX_EMOJI_PER_MESSAGE:
        raise BadUserInput(
            f"expected at most {MAX_EMOJI_PER_MESSAGE} different emoji under a message",
            reason=Reason.TOO_MANY_EMOJI,
            field="emoji",
        )
