"""What clients of a load test say over the wire, as texts with gaps that are filled in when they are said."""

import json
from dataclasses import dataclass

AFTER, BODY, ID = b"$AFTER", b"$BODY", b"$ID"  # the gaps
SENT_AT = b"sent at "  # what stands before the time of the send, in ns of the monotonic clock, in each body
DIGITS = 19
PROTOCOL = "graphql-transport-ws"

FEED = """subscription RoomFeed($roomId: ID!, $after: String) {
  roomEvents(roomId: $roomId, after: $after) {
    __typename cursor
    event {
      __typename roomId seq at
      actor { ...UserParts }
      ... on MessageSent { message { ...MessageParts } }
      ... on MessageEdited { message { ...MessageParts } }
      ... on MessageDeleted { message { ...MessageParts } }
      ... on ReactionsChanged { emoji added message { ...MessageParts } }
      ... on MemberJoined { member { ...UserParts } }
      ... on MemberLeft { member { ...UserParts } }
      ... on StreamReset { reason }
    }
  }
}
fragment UserParts on User { __typename id version username displayName avatarUrl }
fragment MessageParts on Message {
  __typename id roomId seq version author { ...UserParts } body bodyHtml createdAt editedAt deletedAt threadRootId
  replyTo { __typename id seq author { ...UserParts } body }
  reactions { __typename emoji count users { ...UserParts } }
}"""
SEND = """mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { status message { id seq } } }"""


@dataclass(frozen=True, slots=True)
class Line:
    """One message to a server, and what its answer has in it."""

    text: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket that listens: its lines are said one after the other, each when the one before was answered.

    Args:
        receive_bytes: what the system may keep of what was not read; None: as much as it likes.
    """

    url: str
    lines: tuple[Line, ...]
    subprotocol: str | None = PROTOCOL
    receive_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A send; `text` has gaps for the body and an id.

    Args:
        answer: what an acknowledgement has in it; None where there is none.
        headers: of an HTTP request.
        lines: what is said before the first send over a WebSocket; None: it goes by HTTP.
    """

    url: str
    text: bytes
    answer: bytes | None
    headers: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] | None = None
    subprotocol: str | None = PROTOCOL


def listening(url: str, *, token: str, room: str, feed: str = FEED) -> Socket:
    """One who follows a room of Todoku. `url`: of the server, ws:// or wss://."""
    variables = {"roomId": room, "after": AFTER.decode()}
    payload = {"query": feed, "operationName": "RoomFeed", "variables": variables}
    subscribe = _json({"id": "1", "type": "subscribe", "payload": payload}).replace(b'"%s"' % AFTER, AFTER)
    return Socket(f"{url}/graphql", (_introduction(token), Line(subscribe, b"StreamReady")))


def sending(url: str, *, token: str, room: str) -> Letter:
    """One who sends into a room of Todoku by HTTP. `url`: of the server, http:// or https://."""
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    return Letter(f"{url}/graphql", _json(_send(room)), b"STORED", headers)


def sending_over_websocket(url: str, *, token: str, room: str) -> Letter:
    """One who sends into a room of Todoku by WebSocket. `url`: of the server, ws:// or wss://."""
    text = _json({"id": ID.decode(), "type": "subscribe", "payload": _send(room)})
    return Letter(f"{url}/graphql", text, b"STORED", lines=(_introduction(token),))


def _introduction(token: str) -> Line:
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    return Line(_json(init), b"connection_ack")


def _send(room: str) -> dict[str, object]:
    return {"query": SEND, "variables": {"input": {"roomId": room, "body": BODY.decode(), "id": ID.decode()}}}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
