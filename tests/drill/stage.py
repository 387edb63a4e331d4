"""People who talk on one server through a network that can be damaged, and the record of it."""

import asyncio
import pathlib
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic
from typing import Any, TypeVar

from chat.drill.clients.answer import Data, Json
from chat.drill.clients.client import Person
from chat.drill.clients.contract import ContractClient, fresh
from chat.drill.clients.endpoint import Endpoint
from chat.drill.clients.outbox import Outbox
from chat.drill.clients.settings import Backoff, Settings
from chat.drill.history import Record, Recorder, RoomState
from chat.drill.network import Network, Path
from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.server import Server
from tests.parts.eventually import eventually
from tests.realtime.arranging import arrange

HURRIED = Settings(reconnecting=Backoff(0.05, 0.2), retrying=Backoff(0.05, 0.2), request_s=2.0, reread_s=0.0)

R = TypeVar("R", bound=Record)


class Memory(Recorder):
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, record: Record) -> None:
        self.records.append(record)

    def of(self, kind: type[R], **wanted: Any) -> list[R]:
        """The records of a kind whose fields have these values, in the order of time."""
        return [
            record
            for record in self.records
            if isinstance(record, kind) and all(getattr(record, name) == value for name, value in wanted.items())
        ]


@dataclass
class Stage:
    """Belongs to one test."""

    server: Server
    people: dict[str, Person]
    memory: Memory = field(default_factory=Memory)
    clients: list[ContractClient] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    """By the name of the client that goes this way."""

    def __post_init__(self) -> None:
        self.network = Network([(LOOPBACK, self.server.port)])
        self._random = Random()

    async def room(self, owner: str, *members: str, visibility: str = "PRIVATE") -> str:
        """A new room; its id."""
        create = "mutation ($input: CreateRoomInput!) { createRoom(input: $input) { room { id } } }"
        name = f"Room {self._random.random()} of {owner} {monotonic()}"
        made = await self.ask(owner, create, {"input": {"name": name, "visibility": visibility}})
        room = str(made["createRoom"]["room"]["id"])
        for member in members:
            await self.add(room, owner, member)
        return room

    async def add(self, room: str, actor: str, member: str) -> None:
        query = "mutation ($input: MemberInput!) { addMember(input: $input) { room { id } } }"
        await self.ask(actor, query, {"input": {"roomId": room, "userId": self.people[member].id}})

    async def remove(self, room: str, actor: str, member: str) -> None:
        query = "mutation ($input: MemberInput!) { removeMember(input: $input) { room { id } } }"
        await self.ask(actor, query, {"input": {"roomId": room, "userId": self.people[member].id}})

    async def kill_server(self) -> None:
        """A crash, and a start on the same port, while the clients go on."""
        await asyncio.to_thread(self.server.restart)

    async def put_back(self, backup: str) -> None:
        """A crash, a backup in the place of the database, and a start that nobody announces."""
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(_replace_sqlite, self._file, backup)
        await asyncio.to_thread(self.server.start)

    async def save(self) -> str:
        """A backup of the database; its path."""
        return await asyncio.to_thread(_save_sqlite, self._file)

    @property
    def _file(self) -> str:
        return self.server.env["DATABASE_URL"].removeprefix("sqlite:///")

    async def do(self, code: str) -> None:
        """Run code of the product on the server's database."""
        await asyncio.to_thread(self.server.python, code)

    async def until_quiet(self, room: str) -> None:
        """Wait until every client has said all, and has come as far as the room."""
        for client in self.clients:
            await eventually(partial(_has_said_all, client), what=f"{client.name} has sent all")
        head = (await self.fresh(self.clients[0].person.username))[room]["lastSeq"]
        for client in self.clients:
            await eventually(partial(_is_at, client, room, head), what=f"{client.name} has come to {head}")

    async def until_fresh(self, client: ContractClient, *rooms: str) -> None:
        """Wait until the client's state of the rooms is what a new one of the person fetches; the inbox may be late."""
        fresh = await self.fresh(client.person.username)
        wanted = {room: fresh[room] for room in rooms}

        def has_it() -> bool:
            return {room: client.rooms[room].state() for room in rooms} == wanted

        await eventually(has_it, what=f"{client.name} has what is there")

    async def ask(self, person: str, query: str, variables: Json) -> Json:
        """What the server answers, past the network."""
        endpoint = Endpoint(self.server.url, self.people[person].token, timeout_s=10)
        answer = await endpoint.execute(query, variables)
        await endpoint.close()
        assert isinstance(answer, Data), answer
        return answer.data

    async def client(
        self, person: str, *, name: str = "", outbox: Outbox | None = None, settings: Settings = HURRIED
    ) -> ContractClient:
        """A client that has started, on a path of its own."""
        client = await self.prepare(person, name=name, outbox=outbox, settings=settings)
        await client.start()
        return client

    async def prepare(
        self, person: str, *, name: str = "", outbox: Outbox | None = None, settings: Settings = HURRIED
    ) -> ContractClient:
        """A client that has not started."""
        name = name or person
        path = self.paths[name] = await self.network.open_path(name)
        client = ContractClient(
            f"http://{LOOPBACK}:{path.port}",
            self.people[person],
            name=name,
            path=name,
            outbox=outbox or Outbox(f"outbox of {name}"),
            settings=settings,
            random=Random(),
            recorder=self.memory,
        )
        self.clients.append(client)
        return client

    async def restart(self, client: ContractClient) -> ContractClient:
        another = await client.restart()
        self.clients[self.clients.index(client)] = another
        return another

    async def fresh(self, person: str) -> dict[str, RoomState]:
        return await fresh(self.server.url, self.people[person], random=Random(0))

    async def until_all_have(self, room: str, *messages: str) -> None:
        """Wait until every client knows these messages, has said all, and has come as far as the room."""
        for client in self.clients:
            await eventually(partial(_knows, client, room, set(messages)), what=f"{client.name} has all")
        await self.until_quiet(room)

    async def close(self) -> None:
        for client in self.clients:
            await client.stop()
        await self.network.close()


def _knows(client: ContractClient, room: str, wanted: set[str]) -> bool:
    return wanted <= set(client.messages(room))


def _is_at(client: ContractClient, room: str, seq: int) -> bool:
    return client.position(room) == seq


def _has_said_all(client: ContractClient) -> bool:
    return client.unsent == 0


def _save_sqlite(file: str) -> str:
    backup = f"{file}.backup"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    return backup


def _replace_sqlite(file: str, backup: str) -> None:
    for log in (f"{file}-wal", f"{file}-shm"):
        pathlib.Path(log).unlink(missing_ok=True)
    shutil.copyfile(backup, file)


def admit(server: Server, *names: str) -> dict[str, Person]:
    """Make people of these names, with an API token each."""
    community = arrange(server, *names)
    return {each.username: Person(each.id, each.username, each.token) for each in community.people}
