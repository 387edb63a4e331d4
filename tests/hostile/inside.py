"""What a server process has inside, counted after a garbage collection: nothing of an attack may stay there."""

import json
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, fields

from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.waiting import until

PORT_VARIABLE = "HOSTILE_INSIDE_PORT"
ANSWER_LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class Inside:
    """How many there are of what a peer can make a server hold.

    Args:
        requests: HTTP requests and WebSockets that daphne knows of, also those that have ended and aren't cleared away.
        connections: open TCP connections, also those that haven't said anything yet.
        queued: messages of peers that wait to be handled.
        unsent_bytes: what peers haven't taken yet.
        work: what waits for one of the worker threads.
    """

    tasks: int
    consumers: int
    feeds: int
    topics: int
    requests: int
    connections: int
    queued: int
    unsent_bytes: int
    work: int

    def __str__(self) -> str:
        return " ".join(f"{name}={number}" for name, number in asdict(self).items())

    def beyond(self, before: "Inside") -> str:
        """What there is more of than before; empty where there is nothing."""
        more = {each.name: getattr(self, each.name) - getattr(before, each.name) for each in fields(self)}
        return " ".join(f"{name}+{number}" for name, number in more.items() if number > 0)


class Window:
    """A connection to the inside of a server that was started as `python -m tests.hostile.watched`."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._answers = self._socket.makefile("r", encoding="utf-8")

    def inside(self) -> Inside:
        return Inside(**json.loads(self._ask("inside")))

    def cpu_s(self) -> float:
        """Seconds of CPU that the process has used so far."""
        return float(self._ask("cpu"))

    def held(self) -> dict[str, int]:
        """What there is of connections, garbage included, by its type; the server collects none from now on."""
        found: dict[str, int] = json.loads(self._ask("held"))
        return found

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def _ask(self, what: str) -> str:
        self._socket.sendall(f"{what}\n".encode())
        return self._answers.readline()


def _connected(port: int) -> socket.socket:
    """A connection, also where the server already serves others and opens its window a moment later."""
    opened: list[socket.socket] = []

    def is_open() -> bool:
        with suppress(ConnectionRefusedError):
            opened.append(socket.create_connection((LOOPBACK, port), timeout=ANSWER_LIMIT_S))
        return bool(opened)

    until(is_open, within_s=ANSWER_LIMIT_S, what="The window to the server's inside")
    return opened[0]
