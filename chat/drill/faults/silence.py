"""Connections that stay open while nothing passes: in both directions (half-open), or from the server alone (deaf)."""

import asyncio
from collections.abc import Awaitable, Callable

from chat.drill.faults.fault import Incident, Kind, Lane, Scene
from chat.drill.network import Path


def silence(what: str, damage: Callable[[Path], Awaitable[None]]) -> Callable[[Scene, Incident], Awaitable[None]]:
    async def inflict(scene: Scene, incident: Incident) -> None:
        with scene.damaging(incident.random, 0.25) as paths:
            before = sum(path.traffic.swallowed for path in paths)
            names = [path.name for path in paths]
            incident.begin(f"{len(paths)} paths: {what}", excuses="paths", scope=names)
            try:
                for path in paths:
                    await damage(path)
                await asyncio.sleep(incident.lasts_s)
                if count := sum(path.traffic.swallowed for path in paths) - before:
                    incident.bit(f"{count} bytes were swallowed")
            finally:
                for path in paths:
                    await path.restore()

    return inflict


HALF_OPEN = Kind("half-open", silence("nothing passes", Path.stall), Lane.PATHS, lasts_s=20, least_s=4)
DEAF = Kind("deaf", silence("answers are lost", Path.lose_answers), Lane.PATHS, lasts_s=12, least_s=4)
