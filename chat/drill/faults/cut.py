"""Connections cut: reset, and refused for a while."""

import asyncio

from chat.drill.faults.fault import Incident, Kind, Lane, Scene


async def cut(scene: Scene, incident: Incident) -> None:
    with scene.damaging(incident.random, 0.3) as paths:
        names = [path.name for path in paths]
        before = sum(path.traffic.reset for path in paths)
        incident.begin(f"{len(paths)} paths reset and closed", excuses="paths", scope=names)
        try:
            for path in paths:
                await path.cut()
            if count := sum(path.traffic.reset for path in paths) - before:
                incident.bit(f"{count} connections were reset")
            await asyncio.sleep(incident.lasts_s)
        finally:
            for path in paths:
                await path.restore()


KIND = Kind("cut", cut, Lane.PATHS, lasts_s=5, least_s=1)
