"""The people and rooms of a load test. They talk through the public contract; only who has no tokens for it makes
people in the database, and takes all that they leave away again."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chat.actions.tokens import create_token
from chat.drill.clients.answer import Data
from chat.drill.clients.endpoint import Endpoint
from chat.models import Room, User
from realtime.models import Stream

TIMEOUT_S = 30.0
_VIEWER = "{ viewer { id } }"
_CREATE_ROOM = "mutation($input: CreateRoomInput!) { createRoom(input: $input) { room { id } } }"
_ADD_MEMBER = "mutation($input: MemberInput!) { addMember(input: $input) { room { id } } }"
_ARCHIVE = "mutation($input: UpdateRoomInput!) { updateRoom(input: $input) { room { id } } }"


class ContractFailed(Exception):
    """The server did not do what a load test needs; the message has its answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """A room, and the tokens of its members; the first is the owner's."""

    room: str
    tokens: tuple[str, ...]


@contextmanager
def tokens_made(count: int) -> Iterator[list[str]]:
    """So many people, each with a token, who are gone afterwards with all that they have made."""
    mark = secrets.token_hex(4)
    people = [User.objects.create_user(f"loadtest-{mark}-{number}", password=None) for number in range(1, count + 1)]
    try:
        yield [create_token(person, name="load test")[1] for person in people]
    finally:
        _forget(people)


def _forget(people: Sequence[User]) -> None:
    rooms = list(Room.objects.filter(created_by__in=people))
    streams = [room.stream_id for room in rooms] + [person.stream_id for person in people]
    for room in rooms:
        room.messages.all().delete()
        room.delete()
    User.objects.filter(pk__in=[person.pk for person in people]).delete()
    Stream.objects.filter(pk__in=streams).delete()


async def rooms_of(url: str, tokens: Sequence[str], *, rooms: int, members: int) -> list[Place]:
    """Private rooms, each with so many of the people (all, where there are not so many).

    Raises:
        ContractFailed: the server did not make one.
    """
    ids = [(await _execute(url, token, _VIEWER))["viewer"]["id"] for token in tokens]
    places = []
    for number in range(rooms):
        first = number * members
        chosen = [(first + place) % len(tokens) for place in range(min(members, len(tokens)))]
        owner = tokens[chosen[0]]
        made = await _execute(url, owner, _CREATE_ROOM, name=f"Load test {number + 1}", visibility="PRIVATE")
        room = made["createRoom"]["room"]["id"]
        for person in chosen[1:]:
            await _execute(url, owner, _ADD_MEMBER, roomId=room, userId=ids[person])
        places.append(Place(room, tuple(tokens[person] for person in chosen)))
    return places


async def archive(url: str, places: Sequence[Place]) -> None:
    """Take the rooms out of everybody's way, where they can't be removed."""
    for place in places:
        await _execute(url, place.tokens[0], _ARCHIVE, roomId=place.room, archived=True)


async def _execute(url: str, token: str, query: str, **values: Any) -> dict[str, Any]:
    endpoint = Endpoint(url, token, timeout_s=TIMEOUT_S)
    try:
        answer = await endpoint.execute(query, {"input": values} if values else {})
    finally:
        await endpoint.close()
    if not isinstance(answer, Data):
        raise ContractFailed(f"{url}: {answer}")
    return answer.data
