"""What a load test lets its clients do, and what it measures meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from chat.loadtest.crew import Crew
from chat.loadtest.figures import Figures, Latency
from chat.loadtest.senders import Sent
from chat.loadtest.server_processes import ServerProcesses
from chat.loadtest.wire import Letter, Socket

HANDSHAKES_AT_ONCE = 50
FLOODING_SOCKETS = 4  # a socket takes 50 operations at once
ARRIVAL_LIMIT_S = 20.0
REST_S = 1.0  # after so many handshakes, for what they left behind
STALLED_RECEIVE_BYTES = 4_096  # else the system keeps megabytes for one that does not read
WARM_UP = 2  # sends a second, for two seconds, that nobody measures
MISSED = 20  # messages that are sent while those who come back are away

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: those who listen, all of them to every room that is sent to or in equal numbers to each."""

    sockets: Sequence[Socket]
    letters: Sequence[Letter]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a scenario is run.

    Args:
        rate: sends per second in all; None: as many as are acknowledged.
        senders: who send at the same time where there is no rate.
        seconds: how long to send, or to be idle.
    """

    rooms: int = 1
    rate: float | None = 10.0
    senders: int = 64
    seconds: float = 10.0


Scenario = Callable[["Run"], Awaitable[None]]


class Run:
    """One scenario on one server."""

    def __init__(self, name: str, plan: Plan, cast: Cast, crew: Crew, server: ServerProcesses, say: Say) -> None:
        self.plan = plan
        self.cast = cast
        self.crew = crew
        self.say = say
        self.figures = Figures(name, clients=len(cast.sockets), rooms=plan.rooms)
        self._server = server
        self._late: list[int] = []

    async def gather(self) -> None:
        """Let everybody come, and see what a connection takes of the server's memory."""
        self.say(f"{len(self.cast.sockets):,} clients connect")
        before = self._server.resident_bytes()
        await self.crew.listen(self.cast.sockets, HANDSHAKES_AT_ONCE)
        sockets_each = 1 if self.plan.rate else FLOODING_SOCKETS
        await self.crew.ready_to_send(self.cast.letters, sockets_each)
        await asyncio.sleep(REST_S)
        if self._server and self.cast.sockets:
            self.figures.connection_bytes = (self._server.resident_bytes() - before) / len(self.cast.sockets)
        self.say("they warm up")
        await self.crew.begin()
        sent = await self.crew.send_at_rate(max(WARM_UP, self.plan.rooms / 2), 2.0)  # at least one to each room
        await self.crew.hear(self._deliveries(len(sent.latencies_ns)), ARRIVAL_LIMIT_S)

    async def talk(self) -> Sent:
        """Send as planned."""
        self.say("they talk")
        if self.plan.rate is None:
            return await self.crew.send_at_once(self.plan.senders, self.plan.seconds)
        return await self.crew.send_at_rate(self.plan.rate, self.plan.seconds)

    async def measure(self, work: Callable[[], Awaitable[Sent]], *, owed: int = 0) -> None:
        """Do the work, wait until all of it has arrived, and note what it took. `owed`: sent before, not heard yet."""
        await self.crew.begin()
        cpu_s = self._server.cpu_s()
        began = time.monotonic_ns()
        sent = await work()
        due = self._deliveries(len(sent.latencies_ns) + owed)
        await self.crew.hear(due, ARRIVAL_LIMIT_S)
        heard = await self.crew.heard()
        ended = max(heard.last_at_ns, sent.last_at_ns, began + 1)
        figures = self.figures
        figures.seconds = (ended - (sent.first_at_ns or began)) / 1e9
        figures.generator_share, figures.generator_cpu_s = await self.crew.look()
        if self._server:
            figures.server_cpu_s = self._server.cpu_s() - cpu_s
        figures.arrivals = Latency.of(heard.latencies_ns)
        figures.acknowledgements = Latency.of(sent.latencies_ns)
        figures.failures = sent.failures
        figures.expected = due
        self._late += sent.late_ns

    def _deliveries(self, sends: int) -> int:
        """Each goes to one of the rooms, and all rooms have as many listeners."""
        return sends * len(self.cast.sockets) // self.plan.rooms

    async def judge(self) -> Figures:
        """Say whether it counts."""
        self.figures.judge_generator(self._late)
        self.figures.judge_server()
        if lost := await self.crew.lost():
            self.figures.reasons.append(f"{len(lost)} connections ended: {lost[0]}")
        return self.figures


async def fan_out(run: Run) -> None:
    """Everybody listens, somebody sends."""
    await run.measure(run.talk)


async def idle(run: Run) -> None:
    """Everybody listens, nobody sends."""

    async def rest() -> Sent:
        run.say("nobody talks")
        await asyncio.sleep(run.plan.seconds)
        now = time.monotonic_ns()
        return Sent(first_at_ns=now - round(run.plan.seconds * 1e9), last_at_ns=now)

    await run.measure(rest)


async def reconnect(run: Run) -> None:
    """Everybody loses the network, misses some messages and comes back at once, while somebody goes on sending."""
    run.say("all are cut off, and come back")
    await run.crew.cut()
    missed = await run.crew.send_at_rate(MISSED * 10, 0.1)

    async def come_back() -> Sent:
        talk = asyncio.create_task(run.talk())
        run.figures.returns = Latency.of(await run.crew.come_back(len(run.cast.sockets)))
        return await talk

    await run.measure(come_back, owed=len(missed.latencies_ns))


async def stalled(run: Run) -> None:
    """One of the listeners stops to read; the others' figures are what is measured."""
    await run.crew.stop_reading(1)
    await run.measure(run.talk)
    run.figures.expected -= run.figures.expected // len(run.cast.sockets)


SCENARIOS: dict[str, tuple[Scenario, Plan, int]] = {
    "fan-out": (fan_out, Plan(), 1_000),
    "rooms": (fan_out, Plan(rooms=200, rate=100.0), 2_000),
    "sends": (fan_out, Plan(rate=None), 10),
    "reconnect": (reconnect, Plan(rate=20.0), 1_000),
    "stalled": (stalled, Plan(), 1_000),
    "idle": (idle, Plan(seconds=30.0), 1_000),
}
"""By name: what is done, how if nothing else is said, and by how many clients."""


async def play(
    name: str, plan: Plan, cast: Cast, server: ServerProcesses, *, processes: int = 1, say: Say = lambda _: None
) -> Figures:
    """Run a scenario with clients in processes of their own, which are ended whatever happens.

    Raises:
        WorkerFailed: the clients could not connect or send.
    """
    if name == "stalled":
        first, *others = cast.sockets
        cast = replace(cast, sockets=[replace(first, receive_bytes=STALLED_RECEIVE_BYTES), *others])
    crew = Crew(processes)
    try:
        run = Run(name, plan, cast, crew, server, say)
        await run.gather()
        await SCENARIOS[name][0](run)
        return await run.judge()
    finally:
        crew.end()
