"""Carries out what waits in an outbox, until the server has it or refuses it for good."""

import asyncio
from collections.abc import Callable
from random import Random
from time import monotonic

from chat.drill.clients.answer import Answer, Data, Json, Later, Refused, SignedOut
from chat.drill.clients.asking import Endpoint, SignedOutError
from chat.drill.clients.documents import MUTATIONS
from chat.drill.clients.outbox import REORDERING_OUTBOX, Operation, Outbox, Queue
from chat.drill.clients.settings import Settings
from chat.drill.clients.tasks import Tasks
from chat.drill.history import Recorder, Returned, Tried

Write = Callable[[Json], None]


class Sending:
    """One client's share in its outbox.

    Args:
        writer: asked at the beginning of each try; what it returns takes the message that the server answers with.
    """

    def __init__(
        self, outbox: Outbox, endpoint: Endpoint, tasks: Tasks, writer: Callable[[str], Write], *, settings: Settings,
        random: Random, recorder: Recorder,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._endpoint = endpoint
        self._tasks = tasks
        self._writer = writer
        self._settings = settings
        self._random = random
        self._recorder = recorder

    def start(self) -> None:
        self._outbox.new_queue.append(self._serve)
        for room in self._outbox.queues:
            self._serve(room)

    def stop(self) -> None:
        if self._serve in self._outbox.new_queue:
            self._outbox.new_queue.remove(self._serve)

    def _serve(self, room: str) -> None:
        self._tasks.start(self._send_all(self._outbox.queues[room]))

    async def _send_all(self, queue: Queue) -> None:
        while True:
            await queue.until_filled()
            async with queue.turn:
                while queue.waiting:
                    operation = self._first(queue.waiting)
                    await self._carry_out(operation)
                    queue.remove(operation)

    def _first(self, waiting: list[Operation]) -> Operation:
        reordering = REORDERING_OUTBOX in self._settings.bugs and len(waiting) > 1
        return waiting[1 if reordering else 0]

    async def _carry_out(self, operation: Operation) -> None:
        attempt = 0
        while True:
            match await self._try(operation):
                case Data() | Refused():
                    return
                case SignedOut():
                    raise SignedOutError
                case Later(retry_after=retry_after):
                    await asyncio.sleep((retry_after or 0.0) + self._settings.retrying.delay(attempt, self._random))
            attempt += 1

    async def _try(self, operation: Operation) -> Answer:
        write = self._writer(operation.room)
        self._recorder.add(Tried(monotonic(), self._outbox.name, operation.id))
        try:
            answer = await self._endpoint.execute(MUTATIONS[operation.mutation], {"input": operation.input})
        except asyncio.CancelledError:
            self._returned(operation, "unknown", code="closed")
            raise
        match answer:
            case Data(data):
                message: Json | None = data["answer"].get("message")
                if message is not None:
                    write(message)
                sent = operation.mutation == "sendMessage" and message is not None
                self._returned(operation, "stored", seq=message["seq"] if sent and message is not None else None)
            case Refused(code):
                self._returned(operation, "refused", code=code)
            case Later(cause, retry_after):
                self._returned(operation, "unknown", code=cause, retry_after=retry_after)
            case SignedOut():
                self._returned(operation, "unknown", code="UNAUTHENTICATED")
        return answer

    def _returned(
        self, operation: Operation, outcome: str, *, seq: int | None = None, code: str | None = None,
        retry_after: float | None = None,
    ) -> None:  # fmt: skip
        self._recorder.add(
            Returned(monotonic(), self._outbox.name, operation.id, outcome, seq, code, retry_after)
        )  # fmt: skip
