"""People, rooms and history for a browser test: written through the actions, in the server's own database.

`Arrange` runs in the test and calls the functions below it in a process of the server's installation.
"""

import json
from dataclasses import dataclass
from typing import Any

from chat.drill.parts.server import Server

PASSWORD = "kumo-no-ue-42"


@dataclass(frozen=True, slots=True)
class Community:
    """A room with its members; the first of them owns it."""

    slug: str
    room_id: str
    user_ids: dict[str, str]
    sessions: dict[str, str]
    """The session cookie of each."""


@dataclass(frozen=True, slots=True)
class Arrange:
    """Arranges what a test starts from, on one server."""

    server: Server

    def community(self, slug: str, *people: str, visibility: str = "PUBLIC", messages: int = 0) -> Community:
        """A new room with new members and so many messages of the first of them."""
        return Community(**self._call("make_community", slug, people, visibility, messages))

    def person(self, username: str, *, staff: bool = False) -> str:
        """The session cookie of a new person who is a member of nothing."""
        return str(self._call("make_person", username, staff))

    def session(self, user_id: str) -> str:
        """A new session of somebody who has logged out."""
        return str(self._call("new_session", user_id))

    def send(self, room_id: str, author_id: str, *bodies: str) -> None:
        self._call("send", room_id, author_id, bodies)

    def add(self, room_id: str, user_id: str, *, by: str) -> None:
        self._call("add", room_id, user_id, by)

    def remove(self, room_id: str, user_id: str, *, by: str) -> None:
        self._call("remove", room_id, user_id, by)

    def archive(self, room_id: str, *, by: str) -> None:
        self._call("archive", room_id, by)

    def stored(self, room_id: str) -> list[str]:
        """The bodies of the room's messages in the order of the log."""
        return [str(body) for body in self._call("stored", room_id)]

    def _call(self, name: str, *arguments: object) -> Any:
        code = f"from tests.browser.arranging import answer; answer({name!r}, {json.dumps(arguments)!r})"
        return json.loads(self.server.python(code))


def answer(name: str, arguments: str) -> None:
    """Call the function of that name and print what it returns as JSON."""
    print(json.dumps(globals()[name](*json.loads(arguments))))


def make_community(slug: str, people: list[str], visibility: str, messages: int) -> dict[str, object]:
    from chat.actions.members import add_member
    from chat.actions.rooms import create_room

    users = [_user(f"{name}-{slug}", name) for name in people]
    room = create_room(author=users[0], name=slug.capitalize(), slug=slug, visibility=visibility)
    for user in users[1:]:
        add_member(room.pk, actor=users[0], user_id=user.pk)
    send(str(room.pk), str(users[0].pk), [f"Message {number}" for number in range(1, messages + 1)])
    return {
        "slug": slug,
        "room_id": str(room.pk),
        "user_ids": {name: str(user.pk) for name, user in zip(people, users, strict=True)},
        "sessions": {name: _session(user) for name, user in zip(people, users, strict=True)},
    }


def make_person(username: str, staff: bool) -> str:
    return _session(_user(username, username, staff=staff))


def new_session(user_id: str) -> str:
    from chat.models import User

    return _session(User.objects.get(pk=user_id))


def send(room_id: str, author_id: str, bodies: list[str]) -> None:
    from chat.actions.messages import send_message
    from chat.models import User

    author = User.objects.get(pk=author_id)
    for body in bodies:
        send_message(int(room_id), author=author, body=body)


def add(room_id: str, user_id: str, by: str) -> None:
    from chat.actions.members import add_member
    from chat.models import User

    add_member(int(room_id), actor=User.objects.get(pk=by), user_id=int(user_id))


def remove(room_id: str, user_id: str, by: str) -> None:
    from chat.actions.members import remove_member
    from chat.models import User

    remove_member(int(room_id), actor=User.objects.get(pk=by), user_id=int(user_id))


def archive(room_id: str, by: str) -> None:
    from chat.actions.rooms import update_room
    from chat.models import User

    update_room(int(room_id), actor=User.objects.get(pk=by), archived=True)


def stored(room_id: str) -> list[str]:
    from chat.models import Message

    return list(Message.objects.filter(room_id=room_id).order_by("seq").values_list("body", flat=True))


def _user(username: str, display_name: str, *, staff: bool = False) -> Any:
    from chat.models import User

    return User.objects.create_user(
        username=username, password=PASSWORD, display_name=display_name.capitalize(), is_staff=staff, is_superuser=staff
    )


def _session(user: Any) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)
