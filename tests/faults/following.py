"""A small client that keeps the promise: it follows a room through every cut, and sends until it is stored."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException

from chat.drill.clients.answer import Answer, Data, Later
from chat.drill.clients.endpoint import Endpoint
from tests.parts.eventually import eventually
from tests.parts.peer import SEND_MESSAGE, Peer, connected
from tests.realtime.arranging import Person

FOLLOW = """subscription($r:ID!,$a:String){roomEvents(roomId:$r,after:$a)
{cursor event{__typename seq ...on MessageSent{message{id body}} ...on StreamReset{reason}}}}"""

OPENING_S = 2.0
QUIET_S = 1.0  # then it asks whether the server is there, and so long it waits for a word
PAUSE_S = 0.05  # before it comes back
REQUEST_S = 10.0
RECOVERY_S = 20.0


class Follower:
    """One person's page that follows one room.

    Attributes:
        seqs, ids: of the events that came, in their order; the id where one is a message.
        arrived: when each seq came since the last reset, monotonic.
        resets: their reasons.
        codes: with which connections ended; None where there was no close frame.
        connections: how many got as far as StreamReady.
    """

    def __init__(self, url: str, token: str, room: str, *, after: str | None = None, lively: bool = True) -> None:
        """`lively`: whether it finds out by itself that nobody answers any more."""
        self.seqs: list[int] = []
        self.ids: list[str] = []
        self.arrived: dict[int, float] = {}
        self.resets: list[str] = []
        self.codes: list[int | None] = []
        self.connections = 0
        self.is_live = False
        self.cursor = after
        self._url = url.replace("http", "ws", 1) + "/graphql"
        self._token = token
        self._room = room
        self._running: asyncio.Task[None] | None = None
        self._quiet_s = QUIET_S if lively else None

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    def _came(self, seq: int) -> bool:
        """Whether the event is there.

        Raises:
            Exception: whatever has ended the follower.
        """
        if self._running is not None and self._running.done():
            self._running.result()
        return seq in self.arrived

    async def _run(self) -> None:
        """Come back for ever."""
        while True:
            with contextlib.suppress(OSError, TimeoutError, EOFError, WebSocketException):
                await self._live_once()
            self.is_live = False
            await asyncio.sleep(PAUSE_S)

    async def until_live(self) -> None:
        await eventually(lambda: self.is_live, within_s=RECOVERY_S, what="a live connection")

    async def until_seq(self, seq: int, within_s: float = RECOVERY_S) -> None:
        await eventually(lambda: self._came(seq), within_s=within_s, what=f"event {seq} of {self.seqs[-3:]}")

    async def _live_once(self) -> None:
        async with connected(self._url, open_timeout=OPENING_S, close_timeout=0.1, ping_interval=None) as peer:
            try:
                async with asyncio.timeout(OPENING_S):
                    await peer.introduce({"authorization": f"Bearer {self._token}"})
                await peer.subscribe(FOLLOW, r=self._room, a=self.cursor)
                await self._listen(peer)
            except ConnectionClosed as closed:
                self.codes.append(None if closed.rcvd is None else int(closed.rcvd.code))
            finally:
                peer.socket.transport.abort()

    async def _listen(self, peer: Peer) -> None:
        while True:
            try:
                async with asyncio.timeout(self._quiet_s):
                    message = await peer.hear(3600)
            except TimeoutError:
                await peer.say({"type": "ping"})
                async with asyncio.timeout(QUIET_S):
                    message = await peer.hear(3600)
            if message["type"] in ("error", "complete"):
                return
            if message["type"] == "next":
                self._take(message["payload"]["data"]["roomEvents"])
                peer.received.clear()

    def _take(self, payload: dict[str, Any]) -> None:
        event = payload["event"]
        self.cursor = payload["cursor"]
        match event["__typename"]:
            case "StreamReady":
                self.is_live = True
                self.connections += 1
            case "StreamReset":
                self.resets.append(event["reason"])
                self.arrived.clear()
            case kind:
                self.seqs.append(event["seq"])
                self.arrived[event["seq"]] = time.monotonic()
                if kind == "MessageSent":
                    self.ids.append(event["message"]["id"])


@asynccontextmanager
async def following(url: str, person: Person, room: str, **options: Any) -> AsyncIterator[Follower]:
    """A follower that is live."""
    follower = Follower(url, person.token, room, **options)
    follower.start()
    try:
        await follower.until_live()
        yield follower
    finally:
        await follower.stop()


class Sender:
    """Sends into one room, over HTTP."""

    def __init__(self, url: str, person: Person, room: str) -> None:
        self._endpoint = Endpoint(url, person.token, timeout_s=REQUEST_S)
        self._room = room
        self.refusals: list[Answer] = []  # all that said: come again

    async def try_once(self, body: str, message_id: str | None = None) -> Answer:
        given = {"id": message_id or str(uuid4()), "roomId": self._room, "body": body}
        return await self._endpoint.execute(SEND_MESSAGE, {"input": given})

    async def send(self, body: str, message_id: str | None = None) -> int:
        """Try until it is stored, and return its seq.

        Raises:
            AssertionError: the server said that it never will be.
        """
        message_id = message_id or str(uuid4())
        async with asyncio.timeout(RECOVERY_S):
            while not isinstance(answer := await self.try_once(body, message_id), Data):
                assert comes_again(answer), answer
                self.refusals.append(answer)
                await asyncio.sleep(PAUSE_S)
        return seq_in(answer)

    async def close(self) -> None:
        await self._endpoint.close()


def comes_again(answer: Answer) -> bool:
    """Whether the client is told to try once more."""
    return isinstance(answer, Later)


def seq_in(answer: Answer) -> int:
    assert isinstance(answer, Data), answer
    return int(answer.data["sendMessage"]["message"]["seq"])


@asynccontextmanager
async def sending(url: str, person: Person, room: str) -> AsyncIterator[Sender]:
    sender = Sender(url, person, room)
    try:
        yield sender
    finally:
        await sender.close()


async def ask(url: str, person: Person, query: str, **variables: object) -> Any:
    """The data of one query or mutation that succeeds."""
    headers = {"Authorization": f"Bearer {person.token}"}
    async with httpx.AsyncClient(timeout=REQUEST_S) as client:
        answer = await client.post(f"{url}/graphql", json={"query": query, "variables": variables}, headers=headers)
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def new_room(url: str, owner: Person, *members: Person) -> str:
    """A public room of these people."""
    create = "mutation($name: String!) { createRoom(input: {name: $name}) { room { id } } }"
    made = await ask(url, owner, create, name=f"Room {uuid4().hex[:8]}")
    room = str(made["createRoom"]["room"]["id"])
    for member in members:
        await ask(url, member, "mutation($r: ID!) { joinRoom(input: {roomId: $r}) { room { id } } }", r=room)
    return room
