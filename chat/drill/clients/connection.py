"""One WebSocket to the server (graphql-transport-ws), opened again for ever whenever it is lost.

Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from chat.drill import history
from chat.drill.clients.answer import Answer, Json, Later, Refused, SignedOut, answer_in, answer_to
from chat.drill.clients.settings import Settings
from chat.drill.clients.tasks import Tasks
from chat.drill.history import Recorder

_PROTOCOL = Subprotocol("graphql-transport-ws")
_UNAUTHORIZED, _FORBIDDEN = 4401, 4403  # every other code means: come back
_TRY_AGAIN_LATER = (1013, 4013)
_GOING_AWAY = 1001
_ABNORMAL = 1006  # there was no close frame

_STABLE_S = 2.0  # one that lasted shorter counts as a failed try, or a server that accepts and closes is hammered
_FULL_SERVER_ATTEMPT = 2
_CLOSING_S = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """The socket is gone."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The server has ended it."""


End = Cut | Completed | Later | Refused | SignedOut


class Operation:
    """One GraphQL operation on the present socket; it does not survive the socket."""

    __slots__ = ("_on_end", "_on_next", "_socket", "id")

    def __init__(
        self, socket: "_Socket", number: int, on_next: Callable[[Json], None], on_end: Callable[[End], None]
    ) -> None:
        self.id = str(number)
        self._socket = socket
        self._on_next = on_next
        self._on_end = on_end

    def close(self) -> None:
        """Want no more of it; nothing is called after this."""
        if self._socket.operations.pop(self.id, None) is self:
            self._socket.say({"type": "complete", "id": self.id})

    def heard(self, kind: str, payload: Any) -> None:
        """A message of the server about this operation."""
        match kind:
            case "next":
                self._on_next(payload)
            case "complete":
                self.end(Completed())
            case "error":
                answer = answer_to(payload)
                self.end(answer if isinstance(answer, Later | Refused | SignedOut) else Later("error"))

    def end(self, how: End) -> None:
        if self._socket.operations.pop(self.id, None) is self:
            self._on_end(how)


