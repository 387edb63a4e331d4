"""The drill's own hands on its installation: a process that makes people and rooms, bans, and reads the log.

`python -m chat.drill.steward` reads a request a line, JSON, and answers each with a line. It stands on the drilled
database; the drill itself may run on the operator's.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from chat.drill.priority import go_as_usual

Json = dict[str, Any]


def migrate(**_: object) -> None:
    """Make the tables of a fresh database."""
    call_command("migrate", verbosity=0, interactive=False)


def furnish(*, people: list[str], rooms: list[Json]) -> Json:
    """Make people with an API token each, and rooms whose first member owns them.

    Args:
        rooms: name, visibility, and the usernames of the members.

    Returns:
        people by username as [id, token]; rooms by name as [id, stream].
    """
    from chat.actions import members, tokens
    from chat.actions.rooms import create_room
    from chat.models import User

    made = {name: User.objects.create_user(name) for name in people}
    places = {}
    for room in rooms:
        owner, *others = (made[name] for name in room["members"])
        place = create_room(author=owner, name=room["name"], visibility=room["visibility"])
        for person in others:
            members.add_member(place.pk, actor=owner, user_id=person.pk)
        places[room["name"]] = [str(place.pk), place.stream_id]
    admitted = {name: [str(person.pk), tokens.create_token(person, name="drill")[1]] for name, person in made.items()}
    return {"people": admitted, "rooms": places}


def ban(*, person: str) -> float:
    """Ban somebody; returns the time right after the commit."""
    from chat.actions import people

    people.ban(int(person), actor=None, reason="drill")
    return time.monotonic()


def end_token(*, token: str) -> float:
    """End an API token; returns the time right after the commit."""
    from chat.actions import tokens
    from chat.models import ApiToken

    tokens.revoke_token(ApiToken.objects.get(digest=ApiToken.digest_of(token)))
    return time.monotonic()


def log(*, rooms: list[str]) -> list[Json]:
    """All events and messages of the rooms, in the fields of `history.Logged`."""
    from chat.models import Message, Room
    from realtime.models import Event

    found = []
    for room in Room.objects.filter(pk__in=rooms):
        events = Event.objects.filter(stream_id=room.stream_id).order_by("seq")
        messages = Message.objects.filter(room=room, seq__isnull=False).values_list("pk", "seq")
        found.append(
            {
                "room": str(room.pk),
                "stream": room.stream_id,
                "events": [
                    [each.seq, str(each.cursor), each.kind, each.object_id, _text(each.actor_id), each.detail]
                    for each in events
                ],
                "messages": {str(key): seq for key, seq in messages},
            }
        )
    return found


def standing(*, rooms: list[str]) -> Json:
    """By room, [its last seq, ids of its members]."""
    from chat.models import Membership, Room

    found: Json = {str(room.pk): [room.stream.last_seq, []] for room in Room.objects.filter(pk__in=rooms)}
    for room, person in Membership.objects.filter(room__in=map(int, rooms)).values_list("room", "user"):
        found[str(room)][1].append(str(person))
    return found


def _text(key: int | None) -> str | None:
    return None if key is None else str(key)


TASKS: dict[str, Callable[..., object]] = {
    each.__name__: each for each in (migrate, furnish, ban, end_token, log, standing)
}


def answer(request: Json) -> Json:
    """Carry out one request; on another database where it names one: by its file (SQLite) or its name."""
    default = settings.DATABASES["default"]
    usual = default["NAME"]
    try:
        default["NAME"] = connections.settings["default"]["NAME"] = request.pop("database", usual)
        return {"done": TASKS[request.pop("do")](**request)}
    except Exception as error:
        # The border: whatever it was, the drill gets an answer and decides.
        return {"failed": f"{type(error).__name__}: {error}"}
    finally:
        # The next request finds the database as it is then: restarted, or put back.
        connections.close_all()
        default["NAME"] = connections.settings["default"]["NAME"] = usual


def main() -> int:
    go_as_usual()
    settings.DATABASES["default"].get("OPTIONS", {}).pop("pool", None)
    django.setup()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
