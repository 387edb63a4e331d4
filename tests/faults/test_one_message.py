"""One message stays one, however often and through however many processes it comes; many stay as many."""

import asyncio
from contextlib import AsyncExitStack
from itertools import chain
from uuid import uuid4

from tests.faults.following import following, new_room, sending
from tests.faults.site import Site

TIMES = 50
WRITERS = 8
EACH = 5


async def test_one_id_sent_fifty_times_at_once_through_all_processes_is_one_event(site: Site) -> None:
    aiko, ben = site.people
    room = await new_room(site.urls[0], aiko, ben)
    message = str(uuid4())
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        senders = [await stack.enter_async_context(sending(url, ben, room)) for url in site.urls]
        answers = await asyncio.gather(
            *(senders[number % len(senders)].send("once", message) for number in range(TIMES))
        )
        [seq] = set(answers)
        after = await senders[0].send("and then another")
        assert after == seq + 1
        for follower in followers:
            await follower.until_seq(after)
            assert follower.seqs == [seq, after]


async def test_eight_writers_in_each_of_the_processes_leave_one_gapless_order(site: Site) -> None:
    aiko, ben = site.people
    room = await new_room(site.urls[0], aiko, ben)
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        writers = [
            await stack.enter_async_context(sending(url, ben, room)) for url in site.urls for _ in range(WRITERS)
        ]

        async def write(number: int) -> list[tuple[int, str]]:
            ids = [str(uuid4()) for _ in range(EACH)]
            return [(await writers[number].send(f"{number}", each), each) for each in ids]

        written = sorted(chain(*await asyncio.gather(*map(write, range(len(writers))))))
        seqs = [seq for seq, _ in written]
        assert seqs == list(range(seqs[0], seqs[0] + len(writers) * EACH))
        for follower in followers:
            await follower.until_seq(seqs[-1])
            assert follower.seqs == seqs
            assert follower.ids == [message for _, message in written]
