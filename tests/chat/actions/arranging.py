"""Rooms and people for the tests of actions, and what the log says of them."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.db.models import Model

from chat.actions.members import set_role
from chat.actions.messages import send_message
from chat.actions.rooms import create_room, join_room
from chat.models import Membership, Message, Room, User
from realtime.errors import Refusal
from realtime.models import Event, Stream

_numbers = count(1)

Happening = tuple[str, int | None, str, dict[str, Any]]


def person(**fields: Any) -> User:
    """Somebody."""
    return User.objects.create(**({"username": f"person{next(_numbers)}"} | fields))


def admin() -> User:
    """A member of staff who may do everything."""
    return person(is_staff=True, is_superuser=True)


def room(*members: User, owner: User | None = None, **fields: Any) -> Room:
    """A room of these people: its owner is `owner`, or somebody who plays no part."""
    made = create_room(author=owner or person(), **({"name": f"Room {next(_numbers)}"} | fields))
    for member in members:
        enter(made, member)
    return made


def enter(room: Room, member: User) -> None:
    """Make the person a member, whatever the room's visibility."""
    visibility = room.visibility
    Room.objects.filter(pk=room.pk).update(visibility=Room.Visibility.PUBLIC)
    join_room(room.pk, actor=member)
    Room.objects.filter(pk=room.pk).update(visibility=visibility)


def promote(room: Room, member: User, role: str) -> None:
    """Give the member a role, as the room's owner would."""
    owner = Membership.objects.filter(room=room, role=Membership.Role.OWNER).select_related("user")[0].user
    set_role(room.pk, actor=owner, user_id=member.pk, role=role)


def said(room: Room, author: User, body: str = "Hello", **fields: Any) -> Message:
    """A message that was sent."""
    message = send_message(room.pk, author=author, body=body, **fields).message
    assert message is not None
    return message


def happened(stream: Stream, *, after: int = 0) -> list[Happening]:
    """What the log says came after `after`: kind, actor, object and detail of each event.

    The seqs are without a gap, or this fails.
    """
    events = list(Event.objects.filter(stream=stream, seq__gt=after).order_by("seq"))
    assert [event.seq for event in events] == list(range(after + 1, after + 1 + len(events)))
    assert Stream.objects.get(pk=stream.pk).last_seq == after + len(events)
    return [(event.kind, event.actor_id, event.object_id, event.detail) for event in events]


def head(stream: Stream) -> int:
    """The seq of the newest event."""
    return Stream.objects.get(pk=stream.pk).last_seq


def refused(do: Callable[..., object], *args: Any, **kwargs: Any) -> tuple[str, str | None, str | None]:
    """How the call is refused: code, reason and field."""
    with pytest.raises(Refusal) as caught:
        do(*args, **kwargs)
    return caught.value.code, caught.value.reason, caught.value.field


def rows() -> dict[str, list[dict[str, Any]]]:
    """All that is stored about rooms and what is in them: to say that nothing changed."""
    models: list[type[Model]] = [Stream, Event, Room, Membership, Message, User]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
