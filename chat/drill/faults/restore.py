"""An older backup put in the place of the database, under running servers and clients, announced to nobody."""

import asyncio
import time

from chat.drill import history
from chat.drill.faults.fault import Incident, Kind, Lane, Scene
from chat.drill.faults.readiness import see_ready


async def restore(scene: Scene, incident: Incident) -> None:
    installation, talk = scene.installation, scene.talk
    rooms = [room.id for room in installation.rooms]
    async with talk.nobody_is_shut_out:
        incident.begin("a backup is taken, and put back later", excuses="all")
        backup = await asyncio.to_thread(installation.database.save)
        kept = await installation.steward.do("standing", database=backup, rooms=rooms)
        await asyncio.sleep(incident.lasts_s)
        before = time.monotonic()
        earlier = await asyncio.to_thread(installation.database.put_back, backup)
        after = time.monotonic()
        installation.replaced.append((before, earlier))
        scene.recorder.add(history.Restored(after, {room: head for room, (head, _) in kept.items()}))
        grown = await installation.steward.do("standing", database=earlier, rooms=rooms)
        if (lost := sum(head - kept[room][0] for room, (head, _) in grown.items())) > 0:
            incident.bit(f"{lost} events are gone")
        await see_ready(scene, incident)


KIND = Kind("restore", restore, Lane.SERVERS, lasts_s=6, least_s=2)
