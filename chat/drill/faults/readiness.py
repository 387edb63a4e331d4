"""Waiting until the servers have found their database again."""

import asyncio
import time

from chat.drill.faults.fault import Incident, Scene
from chat.drill.parts.ports import LOOPBACK

FRESH_S = 1.1  # an answer may be a second old
WITHIN_S = 15.0
ANSWER_LIMIT_S = 3.0
POLL_INTERVAL_S = 0.2


async def see_ready(scene: Scene, incident: Incident) -> None:
    """Return when all servers say that they are ready."""
    began = time.monotonic()
    await asyncio.sleep(FRESH_S)
    for number, server in enumerate(scene.installation.servers):
        while not await _is_ready(server.port):
            if time.monotonic() - began > WITHIN_S:
                incident.failed(f"server {number} did not find its database again within {WITHIN_S:g} s")
                return
            await asyncio.sleep(POLL_INTERVAL_S)


async def _is_ready(port: int) -> bool:
    writer = None
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(f"GET /readyz HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
