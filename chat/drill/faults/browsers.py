"""What browsers do to pages: a tab frozen in the background, and a laptop that is closed for a day with work unsent."""

import asyncio
import time

from chat.drill.clients.page import PageClient
from chat.drill.faults.fault import PATIENCE_S, Incident, Kind, Lane, Scene, until
from chat.drill.installation import Setup
from chat.drill.talk import Seat

DAY_S = 24 * 3600
QUEUED = 200
COMING_BACK_S = 60.0
FREEZING_S = 0.5
LOADING_S = 0.01  # between two orders: one process carries all pages


def _pages(scene: Scene) -> list[tuple[Seat, PageClient]]:
    return [
        (seat, seat.client)
        for seat in scene.talk.taking_part
        if isinstance(seat.client, PageClient)
        and not seat.away
        and seat.path.name not in scene.damaged
        and seat.client.position(seat.client.room) is not None
    ]


async def freeze(scene: Scene, incident: Incident) -> None:
    pages = _pages(scene)
    if not pages:
        return
    seat, page = incident.random.choice(pages)
    room = page.room
    scene.damaged.add(seat.path.name)
    seat.away = True
    incident.begin(f"{page.name} is frozen", excuses="paths", scope=[seat.path.name])
    try:
        page.freeze()
        await asyncio.sleep(FREEZING_S)
        before = page.position(room)
        scene.talk.say_all(f"while {page.name} is frozen", room=room, but=page.person.id)
        await asyncio.sleep(incident.lasts_s)
        ends = time.monotonic() + PATIENCE_S
        while not incident.bites and time.monotonic() < ends:
            rooms = await scene.installation.steward.insist("standing", rooms=[room])
            if page.position(room) == before != rooms[room][0]:
                incident.bit(f"it stood at {before} while the room went on to {rooms[room][0]}")
            await asyncio.sleep(FREEZING_S)
    finally:
        page.thaw()
        seat.away = False
        scene.damaged.discard(seat.path.name)


async def offline(scene: Scene, incident: Incident) -> None:
    browsers: dict[str, list[tuple[Seat, PageClient]]] = {}
    for seat, page in _pages(scene):
        browsers.setdefault(page.outbox, []).append((seat, page))
    if not browsers:
        return
    tabs = incident.random.choice(sorted(browsers.values(), key=len)[-2:])
    names = {seat.path.name for seat, _ in tabs}
    scene.damaged |= names
    first = tabs[0][1]
    incident.begin(f"a browser with {len(tabs)} tabs goes offline for a day", excuses="paths", scope=sorted(names))
    for seat, _ in tabs:
        seat.away = True
    try:
        first.go_offline()
        for number in range(QUEUED):
            _, page = tabs[number % len(tabs)]
            page.send(page.room, f"{page.name} while away, {number}")
            await asyncio.sleep(LOADING_S)
        if await until(lambda: first.unsent >= QUEUED, COMING_BACK_S):
            incident.bit(f"{first.unsent} operations wait")
        first.shift_clock(DAY_S)
        first.go_online()
        if not await until(lambda: all(page.unsent == 0 or page.stopped for _, page in tabs), COMING_BACK_S):
            incident.failed(
                f"{sum(page.unsent for _, page in tabs)} operations were not sent within {COMING_BACK_S:g} s"
            )
    finally:
        first.go_online()
        for seat, _ in tabs:
            seat.away = False
        scene.damaged -= names


def _there(setup: Setup) -> bool:
    return setup.pages > 0


FROZEN = Kind("frozen-tab", freeze, Lane.PATHS, lasts_s=8, least_s=2, applies=_there)
OFFLINE = Kind("offline-day", offline, Lane.PATHS, lasts_s=20, least_s=6, applies=_there)
