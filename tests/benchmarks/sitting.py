"""One sitting: what is compared takes turns on the same machine, round by round, and the ratios of each round count."""

import asyncio
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from chat.loadtest.figures import Figures
from chat.loadtest.scenarios import Plan, play
from tests.benchmarks.subjects import Subject

Start = Callable[[Path], AbstractContextManager[Subject]]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one figure over the rounds: its median, its least and its greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    def words(self, unit: str = "", digits: int = 2) -> str:
        figures = [f"{each:,.{digits}f}" for each in (self.median, self.least, self.greatest)]
        return f"{figures[0]}{unit} ({figures[1]}–{figures[2]})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `passed` is None where there is no bar."""

    work: str
    bar: str
    measured: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to a server."""

    scenario: str
    plan: Plan
    listening_processes: int = 1


class InvalidRun(Exception):
    """A run that does not count, and why."""


class Sitting:
    """A scratch folder, and how many rounds there are."""

    def __init__(self, folder: Path, rounds: int, say: Say) -> None:
        self.folder = folder
        self.rounds = rounds
        self._say = say
        self._numbers = count()

    def take_turns(self, turns: Mapping[str, tuple[Start, Task]]) -> dict[str, list[Figures]]:
        """The figures of each, one for each round.

        Raises:
            InvalidRun: the clients set a run's figures, or something did not arrive.
        """
        found: dict[str, list[Figures]] = {name: [] for name in turns}
        for number in range(self.rounds):
            for name, (start, task) in turns.items():
                self._say(f"round {number + 1} of {self.rounds}: {name}")
                with start(self.scratch()) as subject:
                    found[name].append(self.measure(name, task, subject))
        return found

    def measure(self, name: str, task: Task, subject: Subject) -> Figures:
        """What the task came to.

        Raises:
            InvalidRun: the same as of `take_turns`.
        """
        processes = task.listening_processes
        figures = asyncio.run(play(task.scenario, task.plan, subject.cast, subject.processes, processes=processes))
        if not figures.valid:
            raise InvalidRun(f"{name}: {'; '.join(figures.reasons)}")
        return figures

    def scratch(self) -> Path:
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        return folder


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Of each round."""
    return Spread.of(one / other for one, other in zip(ours, theirs, strict=True))
