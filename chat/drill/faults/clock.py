"""The servers' wall clocks set ten minutes forward, then ten minutes back."""

import asyncio

from chat.drill.faults.fault import Incident, Kind, Lane, Scene, until
from chat.drill.hooks.points import CLOCK

JUMP_S = 600
FOLLOWING_S = 2.0


async def clock(scene: Scene, incident: Incident) -> None:
    orders = [scene.installation.orders(number) for number in range(len(scene.installation.servers))]
    incident.begin("the clocks of all servers jump")
    try:
        for shift in (JUMP_S, -JUMP_S):
            for each in orders:
                each.give(CLOCK, str(shift))
            if await until(lambda: all(each.reports(CLOCK) for each in orders), FOLLOWING_S):
                incident.bit(orders[0].reports(CLOCK)[-1].partition(" ")[2])
            await asyncio.sleep(incident.lasts_s / 2)
    finally:
        for each in orders:
            each.withdraw(CLOCK)


KIND = Kind("clock", clock, Lane.SERVERS, lasts_s=10, least_s=2)
