"""The drilled installation's channel layer: in memory, or a Redis behind a path that can be damaged."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from chat.drill.network import Network
from chat.drill.network import Path as NetworkPath
from chat.drill.parts import redis
from chat.drill.parts.ports import LOOPBACK

REDIS_PORT = 6379


class Layer(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class MemoryLayer:
    """Within one process; several processes of a drill then know of each other by the sweep alone."""

    kind: str = "memory"
    url: str = "memory://"


@dataclass(frozen=True, slots=True)
class RedisLayer:
    """A server of our own, or one that was given to us."""

    redis: redis.Redis
    path: NetworkPath
    kind: str = "redis"

    @property
    def url(self) -> str:
        """As the processes know it: through the path."""
        parts = urlsplit(self.redis.url)
        login = parts.netloc.rpartition("@")[0]
        place = f"{LOOPBACK}:{self.path.port}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}" if login else place))


async def open_layer(wanted: str, folder: Path) -> Layer:
    """The layer for `memory`, for `redis` (a server is started), or for the URL of one that runs.

    Raises:
        PartFailedError: it does not start, or does not answer.
    """
    if wanted == "memory":
        return MemoryLayer()
    server = await asyncio.to_thread(_server, wanted, folder)
    parts = urlsplit(server.url)
    network = Network([(parts.hostname or LOOPBACK, parts.port or REDIS_PORT)])
    return RedisLayer(server, await network.open_path("layer"))


def _server(wanted: str, folder: Path) -> redis.Redis:
    folder.mkdir(parents=True, exist_ok=True)
    if wanted == "redis":
        return redis.start(folder)
    server = redis.Redis(url=wanted, port=None, folder=None)
    server.start()
    return server
