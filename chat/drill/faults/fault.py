"""What every fault is: it begins, is seen to bite, and ends; one that can't show its bite fails the drill."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from chat.drill import history
from chat.drill.installation import Installation, Setup
from chat.drill.network import Path
from chat.drill.talk import Talk

POLL_INTERVAL_S = 0.05
PATIENCE_S = 10.0  # so long a fault goes on until it has bitten, where others keep people from doing what shows it


class Lane(Enum):
    """Faults of one lane come one after the other; those of two may be there at the same time."""

    SERVERS = "servers"
    PATHS = "paths"


@dataclass(slots=True)
class Scene:
    """Where faults happen."""

    installation: Installation
    talk: Talk
    recorder: history.Recorder
    damaged: set[str] = field(default_factory=set)  # names of paths

    @contextmanager
    def damaging(self, random: Random, share: float) -> Iterator[list[Path]]:
        """Some of the clients' paths, at least one, that no other fault damages meanwhile."""
        whole = [path for path in self.talk.paths if path.name not in self.damaged]
        chosen = random.sample(whole, min(len(whole), max(1, round(share * len(whole)))))
        names = {path.name for path in chosen}
        self.damaged |= names
        try:
            yield chosen
        finally:
            self.damaged -= names


class Incident:
    """One fault in one drill, as it goes on record.

    Args:
        lasts_s: how long it should last, where that is for the plan to say.
        random: its own, so that what it does follows from the seed alone.
    """

    def __init__(self, id_: int, name: str, *, lasts_s: float, random: Random, recorder: history.Recorder) -> None:
        self.id = id_
        self.name = name
        self.lasts_s = lasts_s
        self.random = random
        self.bites = 0
        self._recorder = recorder

    def begin(self, detail: str, *, excuses: str = "", scope: Collection[object] = ()) -> None:
        """`excuses` and `scope` as in `history.Fault`."""
        self._say("begin", detail, excuses, scope)

    def bit(self, detail: str, *, excuses: str = "", scope: Collection[object] = ()) -> None:
        """It was seen to do harm."""
        self.bites += 1
        self._say("bit", detail, excuses, scope)

    def failed(self, detail: str) -> None:
        """Something that must hold under this fault did not."""
        self._say("failed", detail)

    def end(self, detail: str = "") -> None:
        self._say("end", detail)

    def _say(self, stage: str, detail: str, excuses: str = "", scope: Collection[object] = ()) -> None:
        names = [str(each) for each in scope]
        self._recorder.add(history.Fault(time.monotonic(), self.id, self.name, stage, detail, excuses, names))


def always(_: Setup) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault that a drill knows.

    Args:
        inflict: begins it, sees it bite, and mends all that it broke.
        lasts_s: in a long run.
        least_s: as short as it still makes sense.
        applies: whether there is what it breaks.
        asked_for: it isn't among `all`.
    """

    name: str
    inflict: Callable[[Scene, Incident], Awaitable[None]]
    lane: Lane
    lasts_s: float
    least_s: float
    applies: Callable[[Setup], bool] = always
    asked_for: bool = False


async def until(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait until it is so; False where that takes too long."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_INTERVAL_S)
    return True
