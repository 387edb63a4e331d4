"""What a person is told when something was refused: what happened, what is safe, what they can do."""

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chat.reasons import Reason
from realtime.errors import RateLimited, Refusal


def said(refusal: Refusal) -> str:
    """The refusal in the reader's language. What has no words of its own gets the general ones."""
    if isinstance(refusal, RateLimited):
        return _("That was very quick. Wait a moment, then try again.")
    try:
        reason = Reason(refusal.reason or "")
    except ValueError:
        return _("This can't be done.")
    return _said_of(reason, refusal)


def _said_of(reason: Reason, refusal: Refusal) -> str:
    match reason:
        case Reason.ROOM_UNKNOWN:
            return _("This room does not exist, or it is private.")
        case Reason.MESSAGE_UNKNOWN:
            return _("This message does not exist, or you may not read it.")
        case Reason.PERSON_UNKNOWN:
            return _("There is nobody of that name here.")
        case Reason.BANNED:
            return _("Your account is closed. A moderator of this place can say more.")
        case Reason.NOT_A_MEMBER:
            return _("Join the room to write in it.")
        case Reason.NOT_ALLOWED:
            return _("Your role here does not allow this.")
        case Reason.ROOM_ARCHIVED:
            return _("This room is archived: it can be read, but not written in.")
        case Reason.MUTED:
            return _muted(refusal)
        case Reason.LAST_OWNER:
            return _("A room needs an owner. Make somebody else an owner first.")
        case Reason.DIRECT_ROOM:
            return _("A direct room can't be changed. Start a new one instead.")
        case Reason.EMPTY_MESSAGE:
            return _("There is nothing in this message yet.")
        case Reason.BODY_TOO_LONG:
            return _("This message is too long: at most %(limit)s characters. Send it in parts.") % {
                "limit": f"{settings.MAX_MESSAGE_CHARS:,}"
            }
        case Reason.BODY_INVALID:
            return _("This text contains characters that can't be stored.")
        case Reason.REPLY_ELSEWHERE:
            return _("What you are replying to is in another room.")
        case Reason.MESSAGE_DELETED:
            return _("That message was deleted meanwhile.")
        case Reason.EMOJI_INVALID:
            return _("A reaction is one emoji.")
        case Reason.TOO_MANY_EMOJI:
            return _("This message has as many different reactions as it can hold.")
        case Reason.NAME_INVALID:
            return _("A name has 1 to 80 characters, on one line.")
        case Reason.TOPIC_INVALID:
            return _("A topic has at most 250 characters, on one line.")
        case Reason.SLUG_INVALID:
            return _("An address has letters, figures and hyphens, at most 80.")
        case Reason.SLUG_TAKEN:
            return _("There is a room with this address already.")
        case Reason.TOO_MANY_PEOPLE:
            return _("That is more people than a direct room holds. Create a private room instead.")
        case Reason.ID_TAKEN | Reason.ID_INVALID:
            return _("This form was sent once already. Your text is kept: send it again.")
        case _other:
            return _("This can't be done.")


def _muted(refusal: Refusal) -> str:
    minutes = max(1, round((refusal.retry_after or 0) / 60))
    return ngettext(
        "A moderator muted you here for another %(minutes)s minute. You can go on reading.",
        "A moderator muted you here for another %(minutes)s minutes. You can go on reading.",
        minutes,
    ) % {"minutes": minutes}
