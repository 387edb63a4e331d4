"""Installations that tests break: server processes that take orders, on a database and a channel layer of their own."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chat.drill.database import Database, PostgresDatabase, SqliteDatabase
from chat.drill.orders import Orders
from chat.drill.parts import postgres, redis
from chat.drill.parts import server as server_part
from chat.drill.parts.databases import SqliteDatabases, manage
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.redis import Redis
from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from chat.drill.server import FOLDER, NUMBER
from tests.hostile.inside import PORT_VARIABLE, Window
from tests.parts.proxy import Proxy
from tests.realtime.arranging import Person, arrange

LOCK_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class Site:
    """A running installation. `redis` and the way to it where it has one."""

    servers: list[Server]
    database: Database
    people: tuple[Person, ...]
    redis: Redis | None = None
    way_to_redis: Proxy | None = None

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [(LOOPBACK, server.port) for server in self.servers]

    @property
    def orders(self) -> list[Orders]:
        return [Orders(server.folder) for server in self.servers]


def drilled(folder: Path, number: int, *, database_url: str, channel_layer_url: str, **env: str) -> Server:
    """A server that takes orders, not started yet."""
    server = server_part.prepare(
        folder,
        database_url=database_url,
        channel_layer_url=channel_layer_url,
        **{FOLDER: str(folder), NUMBER: str(number), **env},
    )
    server.module = "chat.drill.server"
    return server


def _started(folder: Path, count: int, *, undo: ExitStack, **options: str) -> list[Server]:
    servers = [drilled(folder / f"server-{number}", number, **options) for number in range(count)]
    for server in servers:
        undo.callback(server.kill)
        server.begin_start()
    for server in servers:
        server.wait_until_ready()
    return servers


def migrated_sqlite(folder: Path, databases: SqliteDatabases) -> SqliteDatabase:
    """A fresh database in a folder of its own that is reached through a link."""
    database = SqliteDatabase(folder)
    shutil.copyfile(databases.create().removeprefix("sqlite:///"), database.file)
    return database


@contextmanager
def on_sqlite(folder: Path, databases: SqliteDatabases, *, processes: int) -> Iterator[Site]:
    """Processes that know of each other by the database alone."""
    with ExitStack() as undo:
        database = migrated_sqlite(folder / "database", databases)
        servers = _started(folder, processes, undo=undo, database_url=database.url, channel_layer_url="memory://")
        yield Site(servers, database, arrange(servers[0], "aiko", "ben").people)


@contextmanager
def on_postgres(folder: Path, *, processes: int) -> Iterator[Site]:
    """Processes on a PostgreSQL and a Redis that no other test uses."""
    with ExitStack() as undo:
        # Not in pytest's own folder, which the server's user cannot enter.
        server = postgres.start(Path(tempfile.gettempdir()) / f"todoku-postgres-{uuid.uuid4().hex}")
        undo.callback(server.stop)
        database = PostgresDatabase(server)
        (folder / "redis").mkdir()
        valkey = redis.start(folder / "redis")
        undo.callback(valkey.stop)
        way = Proxy(valkey.port or 0)
        undo.callback(way.close)
        url = f"redis://{LOOPBACK}:{way.port}/0"
        options = {
            "database_url": database.url,
            "channel_layer_url": url,
            "DATABASE_LOCK_TIMEOUT": str(LOCK_TIMEOUT_S),
        }
        manage("migrate", "--verbosity", "0", env=drilled(folder / "migrating", 0, **options).env)
        servers = _started(folder, processes, undo=undo, **options)
        yield Site(servers, database, arrange(servers[0], "aiko", "ben").people, valkey, way)


@dataclass(frozen=True, slots=True)
class Watched:
    """A server, and a window to its inside."""

    server: Server
    window: Window


@contextmanager
def watched(folder: Path, database_url: str, **env: str) -> Iterator[Watched]:
    """A server as operators run it, on a system that keeps little of what its peers don't read."""
    port = free_port()
    server = server_part.prepare(folder, database_url=database_url, **{PORT_VARIABLE: str(port)}, **env)
    server.module = "tests.hostile.watched"
    with ExitStack() as undo:
        undo.callback(server.kill)
        server.start()
        window: Window | None = until(lambda: _window(port), within_s=5, what="a window")
        assert window is not None
        undo.callback(window.close)
        yield Watched(server, window)


def _window(port: int) -> Window | None:
    try:
        return Window(port)
    except ConnectionRefusedError:
        return None
