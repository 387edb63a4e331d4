"""The process of all page clients of a drill: the product's own modules under Node.js, and the line to it."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chat.drill.parts import node
from chat.drill.parts.databases import ROOT
from chat.drill.parts.failure import PartFailedError
from chat.drill.priority import go_first

logger = logging.getLogger(__name__)

_PROGRAM = ROOT / "static" / "drill" / "run.mjs"
# What the program is built from, and what brings each.
_NEEDED = {
    ROOT / "node_modules" / "fake-indexeddb": "the Node.js packages (npm ci)",
    ROOT / "static" / "src" / "generated" / "operations.ts": "the client's generated types (make bundle)",
}
_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0
_MAX_LINE_BYTES = 64 * 1024 * 1024  # the state of a page is one line

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Status:
    """What a page said of itself last; the fields are those of PageStatus in static/drill/page.ts."""

    position: int | None = None
    unsent: int = 0
    stopped: bool = False
    messages: list[str] = field(default_factory=list)


class Pages:
    """One Node.js process with any number of browsers in it. Belongs to the event loop on which it was started.

    Args:
        folder: where the history and the process's own output go.
        jitter: by how much the product's back-off delays are shortened: they are drawn from this part of them.

    Attributes:
        history: the file with what the pages did.
        failures: errors that nobody caught in there, and orders that failed; empty in a sound drill.
    """

    def __init__(self, folder: Path, *, jitter: float = 0.1) -> None:
        self.folder = folder
        self.history = folder / "pages.jsonl"
        self.failures: list[str] = []
        self.statuses: dict[str, Status] = {}
        self._jitter = jitter
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._numbers = 0
        self._news = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process id of the running process."""
        if self._process is None:
            raise ProcessLookupError("the pages' process is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start the process.

        Raises:
            PartFailedError: something is missing, or it did not start; the message says what.
        """
        _see_that_all_is_there()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "pages.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(node.program(), str(_PROGRAM), "--history", str(self.history), "--jitter", str(self._jitter)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_MAX_LINE_BYTES,
            )
        go_first(self._process.pid)
        self._reading = asyncio.create_task(self._read(), name="answers of the pages")
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await self.ask("hello")
        except TimeoutError as error:
            await self.stop()
            raise PartFailedError(f"The pages' process did not start within {_START_LIMIT_S:g} s") from error

    async def stop(self) -> None:
        """Close all pages and end the process."""
        if self._process is None or self._reading is None:
            return
        process, self._process = self._process, None
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await self._reading

    def order(self, what: str, **more: Any) -> "asyncio.Future[Any]":
        """Give an order without waiting; orders are carried out one after another. Whoever awaits the answer gets its
        failure; one that nobody awaits is in `failures`.

        Raises:
            ProcessLookupError: the process is not running.
        """
        if self._process is None or self._process.stdin is None:
            raise ProcessLookupError("the pages' process is not running")
        self._numbers += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[self._numbers] = answer
        line = json.dumps({"n": self._numbers, "do": what, **more})
        self._process.stdin.write(f"{line}\n".encode())
        return answer

    async def ask(self, what: str, **more: Any) -> Any:
        """Give an order and wait for its answer.

        Raises:
            PartFailedError: it could not be carried out, or the process has ended.
        """
        return await self.order(what, **more)

    def tell(self, what: str, **more: Any) -> "asyncio.Future[Any]":
        """Give an order whose answer nobody awaits."""
        answer = self.order(what, **more)
        answer.add_done_callback(self._note_failure)
        return answer

    async def until(self, condition: Callable[[], T], *, within_s: float, what: str) -> T:
        """Wait until the pages' statuses make `condition` true, and return its answer.

        Raises:
            TimeoutError: not within that time; `what` says what was waited for.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        while not (answer := condition()):
            self._news.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                if answer := condition():
                    return answer
                raise TimeoutError(f"{what}: not within {within_s:g} s") from None
        return answer

    def _note_failure(self, answer: "asyncio.Future[Any]") -> None:
        if not answer.cancelled() and (error := answer.exception()) is not None:
            self._fail(str(error))

    def _fail(self, failure: str) -> None:
        self.failures.append(failure)
        logger.error("A page of the drill failed: %s", failure)
        self._news.set()

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._hear(json.loads(line))
        log = (self.folder / "pages.log").read_text(errors="replace")
        if self._process is not None:
            self._fail(f"The pages' process has ended.\n{log[-2000:]}")
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            if not answer.done():
                answer.set_exception(PartFailedError(f"The pages' process has ended.\n{log[-2000:]}"))

    def _hear(self, said: Json) -> None:
        match said:
            case {"page": page, **status}:
                self.statuses[page] = Status(**status)
            case {"n": number, "failed": why}:
                answer = self._asked.pop(number)
                if not answer.done():
                    answer.set_exception(PartFailedError(why))
            case {"n": number, "done": done}:
                answer = self._asked.pop(number)
                if not answer.done():
                    answer.set_result(done)
            case {"broken": what}:
                self._fail(what)
        # After what waits for the answer itself: two lines that come together are one piece of news.
        asyncio.get_running_loop().call_soon(self._news.set)


def _see_that_all_is_there() -> None:
    for path, what in _NEEDED.items():
        if not path.exists():
            raise PartFailedError(
                f"The drill's pages can't start without {what}: there is no {path.relative_to(ROOT)}."
            )
