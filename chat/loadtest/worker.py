"""Processes that hold the clients, and calls to them."""

import asyncio
import gc
import multiprocessing
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import uvloop

_processes = multiprocessing.get_context("spawn")  # Django's state and its connections are not theirs
END_LIMIT_S = 5.0


class WorkerFailed(Exception):
    """A call could not be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Busy:
    """How much a process has done between two looks at it."""

    cpu_s: float
    seconds: float

    @property
    def share(self) -> float:
        """Of one core."""
        return self.cpu_s / self.seconds if self.seconds else 0.0


class Worker:
    """A process with one object in it, whose coroutine methods are called from here."""

    def __init__(self, role: Callable[[], Any]) -> None:
        self._pipe, theirs = _processes.Pipe()
        self._process = _processes.Process(target=serve, args=(theirs, role), daemon=True)
        self._process.start()
        theirs.close()
        self._turn = asyncio.Lock()
        self._looked_at = self._busy = 0.0

    async def call(self, name: str, *args: Any) -> Any:
        """What the method answers.

        Raises:
            WorkerFailed: it raised, or the process has ended.
        """
        async with self._turn:
            failed, answer = await asyncio.to_thread(self._ask, name, args)
        if failed:
            raise WorkerFailed(answer)
        return answer

    async def look(self) -> Busy:
        """What it has done since the last look."""
        busy, before = await self.call("busy"), (self._busy, self._looked_at)
        self._busy, self._looked_at = busy, time.monotonic()
        return Busy(self._busy - before[0], self._looked_at - before[1])

    def end(self) -> None:
        self._pipe.close()
        self._process.join(END_LIMIT_S)
        if self._process.is_alive():
            self._process.kill()

    def _ask(self, name: str, args: tuple[Any, ...]) -> tuple[bool, Any]:
        try:
            self._pipe.send((name, args))
            answer: tuple[bool, Any] = self._pipe.recv()
        except (EOFError, OSError) as error:
            return True, f"a process of clients has ended: {error}"
        return answer


def serve(pipe: Connection, role: Callable[[], Any]) -> None:
    """What runs in the process: answer until the other side of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started it
    gc.disable()  # a collection would be measured as the server's delay
    _allow_open_files()
    uvloop.run(_serve(pipe, role))


async def _serve(pipe: Connection, role: Callable[[], Any]) -> None:
    held = role()
    while True:
        try:
            name, args = await asyncio.to_thread(pipe.recv)
        except EOFError:
            await held.close()
            return
        try:
            answer = (False, _cpu_s() if name == "busy" else await getattr(held, name)(*args))
        except Exception as error:  # the border: the one who asked is told
            answer = (True, f"{type(error).__name__}: {error}")
        pipe.send(answer)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _allow_open_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
