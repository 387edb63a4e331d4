"""A volume that is full: nothing can be written for a while."""

import asyncio

from chat.drill.faults.fault import Incident, Kind, Lane, Scene
from chat.drill.hooks.points import DISK_FULL


async def disk(scene: Scene, incident: Incident) -> None:
    orders = [scene.installation.orders(number) for number in range(len(scene.installation.servers))]
    incident.begin("the database's volume is full")
    for each in orders:
        each.give(DISK_FULL)
    try:
        await asyncio.sleep(incident.lasts_s)
    finally:
        for each in orders:
            each.withdraw(DISK_FULL)
    if refused := sum(len(each.reports(DISK_FULL)) for each in orders):
        incident.bit(f"{refused} statements were refused")


KIND = Kind("disk-full", disk, Lane.SERVERS, lasts_s=6, least_s=2)
