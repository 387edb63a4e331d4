"""A server process that stands still (SIGSTOP) and goes on (SIGCONT), as on a machine that slept."""

import asyncio
from signal import SIGCONT, SIGSTOP

from chat.drill.faults.fault import Incident, Kind, Lane, Scene

SILENT_S = 1.0


async def pause(scene: Scene, incident: Incident) -> None:
    number = incident.random.randrange(len(scene.installation.servers))
    server = scene.installation.servers[number]
    incident.begin(f"server {number} stands still", excuses="servers", scope=[number])
    server.signal(SIGSTOP)
    try:
        if await _is_silent(server.port):
            incident.bit(f"port {server.port} takes connections and does not answer")
        await asyncio.sleep(max(0.0, incident.lasts_s - SILENT_S))
    finally:
        server.signal(SIGCONT)


async def _is_silent(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(SILENT_S):
            await reader.read(1)
    except TimeoutError:
        return True
    finally:
        writer.transport.abort()
    return False


KIND = Kind("pause", pause, Lane.SERVERS, lasts_s=90, least_s=4)
