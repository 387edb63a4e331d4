"""The processes of clients, as one."""

import asyncio
from array import array
from collections.abc import Sequence
from typing import Any

from chat.loadtest.listeners import Heard, Listeners
from chat.loadtest.senders import Senders, Sent
from chat.loadtest.wire import Letter, Socket
from chat.loadtest.worker import Worker

LOOK_INTERVAL_S = 0.05


class Crew:
    """Listeners, dealt out to some processes, and one process that sends."""

    def __init__(self, listening_processes: int) -> None:
        self._listening = [Worker(Listeners) for _ in range(listening_processes)]
        self._sending = Worker(Senders)

    async def listen(self, sockets: Sequence[Socket], at_once: int) -> None:
        """Open the sockets, so many of them at the same time."""
        step = len(self._listening)
        await asyncio.gather(
            *(
                worker.call("connect", list(sockets[number::step]), max(1, at_once // step))
                for number, worker in enumerate(self._listening)
            )
        )

    async def ready_to_send(self, letters: Sequence[Letter], sockets_each: int = 1) -> None:
        await self._sending.call("connect", list(letters), sockets_each)

    async def begin(self) -> None:
        """Forget what was heard and how busy the processes were until now."""
        await self._everybody("forget")
        await self.look()

    async def look(self) -> tuple[float, float]:
        """Since the last look: the share of a core of the busiest process, and the CPU time of all in seconds."""
        looks = await asyncio.gather(*(worker.look() for worker in (*self._listening, self._sending)))
        return max(look.share for look in looks), sum(look.cpu_s for look in looks)

    async def send_at_rate(self, per_s: float, seconds: float) -> Sent:
        return await self._send("at_rate", per_s, seconds)

    async def send_at_once(self, senders: int, seconds: float) -> Sent:
        return await self._send("at_once", senders, seconds)

    async def hear(self, count: int, within_s: float) -> None:
        """Return when so many messages have come to all of them together, or the time is over."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + within_s
        while sum(await self._everybody("count")) < count and loop.time() < ends:  # noqa: ASYNC110  (in other processes)
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def heard(self) -> Heard:
        """What all have heard."""
        latencies, last = array("q"), 0
        for heard in await self._everybody("heard"):
            latencies += heard.latencies_ns
            last = max(last, heard.last_at_ns)
        return Heard(latencies, last)

    async def lost(self) -> list[str]:
        return [end for ends in await self._everybody("lost") for end in ends]

    async def cut(self) -> None:
        await self._everybody("cut")

    async def come_back(self, at_once: int) -> "array[int]":
        returns = array("q")
        for some in await self._everybody("come_back", max(1, at_once // len(self._listening))):
            returns += some
        return returns

    async def stop_reading(self, count: int) -> None:
        """The first few of all stop."""
        await self._listening[0].call("stop_reading", count)

    def end(self) -> None:
        for worker in (*self._listening, self._sending):
            worker.end()

    async def _everybody(self, name: str, *args: Any) -> list[Any]:
        return await asyncio.gather(*(worker.call(name, *args) for worker in self._listening))

    async def _send(self, how: str, amount: float, seconds: float) -> Sent:
        sent: Sent = await self._sending.call(how, amount, seconds)
        return sent
