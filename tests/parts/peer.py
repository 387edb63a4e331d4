"""A client of graphql-transport-ws and of GraphQL over HTTP: it says what it is told to, also what none should."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

PROTOCOL = "graphql-transport-ws"
DEADLINE_S = 10.0
CSRF_TOKEN = "0123456789abcdefghijklmnopqrstuv"  # any 32 letters and digits: cookie and header only have to agree

SEND_MESSAGE = """
mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { status message { id seq version body } } }
"""
ROOM_EVENTS = """
subscription RoomFeed($roomId: ID!, $after: String) {
  roomEvents(roomId: $roomId, after: $after) {
    cursor
    event {
      __typename
      seq
      ... on MessageSent { message { id body } }
      ... on StreamReset { reason }
    }
  }
}
"""

Message = dict[str, Any]


class Peer:
    """One open WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.received: list[Message] = []

    async def say(self, message: object) -> None:
        """Send `message` as JSON."""
        await self.socket.send(json.dumps(message))

    async def say_raw(self, frame: str | bytes) -> None:
        await self.socket.send(frame)

    async def hear(self, within_s: float = DEADLINE_S) -> Message:
        """The next message.

        Raises:
            TimeoutError: none came in time.
            ConnectionClosed: the server has closed.
        """
        async with asyncio.timeout(within_s):
            message: Message = json.loads(await self.socket.recv())
        self.received.append(message)
        return message

    async def hear_until(self, condition: Callable[[Message], bool], within_s: float = DEADLINE_S) -> Message:
        """The next message that fulfils `condition`; those before it are in `received`."""
        async with asyncio.timeout(within_s):
            while True:
                message = await self.hear(within_s)
                if condition(message):
                    return message

    async def closed(self, within_s: float = DEADLINE_S) -> int:
        """The code with which the server closes; what it says before is in `received`.

        Raises:
            ConnectionResetError: it went away without a close frame.
        """
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self.received.append(json.loads(await self.socket.recv()))
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                raise ConnectionResetError("the connection was lost without a close frame") from closed
            return int(closed.rcvd.code)

    async def introduce(self, payload: object = None) -> None:
        """Send connection_init and hear connection_ack."""
        await self.say({"type": "connection_init"} | ({} if payload is None else {"payload": payload}))
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, query: str, *, operation: str = "1", **variables: object) -> None:
        """Start an operation without waiting for what comes of it."""
        await self.say({"type": "subscribe", "id": operation, "payload": {"query": query, "variables": variables}})

    async def follow(self, room_id: str, *, operation: str = "1", after: str | None = None) -> Message:
        """Subscribe to a room's events and wait for StreamReady, which is returned."""
        await self.subscribe(ROOM_EVENTS, operation=operation, roomId=room_id, after=after)
        return await self.hear_until(
            lambda message: message.get("id") == operation and kind_of(message) == "StreamReady"
        )

    async def execute(self, query: str, *, operation: str = "q", **variables: object) -> Message:
        """The payload of a query or a mutation."""
        await self.subscribe(query, operation=operation, **variables)
        answer = await self.hear_until(lambda message: message.get("id") == operation)
        assert answer["type"] == "next", answer
        assert await self.hear() == {"type": "complete", "id": operation}
        payload: Message = answer["payload"]
        return payload

    async def serves(self) -> None:
        """Assert that the connection is alive and has nothing else to say."""
        await self.say({"type": "ping"})
        assert await self.hear() == {"type": "pong"}

    async def until_seq(self, seq: int, within_s: float = DEADLINE_S) -> None:
        """Wait for the event of that seq."""
        await self.hear_until(lambda message: seq_of(message) == seq, within_s)

    def seqs(self, operation: str = "1") -> list[int]:
        """The seqs of the log's events that came, in their order."""
        found = [seq_of(message) for message in self.received if message.get("id") == operation]
        return [seq for seq in found if seq is not None]


@asynccontextmanager
async def connected(
    url: str,
    *,
    subprotocols: Sequence[str] = (PROTOCOL,),
    session: str | None = None,
    origin: str | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Peer]:
    """Open a WebSocket and leave it to the caller to speak; `options` go to websockets' `connect`."""
    cookies = {} if session is None else {"Cookie": f"sessionid={session}"}
    async with connect(
        url,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        origin=None if origin is None else Origin(origin),
        additional_headers={**cookies, **(headers or {})},
        compression=None,
        max_size=None,
        **options,
    ) as socket:
        yield Peer(socket)


@asynccontextmanager
async def introduced(url: str, token: str, **options: Any) -> AsyncIterator[Peer]:
    """Open a WebSocket and introduce oneself with an API token."""
    async with connected(url, **options) as peer:
        await peer.introduce({"authorization": f"Bearer {token}"})
        yield peer


def event_of(message: Message) -> Message | None:
    """The room event that a message carries."""
    if message.get("type") != "next":
        return None
    data = message["payload"]["data"] or {}
    event: Message | None = (data.get("roomEvents") or {}).get("event")
    return event


def kind_of(message: Message) -> str | None:
    event = event_of(message)
    return None if event is None else str(event["__typename"])


def seq_of(message: Message) -> int | None:
    """The seq of the log's event that a message carries; None for signs and whatever else."""
    event = event_of(message)
    return None if event is None or event["__typename"].startswith("Stream") else int(event["seq"])


def sending(room_id: str, body: str, message_id: str | None = None) -> Message:
    """The request that sends a message, named by a fresh UUID unless `message_id` names it."""
    given = {"id": message_id or str(uuid4()), "roomId": room_id, "body": body}
    return {"query": SEND_MESSAGE, "variables": {"input": given}}


def bearing(token: str) -> dict[str, str]:
    """The header that shows an API token."""
    return {"Authorization": f"Bearer {token}"}


def browsing(session: str, *, csrf: bool = True) -> dict[str, str]:
    """The headers with which a page of ours speaks for its session."""
    if not csrf:
        return {"Cookie": f"sessionid={session}"}
    return {"Cookie": f"sessionid={session}; csrftoken={CSRF_TOKEN}", "X-CSRFToken": CSRF_TOKEN}


async def send(
    client: httpx.AsyncClient, url: str, token: str, room_id: str, body: str, message_id: str | None = None
) -> int:
    """Send a message over HTTP and return the seq of its event.

    Raises:
        AssertionError: it was not stored.
    """
    response = await client.post(f"{url}/graphql", json=sending(room_id, body, message_id), headers=bearing(token))
    answer = response.json()
    assert "errors" not in answer, answer
    return int(answer["data"]["sendMessage"]["message"]["seq"])
