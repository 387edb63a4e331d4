"""A reader that is slow or stops: it costs itself alone, and has everything once in the end."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from chat.drill.network import Network, Path
from chat.drill.parts.ports import LOOPBACK
from tests.faults.conftest import StartWatched
from tests.faults.following import Follower, Sender, following, new_room, sending
from tests.faults.site import Watched
from tests.parts.eventually import eventually
from tests.realtime.arranging import arrange

PROMISE_S = 1.0
BOUND_BYTES = 50_000
BODY = "x" * 9_000
FRAME_BYTES = 10_000  # a message in its envelope
MESSAGES = 60  # more than the bound and all buffers on the way take
OTHERS = 4
LOOK_EVERY = 10
STALL_TIMEOUT_S = 1.0

Trouble = Callable[[Path], Awaitable[None]]


async def slow(path: Path) -> None:
    path.slow(1_000)


async def stopped(path: Path) -> None:
    await path.stop_reading()


@dataclass(frozen=True, slots=True)
class Scene:
    """One reader with a way of its own among others who have none."""

    watched: Watched
    path: Path
    reader: Follower
    others: list[Follower]
    sender: Sender
    seqs: list[int]

    async def say(self, body: str = BODY) -> None:
        """Send, and see that the others have it in time."""
        self.seqs.append(await self.sender.send(body))
        answered = time.monotonic()
        for other in self.others:
            await other.until_seq(self.seqs[-1], within_s=PROMISE_S)
            assert other.arrived[self.seqs[-1]] - answered < PROMISE_S

    def waiting_bytes(self) -> int:
        return self.watched.window.inside().unsent_bytes


async def scene(stack: AsyncExitStack, watched: Watched) -> Scene:
    aiko, ben = arrange(watched.server, "aiko", "ben").people
    url = watched.server.url
    room = await new_room(url, aiko, ben)
    network = Network([(LOOPBACK, watched.server.port)])
    stack.push_async_callback(network.close)
    path = await network.open_path("reader")
    way = f"http://{LOOPBACK}:{path.port}"
    return Scene(
        watched,
        path,
        await stack.enter_async_context(following(way, aiko, room, lively=False)),
        [await stack.enter_async_context(following(url, aiko, room)) for _ in range(OTHERS)],
        await stack.enter_async_context(sending(url, ben, room)),
        [],
    )


@pytest.mark.parametrize("trouble", [slow, stopped])
async def test_what_waits_for_a_reader_is_bounded_and_it_goes_on_from_where_it_is(
    start_watched: StartWatched, trouble: Trouble
) -> None:
    watched = start_watched(REALTIME_OUTBOUND_BYTES=str(BOUND_BYTES))
    async with AsyncExitStack() as stack:
        play = await scene(stack, watched)
        await play.say("all are there")
        await play.reader.until_seq(play.seqs[-1])
        await trouble(play.path)
        waiting = []
        for number in range(MESSAGES):
            await play.say()
            if number % LOOK_EVERY == 0:
                waiting.append(play.waiting_bytes())
        waiting.append(play.waiting_bytes())
        assert BOUND_BYTES < max(waiting) <= BOUND_BYTES + FRAME_BYTES
        assert len(play.reader.seqs) < MESSAGES // 2
        await play.path.restore()
        await play.reader.until_seq(play.seqs[-1])
        await play.say("live again")
        await play.reader.until_seq(play.seqs[-1], within_s=PROMISE_S)
        assert play.waiting_bytes() == 0
        for follower in (play.reader, *play.others):
            assert follower.seqs == play.seqs
            assert (follower.connections, follower.codes, follower.resets) == (1, [], [])


@pytest.mark.parametrize("trouble", [slow, stopped])
async def test_a_reader_that_takes_too_little_for_too_long_is_let_go_and_comes_back(
    start_watched: StartWatched, trouble: Trouble
) -> None:
    watched = start_watched(REALTIME_OUTBOUND_BYTES=str(BOUND_BYTES), REALTIME_STALL_TIMEOUT=str(STALL_TIMEOUT_S))
    async with AsyncExitStack() as stack:
        play = await scene(stack, watched)
        await play.say("all are there")
        before = watched.window.inside()
        await trouble(play.path)
        for _ in range(MESSAGES):
            await play.say()
        await eventually(lambda: watched.window.inside().consumers < before.consumers, what="one consumer less")
        await play.say("meanwhile")
        await play.path.restore()
        await play.reader.until_seq(play.seqs[-1])
        await play.say("live again")
        await play.reader.until_seq(play.seqs[-1], within_s=PROMISE_S)
        assert play.reader.connections > 1
        assert set(play.reader.codes) <= {1013, None}
        for other in play.others:
            assert (other.connections, other.codes) == (1, [])
        for follower in (play.reader, *play.others):
            assert (follower.seqs, follower.resets) == (play.seqs, [])
        await eventually(lambda: not watched.window.inside().beyond(before), what=f"a server as it was: {before}")
