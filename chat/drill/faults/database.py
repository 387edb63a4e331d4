"""The database away or held up: restarted, its connections ended, none left, its rows locked."""

import asyncio
import time

from chat.drill.database import PostgresDatabase
from chat.drill.faults.fault import PATIENCE_S, Incident, Kind, Lane, Scene, until
from chat.drill.faults.readiness import see_ready
from chat.drill.installation import Setup


def _postgres(scene: Scene) -> PostgresDatabase:
    database = scene.installation.database
    assert isinstance(database, PostgresDatabase)
    return database


async def restart(scene: Scene, incident: Incident) -> None:
    database = _postgres(scene)
    incident.begin("PostgreSQL is restarted", excuses="all")
    began = time.monotonic()
    count = await asyncio.to_thread(database.terminate)
    await asyncio.to_thread(database.server.restart)
    if count:
        incident.bit(f"{count} connections ended, it was away for {time.monotonic() - began:.1f} s")
    await asyncio.sleep(incident.lasts_s)
    await see_ready(scene, incident)


async def terminate(scene: Scene, incident: Incident) -> None:
    incident.begin("connections to PostgreSQL are ended", excuses="all")
    if count := await asyncio.to_thread(_postgres(scene).terminate):
        incident.bit(f"{count} connections ended")
    await asyncio.sleep(incident.lasts_s)
    await see_ready(scene, incident)


async def crowd(scene: Scene, incident: Incident) -> None:
    """Servers keep the connections that they have."""
    incident.begin("PostgreSQL gives no connection any more", excuses="all")
    held = _postgres(scene).crowded()
    count = await asyncio.to_thread(held.__enter__)
    try:
        if count:
            incident.bit(f"the last {count} connections were taken")
        await asyncio.sleep(incident.lasts_s)
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)
    await see_ready(scene, incident)


async def lock(scene: Scene, incident: Incident) -> None:
    """Nobody can append; what was appended is still delivered in time."""
    incident.begin("a transaction holds what every writer needs")
    held = scene.installation.database.lock()
    what = await asyncio.to_thread(held.__enter__)
    began = time.monotonic()
    try:
        scene.talk.say_all("before a locked door")
        await asyncio.sleep(incident.lasts_s)
        if await until(lambda: scene.talk.waiting_since(began) > 0, PATIENCE_S):
            incident.bit(f"{what} were locked; {scene.talk.waiting_since(began)} sends waited")
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)


def _ours(setup: Setup) -> bool:
    return setup.owns_postgres


def _there(setup: Setup) -> bool:
    return setup.database_kind == "postgres"


RESTARTED = Kind("postgres-restarted", restart, Lane.SERVERS, lasts_s=3, least_s=1, applies=_ours)
TERMINATED = Kind("postgres-terminated", terminate, Lane.SERVERS, lasts_s=3, least_s=1, applies=_there)
CROWDED = Kind("postgres-crowded", crowd, Lane.SERVERS, lasts_s=8, least_s=2, applies=_ours)
LOCKED = Kind("locked", lock, Lane.SERVERS, lasts_s=5, least_s=3)
