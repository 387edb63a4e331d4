"""An installation for a drill: its database, channel layer, server processes, and the network in front of them."""

import asyncio
import contextlib
import secrets
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from chat.drill.clients.client import Person
from chat.drill.database import Database, PostgresDatabase, SqliteDatabase
from chat.drill.hand import Steward
from chat.drill.history import Recorder
from chat.drill.history import Room as RoomRecord
from chat.drill.layer import Layer, RedisLayer, open_layer
from chat.drill.network import Network
from chat.drill.network import Path as NetworkPath
from chat.drill.orders import Orders
from chat.drill.parts import postgres
from chat.drill.parts import server as server_part
from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.server import Server
from chat.drill.server import BUG, FOLDER, NUMBER, WITHOUT

HISTORY = "history.jsonl"
DRAIN_S = 2.0  # over which a server that is told to end closes its WebSockets


@dataclass(frozen=True, slots=True)
class Setup:
    """What an installation is made of.

    Args:
        database: sqlite, postgres (a server is started), or the URL of a PostgreSQL server that runs.
        layer: memory, redis (a server is started), or the URL of a Redis that runs.
        pages: how many of the clients are the product's own.
        bug: a mistake that the servers make on purpose; empty for none.
        without: fast paths that the servers do without.
    """

    database: str = "sqlite"
    layer: str = "memory"
    processes: int = 1
    pages: int = 0
    bug: str = ""
    without: tuple[str, ...] = ()

    @property
    def database_kind(self) -> str:
        return "sqlite" if self.database == "sqlite" else "postgres"

    @property
    def layer_kind(self) -> str:
        return "memory" if self.layer == "memory" else "redis"

    @property
    def owns_postgres(self) -> bool:
        return self.database == "postgres"

    @property
    def owns_redis(self) -> bool:
        return self.layer == "redis"


@dataclass(frozen=True, slots=True)
class Place:
    """A room of the installation."""

    id: str
    stream: int
    name: str
    visibility: str
    members: list[str]  # usernames; the first one owns it


@dataclass(slots=True)
class Installation:
    """A running one. All of its processes end with `close()`."""

    setup: Setup
    folder: Path
    recorder: Recorder
    database: Database
    layer: Layer
    servers: list[Server]
    steward: Steward
    network: Network
    people: dict[str, Person] = field(default_factory=dict)  # by username
    rooms: list[Place] = field(default_factory=list)
    replaced: list[tuple[float, str]] = field(default_factory=list)
    """Databases that a backup took the place of: when, and what they are called now. Their logs are read in the end:
    with SQLite, who was writing in that moment still commits to the file that it had opened."""

    @property
    def histories(self) -> list[Path]:
        """What the server processes have recorded."""
        return [file for server in self.servers if (file := server.folder / HISTORY).exists()]

    def orders(self, server: int) -> Orders:
        return Orders(self.servers[server].folder)

    async def open_path(self, name: str) -> NetworkPath:
        """A way in for one client."""
        return await self.network.open_path(name)

    async def furnish(self, people: list[str], rooms: list[tuple[str, str, list[str]]]) -> None:
        """Make people, and rooms of name, visibility and members; the first member owns the room."""
        wanted = [{"name": name, "visibility": visibility, "members": members} for name, visibility, members in rooms]
        made = await self.steward.do("furnish", people=people, rooms=wanted)
        for name, (id_, token) in made["people"].items():
            self.people[name] = Person(id_, name, token)
        for name, visibility, members in rooms:
            id_, stream = made["rooms"][name]
            self.rooms.append(Place(id_, stream, name, visibility, members))
            ids = [self.people[member].id for member in members]
            self.recorder.add(RoomRecord(time.monotonic(), id_, visibility, ids))

    async def close(self) -> None:
        """End all that runs, and remove the database."""
        await self.network.close()
        await asyncio.gather(*(asyncio.to_thread(server.kill) for server in self.servers))
        await self.steward.stop()
        await asyncio.to_thread(_close_database, self.database)
        if isinstance(self.layer, RedisLayer):
            await self.layer.path.cut()
            if self.layer.redis.ours:
                await asyncio.to_thread(self.layer.redis.stop)


async def open_installation(setup: Setup, folder: Path, recorder: Recorder) -> Installation:
    """Start everything in `folder`, with a migrated database.

    Raises:
        PartFailedError: something did not start; the message says what, and what to do.
    """
    async with contextlib.AsyncExitStack() as undo:
        database = await asyncio.to_thread(_open_database, setup, folder)
        undo.push_async_callback(asyncio.to_thread, _close_database, database)
        layer = await open_layer(setup.layer, folder / "redis")
        if isinstance(layer, RedisLayer) and layer.redis.ours:
            undo.push_async_callback(asyncio.to_thread, layer.redis.stop)
        shared = {"database_url": database.url, "channel_layer_url": layer.url, "SECRET_KEY": secrets.token_urlsafe(64)}
        servers = [_prepare(folder / f"server-{number}", number, setup, shared) for number in range(setup.processes)]
        steward = await Steward.start(servers[0].env, folder / "steward.log")
        undo.push_async_callback(steward.stop)
        await steward.do("migrate")
        for server in servers:
            undo.push_async_callback(asyncio.to_thread, server.kill)
            await asyncio.to_thread(server.begin_start)
        await asyncio.gather(*(asyncio.to_thread(server.wait_until_ready) for server in servers))
        undo.pop_all()
    network = Network([(LOOPBACK, server.port) for server in servers], observe=recorder.add)
    return Installation(setup, folder, recorder, database, layer, servers, steward, network)


def _prepare(home: Path, number: int, setup: Setup, shared: dict[str, str]) -> Server:
    server = server_part.prepare(
        home,
        **shared,
        DEBUG="0",
        HTTPS="0",
        ALLOWED_HOSTS=LOOPBACK,
        REALTIME_DRAIN=str(DRAIN_S),
        **{FOLDER: str(home), NUMBER: str(number), BUG: setup.bug, WITHOUT: ",".join(setup.without)},
    )
    server.module = "chat.drill.server"
    Orders(home).prepare()
    return server


def _open_database(setup: Setup, folder: Path) -> Database:
    if setup.database_kind == "sqlite":
        return SqliteDatabase(folder / "database")
    if setup.owns_postgres:
        # Not in the drill's own folder, which nobody else may enter: the server runs as another user.
        return PostgresDatabase(postgres.start(Path(tempfile.gettempdir()) / f"todoku-postgres-{uuid.uuid4().hex}"))
    return PostgresDatabase(postgres.Postgres(url=setup.database, data=None))


def _close_database(database: Database) -> None:
    database.close()
    if isinstance(database, PostgresDatabase):
        database.server.stop()
