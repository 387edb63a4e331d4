"""One message with one id, sent fifty times at once through all processes: it is stored once."""

import asyncio
import time
import uuid

from chat.drill import history
from chat.drill.clients.answer import Answer, Data, Later, Refused, SignedOut
from chat.drill.clients.documents import MUTATIONS
from chat.drill.clients.endpoint import Endpoint
from chat.drill.faults.fault import Incident, Kind, Lane, Scene

TIMES = 50
TIMEOUT_S = 10.0


async def same_id(scene: Scene, incident: Incident) -> None:
    installation = scene.installation
    place = incident.random.choice(installation.rooms)
    sender = installation.people[place.members[0]]
    message = str(uuid.UUID(int=incident.random.getrandbits(128), version=4))
    given = {"id": message, "roomId": place.id, "body": f"{sender.username} says it {TIMES} times at once"}
    outbox = f"same-id-{incident.id}"
    endpoints = [Endpoint(server.url, sender.token, timeout_s=TIMEOUT_S) for server in installation.servers]
    incident.begin(f"{TIMES} times the same id through {len(endpoints)} processes")
    scene.recorder.add(history.Called(time.monotonic(), outbox, "", place.id, "send", message, message, given["body"]))

    async def send(endpoint: Endpoint) -> int | None:
        scene.recorder.add(history.Tried(time.monotonic(), outbox, message))
        answer = await endpoint.execute(MUTATIONS["sendMessage"], {"input": given})
        outcome, seq = _read(answer)
        scene.recorder.add(history.Returned(time.monotonic(), outbox, message, outcome, seq))
        return seq

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(send(endpoints[number % len(endpoints)])) for number in range(TIMES)]
    finally:
        for endpoint in endpoints:
            await endpoint.close()
    seqs = [seq for task in tasks if (seq := task.result()) is not None]
    if len(seqs) > 1:
        incident.bit(f"{len(seqs)} of {TIMES} were answered with #{seqs[0]}")


def _read(answer: Answer) -> tuple[str, int | None]:
    match answer:
        case Data(data):
            return "stored", data["answer"]["message"]["seq"]
        case Refused() | SignedOut():
            return "refused", None
        case Later():
            return "unknown", None


KIND = Kind("same-id", same_id, Lane.PATHS, lasts_s=1, least_s=1)
