"""A server process told to end (SIGTERM): it finishes what it has, and sends its clients elsewhere. `harm` looks at the
codes with which it did."""

import asyncio
import time
from signal import SIGTERM
from subprocess import TimeoutExpired

from chat.drill import history
from chat.drill.faults.fault import Incident, Kind, Lane, Scene

ENDING_S = 20.0


async def drain(scene: Scene, incident: Incident) -> None:
    installation = scene.installation
    number = max(range(len(installation.servers)), key=lambda each: len(scene.talk.led_to(each)))
    server = installation.servers[number]
    led = scene.talk.led_to(number) - scene.damaged
    codes: dict[str, int | None] = {}

    def watch(record: history.Record) -> None:
        if isinstance(record, history.Connection) and record.state == "lost":
            path = scene.talk.path_of(record.client)
            if path in led and path not in scene.damaged:
                codes.setdefault(path, record.code)

    incident.begin(f"server {number} with {len(led)} clients is told to end", excuses="servers", scope=[number])
    scene.recorder.watchers.append(watch)
    began = time.monotonic()
    try:
        server.signal(SIGTERM)
        status = await asyncio.to_thread(server.wait_for_end, ENDING_S)
    except TimeoutExpired:
        incident.failed(f"server {number} did not end within {ENDING_S:g} s")
        await asyncio.to_thread(server.kill)
    else:
        took = time.monotonic() - began
        if codes:
            told = ", ".join(
                f"{code} {list(codes.values()).count(code)}×" for code in sorted(set(codes.values()), key=str)
            )
            incident.bit(f"it ended with status {status} after {took:.1f} s; close codes: {told}")
        if status:
            incident.failed(f"server {number} ended with status {status}")
    finally:
        scene.recorder.watchers.remove(watch)
    await asyncio.to_thread(server.start)


KIND = Kind("drain", drain, Lane.SERVERS, lasts_s=8, least_s=4)
