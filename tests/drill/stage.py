"""People who talk on one server through a network that can be damaged, and the record of it."""

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

HURRIED = Settings(reconnecting=Backoff(0.05, 0.2), retrying=Backoff(0.05, 0.2), request_s=2.0)

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
        self._random = Random(1)

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
            random=Random(len(self.clients)),
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
        """Wait until every client knows these messages and has nothing left to send."""
        wanted = set(messages)
        for client in self.clients:
            await eventually(partial(_has, client, room, wanted), what=f"{client.name} has all and has sent all")

    async def close(self) -> None:
        for client in self.clients:
            await client.stop()
        await self.network.close()


def _has(client: ContractClient, room: str, wanted: set[str]) -> bool:
    return client.unsent == 0 and wanted <= set(client.messages(room))
