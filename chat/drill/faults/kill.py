"""Server processes killed (SIGKILL): at any moment, and at the points where it would hurt most."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from signal import SIGKILL

from chat.drill.faults.fault import Incident, Kind, Lane, Scene, until
from chat.drill.hooks.points import AFTER_COMMIT, AFTER_HINT, BEFORE_COMMIT, MID_FAN_OUT
from chat.drill.installation import Installation

ARMED_S = 15.0  # so long a point has to be reached
DYING_S = 5.0


async def at_random(scene: Scene, incident: Incident) -> None:
    number = incident.random.randrange(len(scene.installation.servers))
    server = scene.installation.servers[number]
    await asyncio.sleep(incident.random.random())
    pid = server.pid
    incident.begin(f"server {number} is killed", excuses="servers", scope=[number])
    server.signal(SIGKILL)
    if await asyncio.to_thread(server.wait_for_end, DYING_S) == -SIGKILL:
        incident.bit(f"process {pid} is gone")
    await asyncio.sleep(incident.lasts_s)
    await asyncio.to_thread(server.start)


async def at_point(point: str, scene: Scene, incident: Incident) -> None:
    """The first process that comes by the point dies there."""
    installation = scene.installation
    numbers = _armed(point, scene)
    incident.begin(f"whoever comes to {point} is killed")
    for number in numbers:
        installation.orders(number).give(point)
    await until(lambda: any(not installation.orders(number).given(point) for number in numbers), ARMED_S)
    spared = [number for number in numbers if installation.orders(number).withdraw(point)]
    for number in numbers:
        if number not in spared:
            await _see_dead(installation, number, point, incident)
    await asyncio.sleep(incident.lasts_s)
    for number in numbers:
        if number not in spared:
            await asyncio.to_thread(installation.servers[number].start)


def _armed(point: str, scene: Scene) -> list[int]:
    """All, but where one event comes to all of them at once: there the one with most clients."""
    numbers = list(range(len(scene.installation.servers)))
    return [max(numbers, key=lambda number: len(scene.talk.led_to(number)))] if point == MID_FAN_OUT else numbers


async def _see_dead(installation: Installation, number: int, point: str, incident: Incident) -> None:
    status = await asyncio.to_thread(installation.servers[number].wait_for_end, DYING_S)
    told = installation.orders(number).reports(point)
    if told and status == -SIGKILL:
        incident.bit(f"server {number}: {told[-1].partition(' ')[2]}", excuses="servers", scope=[number])
    else:
        incident.failed(f"server {number} ended with status {status}, and had not come to {point}")


def _kind(name: str, inflict: Callable[[Scene, Incident], Awaitable[None]]) -> Kind:
    return Kind(name, inflict, Lane.SERVERS, lasts_s=0.5, least_s=0)


KILL = _kind("kill", at_random)
POINTS = tuple(
    _kind(f"kill-{point}", partial(at_point, point)) for point in (BEFORE_COMMIT, AFTER_COMMIT, AFTER_HINT, MID_FAN_OUT)
)
KILLS = (KILL, *POINTS)
