"""People, rooms and messages, made by the actions that make them in earnest."""

from itertools import count
from typing import Any

from chat.actions.members import add_member
from chat.actions.messages import send_message
from chat.actions.rooms import create_room
from chat.models import Message, Room, User

_numbers = count(1)


def person(username: str | None = None, **fields: Any) -> User:
    return User.objects.create_user(username or f"person{next(_numbers)}", **fields)


def room(owner: User, *members: User, name: str | None = None, **fields: Any) -> Room:
    made = create_room(author=owner, name=name or f"Room {next(_numbers)}", **fields)
    for member in members:
        add_member(made.pk, actor=owner, user_id=member.pk)
    return made


def said(place: Room, author: User, body: str = "A word", *, reply_to: Message | None = None) -> Message:
    sent = send_message(place.pk, author=author, body=body, reply_to_id=reply_to.pk if reply_to else None).message
    assert sent is not None
    return sent
