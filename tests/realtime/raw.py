"""A TCP connection that speaks HTTP and WebSockets byte by byte, and sees how the connection itself ends."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import socket
from typing import Any, Self

import psutil

from chat.drill.parts.ports import LOOPBACK
from chat.drill.parts.waiting import until
from tests.parts.peer import PROTOCOL

DEADLINE_S = 15.0
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A  # final frames
NORMAL = (1000).to_bytes(2, "big")

HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
).encode()


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame of a client, masked with zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((kind,)) + length + bytes(4) + payload


class Raw:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def head(self) -> str:
        """The head of an HTTP response."""
        async with asyncio.timeout(DEADLINE_S):
            return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def response(self) -> str:
        """A whole HTTP response that says its length."""
        head = await self.head()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        async with asyncio.timeout(DEADLINE_S):
            return head + (await self._reader.readexactly(length)).decode()

    async def shake_hands(self) -> Self:
        """Become a WebSocket."""
        await self.say(HANDSHAKE)
        assert (await self.head()).startswith("HTTP/1.1 101 ")
        return self

    async def hear(self) -> tuple[int, bytes]:
        """A frame, its first byte and its payload."""
        async with asyncio.timeout(DEADLINE_S):
            kind, length = await self._reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await self._reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self._reader.readexactly(8), "big")
            return kind, await self._reader.readexactly(length)

    async def hear_close(self) -> int:
        """The code of the close frame that comes after whatever else."""
        while True:
            kind, payload = await self.hear()
            if kind == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def until_end(self) -> bytes:
        """What else comes until the server has closed the connection in good order.

        Raises:
            ConnectionResetError: it was reset.
        """
        async with asyncio.timeout(DEADLINE_S):
            return await self._reader.read()


@asynccontextmanager
async def raw(port: int, *, sock: socket | None = None) -> AsyncIterator[Raw]:
    """A connection, over a socket that is connected already where one is given."""
    where: dict[str, Any] = {"host": LOOPBACK, "port": port} if sock is None else {"sock": sock}
    reader, writer = await asyncio.open_connection(**where)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


async def until_deaf(pid: int) -> None:
    """Wait until the process listens no more."""

    def is_deaf() -> bool:
        return not any(one.status == psutil.CONN_LISTEN for one in psutil.Process(pid).net_connections())

    await asyncio.to_thread(until, is_deaf, within_s=DEADLINE_S, what="The end of listening")
