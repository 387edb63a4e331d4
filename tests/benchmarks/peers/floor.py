"""The least that a broadcast costs with `websockets` on uvloop.

Each message that comes to ws://127.0.0.1:PORT/send goes out, as one uncompressed text frame, to every client of
ws://127.0.0.1:PORT/. A client's first message is answered with {"type":"ready"} once it is among them; what else it
sends is ignored.
"""

import asyncio
import os
import signal

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

READY = '{"type":"ready"}'

listeners: set[ServerConnection] = set()


async def listen(socket: ServerConnection) -> None:
    listeners.add(socket)
    try:
        await socket.recv()
        await socket.send(READY)
        async for _ in socket:
            pass
    finally:
        listeners.discard(socket)


async def connected(socket: ServerConnection) -> None:
    if socket.request is not None and socket.request.path == "/send":
        async for message in socket:
            broadcast(listeners, message)
    else:
        await listen(socket)


async def main() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    port = int(os.environ["PORT"])
    async with serve(connected, "127.0.0.1", port, compression=None, ping_interval=None, backlog=1024):
        print("ready", flush=True)
        await ended.wait()


if __name__ == "__main__":
    uvloop.run(main())