class Connection:
    """Connects from `start()` on; `connected` listeners are called each time the server has acknowledged.

    `stopped` listeners are called where it gives up for good: the person was banned or signed out.
    """

    def __init__(
        self, url: str, token: str, *, settings: Settings, random: Random, recorder: Recorder, client: str
    ) -> None:
        """`url`: of the server, as http, without the path."""
        self.connected: list[Callable[[], None]] = []
        self.stopped: list[Callable[[], None]] = []
        self._url = f"{url.replace('http', 'ws', 1)}/graphql"
        self._token = token
        self._settings = settings
        self._random = random
        self._recorder = recorder
        self._client = client
        self._socket: _Socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = False

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    def start(self, tasks: Tasks) -> None:
        self._task = tasks.start(self._run())

    def open(
        self, query: str, variables: Json, on_next: Callable[[Json], None], on_end: Callable[[End], None]
    ) -> Operation:
        """Begin an operation on the present socket.

        Raises:
            ConnectionError: there is none.
        """
        if self._socket is None:
            raise ConnectionError("there is no connection")
        return self._socket.open(query, variables, on_next, on_end)

    async def execute(self, query: str, variables: Json) -> Answer:
        """One try of a query or mutation; never raises but when cancelled."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def settle(answer: Answer) -> None:
            if not answered.done():
                answered.set_result(answer)

        def ended(how: End) -> None:
            settle(Later(type(how).__name__) if isinstance(how, Cut | Completed) else how)

        if self._socket is None:
            return Later("no connection")
        operation = self._socket.open(query, variables, lambda payload: settle(answer_in(payload)), ended)
        try:
            async with asyncio.timeout(self._settings.request_s):
                return await answered
        except TimeoutError:
            return Later("timeout")
        finally:
            operation.close()

    def give_up(self, code: int | None = None) -> None:
        """The server lets this person in no more: come back no more either."""
        if self._over:
            return
        self._over = True
        self._record("stopped", code)
        if self._socket is not None:
            self._socket.drop()
        for listener in self.stopped:
            listener()

    async def stop(self) -> None:
        """Close the socket, and come back no more."""
        self._over = True
        if self._task is None:
            return
        if self._socket is not None:
            await self._socket.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        attempt = 0
        while not self._over:
            began = monotonic()
            code = await self._live_once()
            attempt = 0 if monotonic() - began > _STABLE_S and code is not None else attempt + 1
            if code in _TRY_AGAIN_LATER:
                attempt = max(attempt, _FULL_SERVER_ATTEMPT)
            if code in (_UNAUTHORIZED, _FORBIDDEN):
                self.give_up(code)
                return
            await asyncio.sleep(self._settings.reconnecting.delay(attempt, self._random))

    async def _live_once(self) -> int | None:
        """One socket from opening to end; its close code, None where it was never opened."""
        try:
            async with asyncio.timeout(self._settings.opening_s):
                stream = await connect(
                    self._url,
                    subprotocols=[_PROTOCOL],
                    compression=None,
                    max_size=None,
                    ping_interval=None,
                    open_timeout=None,
                    close_timeout=_CLOSING_S,
                    proxy=None,
                )
        except (OSError, TimeoutError, WebSocketException, EOFError):
            return None
        socket = _Socket(stream, self._settings)
        try:
            if await self._introduce(stream):
                self._socket = socket
                self._record("connected")
                socket.watch()
                for listener in self.connected:
                    listener()
                await socket.listen()
        except ConnectionClosed:
            pass
        finally:
            socket.drop()
            code = _code_of(stream)
            if self._socket is socket:
                self._socket = None
                if not self._over and code not in (_UNAUTHORIZED, _FORBIDDEN):
                    self._record("lost", code)
            socket.cut()
        return code

    async def _introduce(self, stream: ClientConnection) -> bool:
        hello = {"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}}
        try:
            async with asyncio.timeout(self._settings.opening_s):
                await stream.send(json.dumps(hello))
                while json.loads(await stream.recv())["type"] != "connection_ack":
                    pass
        except TimeoutError:
            return False
        return True

    def _record(self, state: str, code: int | None = None) -> None:
        self._recorder.add(history.Connection(monotonic(), self._client, state, code))


class _Socket:
    """One socket after the handshake."""

    def __init__(self, stream: ClientConnection, settings: Settings) -> None:
        self.operations: dict[str, Operation] = {}
        self._stream = stream
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._opened = 0
        self._heard_at = monotonic()
        self._pinged = False
        self._timer: asyncio.TimerHandle | None = None
        self._saying: set[asyncio.Task[None]] = set()

    def open(
        self, query: str, variables: Json, on_next: Callable[[Json], None], on_end: Callable[[End], None]
    ) -> Operation:
        self._opened += 1
        operation = Operation(self, self._opened, on_next, on_end)
        self.operations[operation.id] = operation
        self.say({"type": "subscribe", "id": operation.id, "payload": {"query": query, "variables": variables}})
        return operation

    def say(self, message: Json) -> None:
        """In the order of the calls: tasks begin in the order in which they were made."""
        task = self._loop.create_task(self._say(json.dumps(message)))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _say(self, text: str) -> None:
        with suppress(ConnectionClosed):
            await self._stream.send(text)

    async def listen(self) -> None:
        """Hand on what comes.

        Raises:
            ConnectionClosed: always, in the end.
        """
        while True:
            message = json.loads(await self._stream.recv())
            self._heard_at = monotonic()
            self._pinged = False
            kind = message["type"]
            if kind == "ping":
                self.say({"type": "pong"})
            elif (operation := self.operations.get(message.get("id", ""))) is not None:
                operation.heard(kind, message.get("payload"))

    def watch(self) -> None:
        """Ask whether the server is there when it is silent, and give the socket up where it stays so."""
        limit = self._settings.pong_within_s if self._pinged else self._settings.ping_after_s
        left = self._heard_at + limit - monotonic()
        if left <= 0:
            if self._pinged:
                self.drop()
                return
            self._pinged = True
            self._heard_at = monotonic()
            self.say({"type": "ping"})
            left = self._settings.pong_within_s
        self._timer = self._loop.call_later(min(left, self._settings.ping_after_s), self.watch)

    async def close(self) -> None:
        """Say goodbye, as a page that goes away."""
        await self._stream.close(_GOING_AWAY)

    def drop(self) -> None:
        """Give the socket up without a word."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._saying:
            task.cancel()
        self._stream.transport.abort()

    def cut(self) -> None:
        """End what ran on it."""
        for operation in list(self.operations.values()):
            operation.end(Cut())


def _code_of(stream: ClientConnection) -> int:
    """The server's close code; 1006 where it sent none."""
    received = stream.protocol.close_rcvd
    return _ABNORMAL if received is None else int(received.code)
