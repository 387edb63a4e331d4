"""What the server tells a person of all their rooms, resumed after every cut."""

import asyncio
from collections.abc import Callable
from random import Random

from chat.drill.clients.answer import Json, Later, SignedOut
from chat.drill.clients.connection import Connection, Cut, End, Operation
from chat.drill.clients.documents import INBOX
from chat.drill.clients.settings import Settings


class Inbox:
    """Follows the person's own stream.

    Args:
        hear: takes each item that is about a room, or the InboxReset after which the rooms have to be fetched anew.
    """

    def __init__(
        self, connection: Connection, hear: Callable[[Json], None], *, settings: Settings, random: Random
    ) -> None:
        self._connection = connection
        self._hear = hear
        self._settings = settings
        self._random = random
        self._cursor: str | None = None
        self._operation: Operation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failures = 0
        connection.connected.append(self._open)

    def follow(self, cursor: str) -> None:
        """Begin after `cursor`."""
        self._cursor = cursor
        self._open()

    def stop(self) -> None:
        self._cursor = None
        self._close()

    def _open(self) -> None:
        if self._cursor is None or not self._connection.is_connected:
            return
        self._close()
        self._operation = self._connection.open(INBOX, {"after": self._cursor}, self._next, self._ended)

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._operation is not None:
            self._operation.close()
            self._operation = None

    def _ended(self, how: End) -> None:
        self._operation = None
        match how:
            case Cut() | SignedOut():
                return  # the connection comes back, or never will
            case Later(retry_after=retry_after):
                self._retry(retry_after)
            case _:
                self._retry(None)

    def _retry(self, after: float | None) -> None:
        self._close()
        delay = (after or 0.0) + self._settings.retrying.delay(self._failures, self._random)
        self._failures += 1
        self._timer = asyncio.get_running_loop().call_later(delay, self._open)

    def _next(self, payload: Json) -> None:
        data = payload.get("data")
        if payload.get("errors") or not data:
            self._retry(None)
            return
        self._failures = 0
        cursor, item = data["inbox"]["cursor"], data["inbox"]["item"]
        if cursor is not None:
            self._cursor = cursor
        if item is not None:
            self._hear(item)
