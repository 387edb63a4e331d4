"""One WebSocket: graphql-transport-ws with its close codes. Subscriptions go to the hub.

The library keeps the handshake's messages, pings and the order of an operation's start and end; what it does with bad
input (raise: 1011 and a leaked consumer), with threads (a hop per message) and with subscriptions (an execution each)
is replaced here. Protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any, ClassVar

import channels_graphql_ws
from channels.exceptions import StopConsumer
from django.conf import settings
from django.db import DatabaseError
from graphql import OperationType

from realtime import documents, execution, log
from realtime.bounds import refuse_excess
from realtime.closing import CloseCode, without_1000s
from realtime.connections import RESTARTING, connections
from realtime.cursor import Cursor
from realtime.errors import RateLimited
from realtime.execution import encoded
from realtime.feed import Feed, PassingFeed, open_request
from realtime.hub import current_hub
from realtime.interface import Credentials, Principal, interface
from realtime.models import Event
from realtime.origins import is_trusted
from realtime.payloads import Request
from realtime.storable import refuse_unstorable
from realtime.strict_json import read_json
from realtime.threads import READING, REQUESTS, in_thread
from realtime.topic import Watch
from realtime.writer import AsgiWriter, Outlet, Writer

logger = logging.getLogger(__name__)

PROTOCOL = "graphql-transport-ws"
WRITER_EXTENSION = "todoku.writer"  # a server that has a better writer than ASGI's send offers it in the scope
MAX_OPERATION_ID_CHARS = 200  # it is repeated with every event


class State(Enum):
    OPENED = auto()  # accepted; connection_init is awaited
    INITIALISING = auto()  # connection_init came; who it is is being found out
    READY = auto()  # connection_ack went out: operations are served
    LEAVING = auto()  # the server ends: what was asked is answered, what comes now is for the next one
    CLOSED = auto()


class BadMessage(Exception):
    """What came is no message of the protocol."""


class Consumer(channels_graphql_ws.GraphqlWsConsumer):
    """A connection and its operations."""

    channel_layer_alias = ""  # none: only the hub touches the layer, or every socket would die with Redis
    schema: ClassVar[Any] = ()  # the library only asks that there be one; execution takes the interface's
    connection_init_wait_timeout = settings.REALTIME_INIT_TIMEOUT_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.state = State.OPENED
        self.principal: Principal | None = None
        self._graphql_ws_subprotocol = PROTOCOL
        self._operations: dict[str, Feed | PassingFeed | asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._watch: Watch | None = None
        self._shown: Credentials | None = None
        self._writer: Writer | None = None
        self._init_timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ ASGI messages

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without the library's hop to a thread for each message: nothing here holds a database connection."""
        match message["type"]:
            case "websocket.connect":
                await self.connect()
            case "websocket.receive":
                await self._receive(message.get("text"))
            case "websocket.disconnect":
                await self.disconnect(message.get("code"))
                raise StopConsumer

    async def connect(self) -> None:
        self.channel_name = ""
        make_writer = self.scope.get("extensions", {}).get(WRITER_EXTENSION)
        if PROTOCOL not in self.scope["subprotocols"]:
            await self.accept()
            await self.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE)
            return
        await self.accept(subprotocol=PROTOCOL)
        self._writer = make_writer(self._stalled) if make_writer else AsgiWriter(self.base_send)
        if refusal := connections.join(self):
            await self.close(*refusal)
            return
        limit_s = self.connection_init_wait_timeout
        self._init_timer = asyncio.get_running_loop().call_later(limit_s, self._init_is_late)

    async def disconnect(self, code: int | None) -> None:
        self._stop()
        for task in list(self._running):
            task.cancel()

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close once; what was said before goes out first."""
        if self.state is State.CLOSED:
            return
        writer = self._writer
        self._stop(keep_writer=True)
        if isinstance(writer, AsgiWriter):
            await writer.flushed()
        if writer is not None:
            writer.stop()
        known = code or CloseCode.TRY_AGAIN_LATER
        can = WRITER_EXTENSION in self.scope.get("extensions", {})
        await super().close(int(known if can else without_1000s(known)), reason)  # autobahn takes no enum

    async def leave(self, by: float) -> None:
        """Close for a restart of the server when what was asked is answered, or at `by` of the loop's time."""
        if self.state is State.READY:
            self.state = State.LEAVING
        while answering := [one for one in self._operations.values() if isinstance(one, asyncio.Task)]:
            left_s = by - asyncio.get_running_loop().time()
            if left_s <= 0 or not (await asyncio.wait(answering, timeout=left_s))[0]:
                break
        await self.close(*RESTARTING)

    def _stop(self, *, keep_writer: bool = False) -> None:
        """End all that this connection started."""
        self.state = State.CLOSED
        if self._init_timer is not None:
            self._init_timer.cancel()
        connections.part(self)
        for running in list(self._operations.values()):
            if isinstance(running, asyncio.Task):
                running.cancel()
            else:
                running.close()
        self._operations.clear()
        if self._watch is not None and self.principal is not None:
            current_hub().unwatch(self.principal.stream_id, self._watch)
            self._watch = None
        if self._writer is not None and not keep_writer:
            self._writer.stop()

    async def send_json(self, content: Mapping[str, Any], close: bool = False) -> None:
        """All that goes out, the library's messages too, takes the one writer, so its order is kept."""
        if self._writer is not None and self.state is not State.CLOSED:
            self._writer.send(encoded(content))

    def _stalled(self) -> None:
        """What waits for the peer has not been taken for too long."""
        limit_s = settings.REALTIME_STALL_TIMEOUT_S
        reason = f"what waited was not taken in {limit_s:g} s (REALTIME_STALL_TIMEOUT)"
        self._spawn_background_task(self.close(CloseCode.TRY_AGAIN_LATER, reason))

    def _spawn_background_task(self, awaitable: Awaitable[None]) -> "asyncio.Task[None]":
        """The library's keeps only weak references, and a task that nobody holds may vanish."""
        task = asyncio.ensure_future(awaitable)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    # ------------------------------------------------------------------ protocol messages

    async def _receive(self, text: str | None) -> None:
        """One frame from the peer. What isn't a message of the protocol closes the socket with 4400."""
        if self.state is State.CLOSED:
            return
        try:
            message = _message(text)
            await self._on_message(message["type"], message)
        except BadMessage as error:
            await self.close(CloseCode.BAD_REQUEST, str(error))
        except Exception:  # the border that keeps the server's own 1011, which clients take as final, off the wire
            logger.exception("a message could not be handled")
            await self.close(CloseCode.TRY_AGAIN_LATER)

    async def _on_message(self, kind: str, message: dict[str, Any]) -> None:
        match kind:
            case "connection_init":
                if self.state is not State.OPENED:
                    await self.close(CloseCode.TOO_MANY_INITIALISATIONS, "Too many initialisation requests")
                    return
                payload = message.get("payload")
                if payload is not None and not isinstance(payload, dict):
                    raise BadMessage("connection_init: payload must be an object")
                self.state = State.INITIALISING
                if self._init_timer is not None:
                    self._init_timer.cancel()
                self._spawn_background_task(self._initialise(payload or {}))
            case "ping":
                await self.send_json({"type": "pong"})
            case "pong":
                pass
            case "subscribe" if self.state is State.LEAVING:
                pass
            case "subscribe":
                if self.state is not State.READY:
                    await self.close(CloseCode.UNAUTHORIZED, "Unauthorized")
                    return
                await self._on_subscribe(_operation_id(message), _operation_payload(message))
            case "complete":
                await self._on_gql_complete(_operation_id(message))
            case _:
                raise BadMessage(f"unknown type {kind[:40]!r}")

    def _init_is_late(self) -> None:
        limit_s = self.connection_init_wait_timeout
        reason = f"Connection initialisation timeout: {limit_s:g} s (REALTIME_INIT_TIMEOUT)"
        self._spawn_background_task(self.close(CloseCode.INITIALISATION_TIMEOUT, reason))

    async def _initialise(self, payload: dict[str, Any]) -> None:
        """Find out who it is. Their stream is watched before the credential is checked a last time, so no end of it
        can fall between."""
        shown = self._credentials(payload)
        try:
            known = await in_thread(_authenticated, shown)
            if known is None:
                await self.close(CloseCode.FORBIDDEN if shown.authorization else CloseCode.UNAUTHORIZED)
                return
            principal, head = known
            if payload.get("viewer") not in (None, str(principal.viewer.pk)):
                # A page of somebody who has signed out meanwhile: it must not go on in the name of who came after.
                await self.close(CloseCode.UNAUTHORIZED, "somebody else is signed in")
                return
            if refusal := connections.introduce(self, principal.viewer.pk):
                await self.close(*refusal)
                return
            self.principal, self._shown = principal, shown
            watch = Watch(self._on_own_event, self._on_other_history)
            current_hub().watch(head, watch)
            self._watch = watch
            if await in_thread(interface().authenticate, shown) is None:
                await self.close(CloseCode.UNAUTHORIZED)
                return
        except Exception:
            logger.exception("a connection could not be initialised")
            await self.close(CloseCode.TRY_AGAIN_LATER)
            return
        if self.state is State.INITIALISING:
            await self._send_gql_connection_ack()
            self.state = State.READY
            self._spawn_background_task(self._note_introduction(principal))
        else:
            self._stop()

    async def _note_introduction(self, principal: Principal) -> None:
        try:
            await REQUESTS.run(interface().introduced, principal)
        except DatabaseError as error:
            logger.warning("an introduction could not be noted: %s", error)

    def _credentials(self, payload: dict[str, Any]) -> Credentials:
        headers = dict(self.scope["headers"])
        authorization = payload.get("authorization") or payload.get("Authorization")
        if authorization is None and b"authorization" in headers:
            authorization = headers[b"authorization"].decode("latin1")
        session_key = None
        if authorization is None and is_trusted(headers):
            session_key = _cookie(headers.get(b"cookie", b""), settings.SESSION_COOKIE_NAME)
        return Credentials(session_key, authorization if isinstance(authorization, str) else None)

    def _on_own_event(self, event: Event) -> None:
        """An event of this person's own stream; one of them is the end of the credential."""
        if self.principal is not None and (closing := interface().closes(event, self.principal.credential)):
            self._spawn_background_task(self.close(*closing))

    def _on_other_history(self) -> None:
        """An older backup is there, which may lack this credential or its end: find out who it is once more."""
        self._spawn_background_task(self._authenticate_again())

    async def _authenticate_again(self) -> None:
        if self._shown is None or self.principal is None:
            return
        try:
            principal = await in_thread(interface().authenticate, self._shown)
        except DatabaseError:
            await self.close(CloseCode.TRY_AGAIN_LATER)
            return
        if principal is None or principal.viewer.pk != self.principal.viewer.pk:
            await self.close(CloseCode.UNAUTHORIZED)

    # ------------------------------------------------------------------ operations

    async def _on_subscribe(self, operation_id: str, payload: dict[str, Any]) -> None:
        if operation_id in self._operations:
            await self.close(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
            return
        if len(self._operations) >= settings.REALTIME_MAX_OPERATIONS:
            limit = settings.REALTIME_MAX_OPERATIONS
            said = f"at most {limit} operations at once on a connection (REALTIME_MAX_OPERATIONS)"
            self._outlet(operation_id).error(_errors(RateLimited(said, reason="TOO_MANY_OPERATIONS")))
            return
        self._operations[operation_id] = self._spawn_background_task(self._start(operation_id, payload))

    async def _start(self, operation_id: str, payload: dict[str, Any]) -> None:
        outlet = self._outlet(operation_id)
        query, name, variables = payload["query"], payload.get("operationName"), payload.get("variables") or {}
        try:
            await outlet.writer.drained()  # one who doesn't read its answers gets no more of them
            known = documents.remembered(query, name)
            lane = READING if known and known.kind is OperationType.SUBSCRIPTION else REQUESTS
            answer = await lane.run(self._open, query, name, variables, current_hub().has_read)
            if isinstance(answer, bytes):
                outlet.next(answer)
                outlet.complete()
                return
            request, opening = answer
            feed = await current_hub().subscribe(request, opening, outlet)
            if operation_id in self._operations:  # else it has ended already
                self._operations[operation_id] = feed
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the border that keeps the connection alive; `refused` logs what is a bug
            outlet.error(_errors(error))

    def _open(self, query: str, name: str | None, variables: dict[str, Any], has_read: Callable[[Cursor], bool]) -> Any:
        """Runs in a worker thread: the whole of a query or mutation, or the opening of a subscription."""
        viewer = self._principal.viewer
        operation = documents.operation(query, name)
        refuse_excess(variables)
        operation.rows.refuse_excess(variables)
        refuse_unstorable(variables)
        if operation.kind is OperationType.SUBSCRIPTION:
            request = Request.of(operation, variables, viewer)
            return request, open_request(request, has_read)
        context = interface().personal_context(viewer)
        return encoded(execution.response(execution.run(operation, context=context, variables=variables)))

    async def _on_gql_complete(self, op_id: str) -> None:
        """The peer wants no more of it."""
        running = self._operations.pop(op_id, None)
        if isinstance(running, asyncio.Task):
            running.cancel()
        elif running is not None:
            running.close()

    @property
    def _principal(self) -> Principal:
        if self.principal is None:
            raise RuntimeError("operations are served after connection_init only")
        return self.principal

    def _outlet(self, operation_id: str) -> Outlet:
        if self._writer is None:
            raise RuntimeError("the connection was not accepted")
        return Outlet(self._writer, operation_id, partial(self._operations.pop, operation_id, None))


def _authenticated(shown: Credentials) -> tuple[Principal, Cursor] | None:
    """Who shows these, and where their own stream ends. Runs in a worker thread."""
    principal = interface().authenticate(shown)
    return None if principal is None else (principal, log.head(principal.stream_id))


def _message(text: str | None) -> dict[str, Any]:
    if text is None:
        raise BadMessage("expected a text frame, got a binary one")
    try:
        message = read_json(text)
    except ValueError as error:
        raise BadMessage("expected JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage("expected an object with a type")
    return message


def _operation_id(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise BadMessage(f"{message['type']}: id must be a string that isn't empty")
    if len(operation_id) > MAX_OPERATION_ID_CHARS:
        raise BadMessage(f"{message['type']}: id must have at most {MAX_OPERATION_ID_CHARS} characters")
    return operation_id


def _operation_payload(message: dict[str, Any]) -> dict[str, Any]:
    payload = message.get("payload")
    if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
        raise BadMessage("subscribe: payload must be an object with a query")
    for name, kind in (("operationName", str), ("variables", dict), ("extensions", dict)):
        if payload.get(name) is not None and not isinstance(payload[name], kind):
            raise BadMessage(f"subscribe: {name} is of the wrong type")
    return payload


def _errors(error: Exception) -> bytes:
    return json.dumps(execution.refused(error)["errors"]).encode()


def _cookie(header: bytes, name: str) -> str | None:
    try:
        morsel = SimpleCookie(header.decode("latin1")).get(name)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None
