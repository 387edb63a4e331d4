"""A process that stands still (SIGSTOP), as on a machine that sleeps, and one whose clock is set."""

import asyncio
import time
from contextlib import AsyncExitStack
from signal import SIGCONT, SIGSTOP

from chat.drill.hooks.points import CLOCK
from chat.drill.network import Network
from tests.faults.following import ask, following, new_room, sending
from tests.faults.site import Site
from tests.parts.eventually import eventually
from tests.parts.peer import connected

PROMISE_S = 1.0
JUMP_S = 600


async def test_clients_of_a_process_that_stands_still_go_elsewhere_and_others_notice_nothing(site: Site) -> None:
    aiko, ben = site.people
    still = site.servers[1]
    room = await new_room(site.urls[0], aiko, ben)
    network = Network([site.addresses[1], site.addresses[0]])
    async with AsyncExitStack() as stack:
        stack.push_async_callback(network.close)
        path = await network.open_path("to any")
        await network.connect()  # the turn is the other one's, so that the next is the first backend's
        moving = await stack.enter_async_context(following(f"http://127.0.0.1:{path.port}", aiko, room))
        faithful = await stack.enter_async_context(following(still.url, aiko, room))
        elsewhere = await stack.enter_async_context(following(site.urls[0], aiko, room))
        sender = await stack.enter_async_context(sending(site.urls[0], ben, room))
        seqs = [await sender.send("all are there")]
        await moving.until_seq(seqs[0])
        still.signal(SIGSTOP)
        try:
            while moving.connections == 1 or not moving.is_live:
                seqs.append(await sender.send("one stands still"))
                answered = time.monotonic()
                await elsewhere.until_seq(seqs[-1], within_s=PROMISE_S)
                assert elsewhere.arrived[seqs[-1]] - answered < PROMISE_S
                await asyncio.sleep(0.1)
            await moving.until_seq(seqs[-1])
        finally:
            still.signal(SIGCONT)
        await faithful.until_seq(seqs[-1])
        seqs.append(await sender.send("all are there again"))
        for follower in (moving, faithful, elsewhere):
            await follower.until_seq(seqs[-1])
            assert follower.seqs == seqs
            assert follower.resets == []
        assert (elsewhere.connections, sender.refusals) == (1, [])


async def test_a_clock_that_is_set_forth_and_back_changes_nothing(site: Site) -> None:
    aiko, ben = site.people
    room = await new_room(site.urls[0], aiko, ben)
    seqs = []
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        senders = [await stack.enter_async_context(sending(url, ben, room)) for url in site.urls]
        silent = await stack.enter_async_context(connected(site.urls[0].replace("http", "ws") + "/graphql"))
        try:
            for shift in ("", str(JUMP_S), str(-JUMP_S), ""):
                for orders in site.orders if shift else ():
                    orders.give(CLOCK, shift)
                    await eventually(lambda orders=orders: orders.reports(CLOCK), what="the clock's jump")  # type: ignore[misc]
                for sender in senders:
                    seqs.append(await sender.send(f"it is {shift} s later"))
                    answered = time.monotonic()
                    for follower in followers:
                        await follower.until_seq(seqs[-1], within_s=PROMISE_S)
                        assert follower.arrived[seqs[-1]] - answered < PROMISE_S
                in_session = await asyncio.to_thread(_who, site.urls[0], aiko.sessions[0])
                assert in_session == "aiko"
                if shift == str(JUMP_S):  # its ten seconds are not over
                    await silent.introduce({"authorization": f"Bearer {ben.token}"})
        finally:
            for orders in site.orders:
                orders.withdraw(CLOCK)
        await silent.serves()
        for follower in followers:
            assert (follower.seqs, follower.connections, follower.resets) == (seqs, 1, [])
        query = "query($r: ID!) { room(id: $r) { messages(last: 50) { nodes { createdAt } } } }"
        nodes = (await ask(site.urls[0], ben, query, r=room))["room"]["messages"]["nodes"]
        times = [node["createdAt"] for node in nodes]
        assert len(times) == len(seqs)
        assert times == sorted(times), "within a room time never runs backwards"


def _who(url: str, session: str) -> str:
    import httpx

    from tests.parts.peer import browsing

    answer = httpx.post(f"{url}/graphql", json={"query": "{ viewer { username } }"}, headers=browsing(session))
    return str(answer.json()["data"]["viewer"]["username"])
