"""What the templates of a room need to lay its messages out: days, runs by one person, moments in time."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Messages of one person that follow within this time stand under one name. The page's timeline.ts has the same.
RUN_LASTS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as the timeline shows it."""

    message: Mapping[str, Any]
    at: datetime
    day: date | None
    """Set where a new day begins."""
    begins_new: bool
    """Whether it is the first that the viewer has not read."""
    continues: bool
    """Whether it follows from the same person within `RUN_LASTS`, and so needs no name of its own."""
    mine: bool

    @property
    def clock(self) -> str:
        """The time of day in UTC; the page's script puts that of the reader's zone there."""
        return f"{self.at:%H:%M}"


@register.filter
def as_timeline(room: Mapping[str, Any], viewer: Mapping[str, Any] | None) -> Iterator[Entry]:
    """The room's messages in their order, as entries. Days are UTC's: the page's script knows the reader's zone."""
    previous: Entry | None = None
    new_after = _new_after(room["viewerMembership"])
    for message in room["messages"]["nodes"]:
        at = moment(message["createdAt"])
        begins_day = previous is None or previous.at.date() != at.date()
        author = message["author"]
        mine = author is not None and viewer is not None and author["id"] == viewer["id"]
        begins_new = new_after is not None and message["seq"] > new_after and not mine
        if begins_new:
            new_after = None
        entry = Entry(
            message=message,
            at=at,
            day=at.date() if begins_day else None,
            begins_new=begins_new,
            continues=(
                previous is not None
                and not begins_day
                and not begins_new
                and author is not None
                and _author_id(previous.message) == author["id"]
                and at - previous.at < RUN_LASTS
                and message["replyTo"] is None
                and previous.message["deletedAt"] is None
            ),
            mine=mine,
        )
        yield entry
        previous = entry


def _new_after(membership: Mapping[str, Any] | None) -> int | None:
    """The last seq that was read; None where nothing is new."""
    if membership is None or not membership["unreadCount"]:
        return None
    return int(membership["lastReadSeq"])


def _author_id(message: Mapping[str, Any]) -> str | None:
    return None if message["author"] is None else message["author"]["id"]


@register.filter
def as_json(data: Mapping[str, Any]) -> SafeString:
    """JSON that no HTML parser finds markup in, as `json_script` writes it: that one takes 4 ms for a room's page."""
    text = json.dumps(data, separators=(",", ":"))
    inert = text.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026")
    return mark_safe(inert)  # noqa: S308  (no character of markup is left in it)


@register.filter
def moment(text: str) -> datetime:
    """The moment that a DateTime of the API names."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@register.filter
def reacted(reaction: Mapping[str, Any], viewer: Mapping[str, Any] | None) -> bool:
    """Whether the viewer is among those who reacted."""
    return viewer is not None and any(user["id"] == viewer["id"] for user in reaction["users"])


@register.simple_tag
def quick_emoji() -> tuple[str, ...]:
    """The reactions that are one click away."""
    return ("👍", "❤️", "😄", "🎉", "🙏", "👀", "✅")


@register.simple_tag
def new_message_id() -> str:
    """Names the message a plain form is about to send, so that sending the form twice stores it once."""
    return str(uuid.uuid4())


@register.simple_tag
def message_limit() -> int:
    """The most characters a message may have."""
    return int(settings.MAX_MESSAGE_CHARS)
