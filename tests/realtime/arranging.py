"""A room and its people on a running server, written by the actions in a process of its own."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chat.drill.parts.server import Server


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an API token and with two cookie sessions, as if logged in from two browsers."""

    id: str
    username: str
    token: str
    credential: str
    sessions: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Community:
    """A public room; everybody is a member, and the first owns it."""

    room_id: str
    people: tuple[Person, ...]


def arrange(server: Server, *names: str) -> Community:
    """Make people of these names, and a room of theirs."""
    code = f"from tests.realtime.arranging import settle; settle({list(names)!r})"
    made = json.loads(server.python(code))
    people = (Person(**{**given, "sessions": tuple(given["sessions"])}) for given in made["people"])
    return Community(room_id=made["room_id"], people=tuple(people))


def database_path(server: Server) -> Path:
    """Where its SQLite file is."""
    return Path(server.env["DATABASE_URL"].removeprefix("sqlite:///"))


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """No write to its SQLite file gets through."""
    with closing(sqlite3.connect(database_path(server), isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


def settle(names: list[str]) -> None:
    """Make them in this process's database and print what tests need to know of them."""
    from django.test import Client

    from chat.actions.members import add_member
    from chat.actions.rooms import create_room
    from chat.actions.tokens import create_token
    from chat.credentials import credential_of_token
    from chat.models import User

    users = [User.objects.create_user(name) for name in names]
    room = create_room(author=users[0], name=f"Room of {names[0]}")
    for user in users[1:]:
        add_member(room.pk, actor=users[0], user_id=user.pk)
    people = []
    for user in users:
        token, text = create_token(user, name="test")
        sessions = []
        for _ in range(2):
            browser = Client()
            browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            sessions.append(browser.cookies["sessionid"].value)
        people.append(
            {
                "id": str(user.pk),
                "username": user.username,
                "token": text,
                "credential": credential_of_token(token.pk),
                "sessions": sessions,
            }
        )
    print(json.dumps({"room_id": str(room.pk), "people": people}))
