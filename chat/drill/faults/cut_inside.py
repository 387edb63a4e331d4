"""Connections cut in the middle of a message: after so many bytes of a WebSocket, in either direction."""

import asyncio

from chat.drill.faults.fault import Incident, Kind, Lane, Scene
from chat.drill.network import Direction

FURTHEST: dict[Direction, int] = {
    "up": 900,
    "down": 2_500,
}  # bytes: the handshake, the first messages, and the first deliveries


async def cut_inside(scene: Scene, incident: Incident) -> None:
    with scene.damaging(incident.random, 0.3) as paths:
        incident.begin(
            f"{len(paths)} paths cut inside of what passes", excuses="paths", scope=[path.name for path in paths]
        )
        orders = [
            path.cut_next_websocket(direction, incident.random.randint(1, most))
            for path in paths
            for direction, most in FURTHEST.items()
        ]
        for path in paths:
            path.reset_connections()
        await asyncio.sleep(incident.lasts_s)
        if done := [f"{order.after} {order.direction}" for order in orders if order.done]:
            incident.bit(f"cut after bytes {', '.join(done)}")
        for path in paths:
            path.cuts.clear()


KIND = Kind("cut-inside", cut_inside, Lane.PATHS, lasts_s=6, least_s=2.5)
