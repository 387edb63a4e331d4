"""How people and their rooms are called and shown, whether they come from a model or from the schema."""

from collections.abc import Mapping
from typing import Any

from django import template

from chat.models import User

register = template.Library()

AVATAR_HUES = 8

Person = User | Mapping[str, Any]


@register.filter
def hue(person: Person) -> int:
    """Which of the eight grounds an avatar stands on; people.ts has the same. Ids are odd, so they are halved first."""
    return int(person.pk if isinstance(person, User) else person["id"]) // 2 % AVATAR_HUES


@register.filter
def shown_name(person: Person) -> str:
    """What a person is called on pages: the display name, or else the username."""
    if isinstance(person, User):
        return person.shown_name
    return str(person["displayName"] or person["username"])


@register.filter
def initial(person: Person) -> str:
    """The letter in the person's avatar."""
    return shown_name(person)[:1].upper()


@register.filter
def room_name(room: Mapping[str, Any], viewer: Person | None) -> str:
    """A room's name; that of a direct room is its other members."""
    if room["name"]:
        return str(room["name"])
    viewer_id = str(viewer.pk) if isinstance(viewer, User) else viewer and viewer["id"]
    people = participants(room)
    others = [shown_name(person) for person in people if person["id"] != viewer_id]
    return ", ".join(others) or ", ".join(shown_name(person) for person in people)


@register.filter
def participants(room: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The people of a direct room, or of one that was asked for its members."""
    if "participants" in room:
        return list(room["participants"])
    return [edge["node"] for edge in room["members"]["edges"]]
