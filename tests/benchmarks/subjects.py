"""What is measured: Todoku as operators run it, and its peers, each in a fresh process with a fresh store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from chat.drill.parts.databases import PostgresDatabases, SqliteDatabases
from chat.drill.parts.server import prepare
from chat.loadtest import wire
from chat.loadtest.scenarios import Cast
from chat.loadtest.server_processes import ServerProcesses
from tests.benchmarks.peers.processes import FLOORS, Peer, running

AS_IN_PRODUCTION = {
    "DEBUG": "0",
    "HTTPS": "0",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECRET_KEY": "of these benchmarks alone",
    "LOG_LEVEL": "WARNING",
}
SOCKETS_OF_ONE = 40
A_ROOM = "6197262956098692759"  # as long as an id of Todoku's
FRAME_BYTES = 848  # of Todoku, for a message of a load test
HELLO = wire.Line(b"hello", b"ready")


@dataclass(frozen=True, slots=True)
class Subject:
    """A running server and who talks to it."""

    cast: Cast
    processes: ServerProcesses
    pid: int


@contextmanager
def todoku(
    folder: Path,
    databases: SqliteDatabases | PostgresDatabases,
    *,
    clients: int,
    rooms: int = 1,
    over: str = "http",
    module: str = "config.server",
    **env: str,
) -> Iterator[Subject]:
    """Todoku on a database of its own, with people enough that none has too many connections."""
    server = prepare(folder, database_url=databases.create(), **(AS_IN_PRODUCTION | env))
    server.module = module
    members = clients // rooms
    count = max(2, -(-clients // SOCKETS_OF_ONE))
    settle = f"from tests.benchmarks.subjects import settle; settle({count}, {rooms}, {members})"
    places = json.loads(server.python(settle))
    server.start()
    try:
        sockets = [
            wire.listening(server.websocket_url.removesuffix("/graphql"), token=token, room=place["room"])
            for place in places
            for token in islice(cycle(place["tokens"]), members)
        ]
        url = server.url if over == "http" else server.url.replace("http", "ws")
        write = wire.sending if over == "http" else wire.sending_over_websocket
        letters = [write(url, token=place["tokens"][0], room=place["room"]) for place in places]
        yield Subject(Cast(sockets, letters), ServerProcesses([server.pid]), server.pid)
    finally:
        server.kill()


def settle(people: int, rooms: int, members: int) -> None:
    """Make people and rooms in this process's database, and print who is where."""
    from chat.actions.members import add_member
    from chat.actions.rooms import create_room
    from chat.actions.tokens import create_token
    from chat.models import User

    users = [User.objects.create_user(f"person-{number}", password=None) for number in range(people)]
    tokens = [create_token(user, name="benchmark")[1] for user in users]
    places = []
    for number in range(rooms):
        chosen = [(number * members + place) % people for place in range(min(members, people))]
        room = create_room(author=users[chosen[0]], name=f"Room {number}", visibility="PRIVATE")
        for person in chosen[1:]:
            add_member(room.pk, actor=users[chosen[0]], user_id=users[person].pk)
        places.append({"room": str(room.pk), "tokens": [tokens[person] for person in chosen]})
    print(json.dumps(places))


@contextmanager
def peer(name: str, folder: Path, *, clients: int) -> Iterator[Subject]:
    """One of the peers: `apollo`, `stock`, `ws` or `websockets`."""
    with running(name, folder) as process:
        cast = _floor(process, clients) if name in FLOORS else _graphql(process, clients)
        yield Subject(cast, ServerProcesses([process.pid]), process.pid)


def _graphql(process: Peer, clients: int) -> Cast:
    listening = wire.listening(process.websocket_url.removesuffix("/graphql"), token="-", room=A_ROOM)
    return Cast([listening] * clients, [wire.sending(process.url, token="-", room=A_ROOM)])


def _floor(process: Peer, clients: int) -> Cast:
    head, tail = b'{"id":"1","type":"next","payload":{"data":"', b'"}}'
    body = b"message 1, of an ordinary length, %s%s" % (wire.SENT_AT, b"0" * wire.DIGITS)
    text = head + wire.BODY + b"." * (FRAME_BYTES - len(head) - len(body) - len(tail)) + tail
    listening = wire.Socket(process.websocket_url, (HELLO,), subprotocol=None)
    return Cast([listening] * clients, [wire.Letter(process.send_url, text, None, lines=(), subprotocol=None)])
