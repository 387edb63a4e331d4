"""What a person did and the server may not know yet. It outlives the client, as a browser's storage outlives a page."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from chat.drill.clients.answer import Json

REORDERING_OUTBOX = "reordering-outbox"


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that a person did.

    Args:
        id: a message's own where it is sent, else the opId.
        mutation: its name.
    """

    id: str
    room: str
    mutation: str
    input: Json


class Queue:
    """The operations in one room, first in, first out.

    Who carries them out holds `turn` meanwhile: one client at a time, one operation at a time.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting: list[Operation] = []
        self._filled = asyncio.Event()

    def add(self, operation: Operation) -> None:
        self.waiting.append(operation)
        self._filled.set()

    def remove(self, operation: Operation) -> None:
        """The server has it, or never will."""
        self.waiting.remove(operation)
        if not self.waiting:
            self._filled.clear()

    async def until_filled(self) -> None:
        await self._filled.wait()


class Outbox:
    """In memory; shared by clients that stand for tabs of one browser, or for one page before and after a reload."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queues: dict[str, Queue] = {}
        self.new_queue: list[Callable[[str], None]] = []
        """Told the room of each queue that is new."""

    @property
    def size(self) -> int:
        return sum(len(queue.waiting) for queue in self.queues.values())

    def add(self, operation: Operation) -> None:
        if operation.room not in self.queues:
            self.queues[operation.room] = Queue()
            for listener in list(self.new_queue):
                listener(operation.room)
        self.queues[operation.room].add(operation)
