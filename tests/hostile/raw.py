"""Bytes on a TCP connection, as no library would send them: half of them, too many, or never the rest."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any

from chat.drill.parts.ports import LOOPBACK
from tests.parts.peer import PROTOCOL

DEADLINE_S = 15.0
LOOK_AGAIN_S = 0.02
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the one of RFC 6455's example
NARROW_BYTES = 4_096
WIDE_BYTES = 1024 * 1024
NO_MASK = b"\0\0\0\0"  # masked as clients must, by a key that changes nothing


class Opcode(IntEnum):
    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


def frame(payload: bytes, opcode: int = Opcode.TEXT, *, last: bool = True, length: int | None = None) -> bytes:
    """One frame of a client (RFC 6455, 5.2).

    Args:
        last: no continuation follows.
        length: what its head says instead of the truth.
    """
    said = len(payload) if length is None else length
    first = (0x80 if last else 0) | opcode
    if said < 126:
        head = bytes((first, 0x80 | said))
    elif said < 65_536:
        head = bytes((first, 0x80 | 126)) + said.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + said.to_bytes(8, "big")
    return head + NO_MASK + payload


def message(**fields: Any) -> bytes:
    """A frame with a message of the protocol."""
    return frame(json.dumps(fields).encode())


class Wire:
    """An open TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def put(self, data: bytes) -> None:
        """Send without waiting until it has gone out."""
        self._writer.write(data)

    async def say(self, data: bytes, within_s: float = DEADLINE_S) -> bool:
        """Send; whether all of it was taken, else the server has closed or takes no more."""
        try:
            self._writer.write(data)
            async with asyncio.timeout(within_s):
                await self._writer.drain()
        except (ConnectionError, TimeoutError):
            return False
        return True

    async def line(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            return await self._reader.readline()

    async def response(self) -> tuple[int, Any]:
        """The status and the JSON of an answer that says its length."""
        status = int((await self.line()).split()[1])
        length = 0
        while line := (await self.line()).strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        async with asyncio.timeout(DEADLINE_S):
            return status, json.loads(await self._reader.readexactly(length))

    async def rest(self, within_s: float = DEADLINE_S) -> bytes:
        """All that comes until the server closes.

        Raises:
            TimeoutError: it does not close.
        """
        came = bytearray()
        async with asyncio.timeout(within_s):
            try:
                while some := await self._reader.read(65_536):
                    came += some
            except ConnectionError:
                pass
        return bytes(came)

    async def hear(self, within_s: float = DEADLINE_S) -> tuple[Opcode, bytes]:
        """The next frame.

        Raises:
            ConnectionError, IncompleteReadError: there is none.
        """
        async with asyncio.timeout(within_s):
            first, second = await self._reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(await self._reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self._reader.readexactly(8), "big")
            return Opcode(first & 0x0F), await self._reader.readexactly(length)

    async def hear_message(self) -> dict[str, Any]:
        """The next message of the protocol."""
        while True:
            opcode, payload = await self.hear()
            if opcode is Opcode.TEXT:
                heard: dict[str, Any] = json.loads(payload)
                return heard
            if opcode is Opcode.CLOSE:
                raise ConnectionError(f"closed with {int.from_bytes(payload[:2], 'big')}: {payload[2:]!r}")

    async def close_code(self, within_s: float = DEADLINE_S) -> int | None:
        """The code with which the server closes, whatever it says before; None where it goes without one."""
        async with asyncio.timeout(within_s):
            try:
                while True:
                    opcode, payload = await self.hear(within_s)
                    if opcode is Opcode.CLOSE:
                        return int.from_bytes(payload[:2], "big")
            except (ConnectionError, asyncio.IncompleteReadError):
                return None

    async def dropped(self, within_s: float = DEADLINE_S) -> None:
        """Wait, without reading, until the server has ended a connection on which it takes no more.

        Raises:
            TimeoutError: it goes on waiting for its peer.
        """
        async with asyncio.timeout(within_s):
            while not self._writer.is_closing():
                self._writer.write(b"\0")  # one that doesn't read is told of the end only when it sends
                await asyncio.sleep(LOOK_AGAIN_S)

    def abort(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def wired(port: int, *, narrow: bool = False) -> AsyncIterator[Wire]:
    """Open a TCP connection; a `narrow` one has small buffers, so what isn't read stays at the server."""
    connection = socket.socket()
    if narrow:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (LOOPBACK, port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=NARROW_BYTES if narrow else WIDE_BYTES)
    wire = Wire(reader, writer)
    try:
        yield wire
    finally:
        wire.abort()


def handshake(port: int, headers: Mapping[str, str] | None = None) -> bytes:
    """The request that opens a WebSocket; `headers` stand instead of its own."""
    given = {
        "Host": f"{LOOPBACK}:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": PROTOCOL,
        **(headers or {}),
    }
    lines = ["GET /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode("latin1")


@asynccontextmanager
async def upgraded(port: int, headers: Mapping[str, str] | None = None, *, narrow: bool = False) -> AsyncIterator[Wire]:
    """Open a WebSocket and say nothing on it."""
    async with wired(port, narrow=narrow) as wire:
        await wire.say(handshake(port, headers))
        assert b"101" in await wire.line()
        while (await wire.line()).strip():
            pass
        yield wire


@asynccontextmanager
async def acknowledged(port: int, token: str, *, narrow: bool = False) -> AsyncIterator[Wire]:
    """Open a WebSocket and introduce oneself."""
    async with upgraded(port, narrow=narrow) as wire:
        await wire.say(message(type="connection_init", payload={"authorization": f"Bearer {token}"}))
        assert await wire.hear_message() == {"type": "connection_ack"}
        yield wire
