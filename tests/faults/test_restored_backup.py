"""An older backup put back under running servers by plain copy, announced to nobody."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP
from uuid import uuid4

from chat.drill.clients.client import Person
from chat.drill.clients.contract import ContractClient, fresh
from chat.drill.clients.outbox import Outbox
from chat.drill.history import Recorder
from chat.drill.network import Network
from tests.drill.stage import HURRIED
from tests.faults.following import following, new_room, sending
from tests.faults.site import Site
from tests.parts.eventually import eventually


async def test_clients_start_anew_from_the_backup_and_what_was_not_acknowledged_still_goes_out(
    site: Site, tmp_path: Path
) -> None:
    aiko, ben = site.people
    person = Person(aiko.id, aiko.username, aiko.token)
    room = await new_room(site.urls[0], aiko, ben)
    network = Network([site.addresses[0]])
    async with AsyncExitStack() as stack:
        stack.push_async_callback(network.close)
        path = await network.open_path("aiko")
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        senders = [await stack.enter_async_context(sending(url, ben, room)) for url in site.urls]
        url = f"http://127.0.0.1:{path.port}"
        history = stack.enter_context((tmp_path / "history.jsonl").open("w"))
        client = ContractClient(
            url,
            person,
            name="aiko-1",
            path="aiko",
            outbox=Outbox("aiko"),
            recorder=Recorder(history),
            random=Random(1),
            settings=HURRIED,
        )
        stack.push_async_callback(client.stop)
        await client.start()

        kept = await senders[0].send("in the backup")
        backup = await asyncio.to_thread(site.database.save)
        lost = [await senders[0].send(f"lost with the disk {number}") for number in range(3)]
        for follower in followers:
            await follower.until_seq(lost[-1])
        await path.lose_answers()
        unacknowledged = client.send(room, "did it arrive?", id=str(uuid4()))
        await followers[0].until_seq(lost[-1] + 1)  # it did, and its sender was not told

        await asyncio.to_thread(site.database.put_back, backup)
        await path.restore()
        for follower in followers:
            await eventually(lambda follower=follower: follower.resets, what="a reset")  # type: ignore[misc]
        await eventually(lambda: client.unsent == 0, within_s=20, what="an empty outbox")
        after = [await sender.send("said since") for sender in senders]
        for follower in followers:
            await follower.until_seq(after[-1])
            assert follower.resets == ["HISTORY_CHANGED"]
            assert follower.seqs[-len(after) :] == after
        await eventually(lambda: client.position(room) == after[-1], within_s=20, what="a client that has caught up")

        async def agrees() -> bool:
            return (await client.state())[room] == (await fresh(site.urls[-1], person, random=Random(2)))[room]

        with suppress(TimeoutError):
            await eventually(agrees, within_s=10, what="a state like a fresh one")
        state = (await client.state())[room]
        assert state == (await fresh(site.urls[-1], person, random=Random(2)))[room]
        assert state["lastSeq"] == after[-1] == kept + 1 + len(after), "seqs go on from the backup"
        assert unacknowledged in state["messages"]
        bodies = [message["body"] for message in state["messages"].values()]
        assert bodies == ["in the backup", "did it arrive?", *["said since"] * len(after)]


async def test_a_backup_that_has_grown_past_what_a_process_had_read_is_noticed(site: Site) -> None:
    aiko, ben = site.people
    still = site.servers[1]
    room = await new_room(site.urls[0], aiko, ben)
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(sending(site.urls[0], ben, room))
        follower = await stack.enter_async_context(following(still.url, aiko, room, lively=False))
        await sender.send("in the backup")
        backup = await asyncio.to_thread(site.database.save)
        lost = await sender.send("lost with the disk")
        await follower.until_seq(lost)
        cursor = follower.cursor
        still.signal(SIGSTOP)
        try:
            await asyncio.to_thread(site.database.put_back, backup)
            while (newest := await sender.send("said since")) <= lost:
                pass
        finally:
            still.signal(SIGCONT)
        await eventually(lambda: follower.resets, what="a reset")
        another = await stack.enter_async_context(following(still.url, aiko, room, after=cursor))
        newest = await sender.send("and now")
        for each in (follower, another):
            await each.until_seq(newest)
            assert (each.resets, each.seqs[-1]) == (["HISTORY_CHANGED"], newest)
        assert follower.seqs[-2:] == [lost, newest]
        assert another.seqs == [newest]
