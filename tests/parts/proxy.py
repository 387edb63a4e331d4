"""A network between one browser and a server that a test can damage, from synchronous code."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from chat.drill.network import Network
from chat.drill.parts.ports import LOOPBACK

T = TypeVar("T")


class Proxy:
    """One path of a network, in front of one server. Its event loop runs in a thread."""

    def __init__(self, target_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy:{target_port}", daemon=True)
        self._thread.start()
        self._network = Network([(LOOPBACK, target_port)])
        self._path = self._run(lambda: self._network.open_path("the only one"))
        self.port = self._path.port

    @property
    def url(self) -> str:
        """Where a browser finds the server through this network."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Where a client finds graphql-transport-ws through this network."""
        return f"ws://{LOOPBACK}:{self.port}/graphql"

    @property
    def connections(self) -> int:
        """How many connections are open through it."""
        return self._path.open_connections

    @property
    def opened(self) -> int:
        """How many connections have been opened through it so far."""
        return self._path.traffic.opened

    def cut(self) -> None:
        """Reset every connection and refuse new ones until `restore()`."""
        self._run(self._path.cut)

    def reset_connections(self) -> None:
        """Reset every connection once; new ones pass."""

        async def reset() -> None:
            self._path.reset_connections()

        self._run(reset)

    def stall(self) -> None:
        """Swallow all bytes in both directions while connections stay open, until `restore()`."""
        self._run(self._path.stall)

    def lose_answers(self) -> None:
        """Let requests through and swallow what the server answers, until `restore()`."""
        self._run(self._path.lose_answers)

    def restore(self) -> None:
        """Let everything pass again. Connections that lost bytes are reset: they could only go on garbled."""
        self._run(self._path.restore)

    def close(self) -> None:
        """Stop the proxy for good."""
        self._run(self._network.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(timeout=10)
