"""Readers that stop reading for a while, and readers that read very slowly."""

import asyncio

from chat.drill.faults.fault import PATIENCE_S, Incident, Kind, Lane, Scene, until

SLOW_BYTES_PER_S = 1_000
MESSAGES = 2  # of each client: more than such a reader takes at once


async def unread(scene: Scene, incident: Incident) -> None:
    with scene.damaging(incident.random, 0.1) as paths:
        incident.begin(f"{len(paths)} readers stop", excuses="paths", scope=[path.name for path in paths])
        try:
            for path in paths:
                await path.stop_reading()
            scene.talk.say_all("to nobody who reads")
            await asyncio.sleep(incident.lasts_s)
            if waiting := sum(path.unread_bytes for path in paths):
                incident.bit(f"{waiting} bytes were left unread")
        finally:
            for path in paths:
                await path.restore()


async def slow(scene: Scene, incident: Incident) -> None:
    with scene.damaging(incident.random, 0.1) as paths:
        incident.begin(f"{len(paths)} readers at 1 kB/s", excuses="paths", scope=[path.name for path in paths])
        try:
            for path in paths:
                path.slow(SLOW_BYTES_PER_S)
            for _ in range(MESSAGES):
                scene.talk.say_all("to slow readers")
            loop = asyncio.get_running_loop()
            ends = loop.time() + incident.lasts_s
            if await until(lambda: any(path.unread_bytes for path in paths), incident.lasts_s + PATIENCE_S):
                incident.bit(f"{sum(path.unread_bytes for path in paths)} bytes waited for a reader")
            await asyncio.sleep(max(0.0, ends - loop.time()))
        finally:
            for path in paths:
                await path.restore()


STOPS_READING = Kind("stops-reading", unread, Lane.PATHS, lasts_s=60, least_s=3)
SLOW_READER = Kind("slow-reader", slow, Lane.PATHS, lasts_s=20, least_s=4)
