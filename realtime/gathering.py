"""Threads that want the same kind of thing at the same time, served together: one transaction for all of them."""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Place = TypeVar("Place", bound=Hashable)
Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

MOST = 64


class _Waiting(Generic[Job, Outcome]):
    def __init__(self, job: Job) -> None:
        self.job = job
        self.turn = threading.Event()  # it is done, or it is this one's turn to do what waits
        self.outcome: Outcome | Exception | None = None
        self.done = False

    def finish(self, outcome: "Outcome | Exception") -> None:
        self.outcome, self.done = outcome, True
        self.turn.set()


class Gathering(Generic[Place, Job, Outcome]):
    """Does jobs for one place together: the first thread does its own; whatever came meanwhile, the next does at once.

    Nobody waits for others to come: a job that comes alone is done alone.

    Args:
        work: does some jobs for a place, all or none, and gives an outcome for each; one that is an exception is raised
            where the job came from. Where it raises, each job is done once more by itself, so each fails alone.
    """

    def __init__(self, work: Callable[[Place, Sequence[Job]], Sequence[Outcome | Exception]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: dict[Place, list[_Waiting[Job, Outcome]]] = {}

    def do(self, place: Place, job: Job) -> Outcome:
        """The outcome of the job, done in this thread or in another one that is at the same place."""
        mine: _Waiting[Job, Outcome] = _Waiting(job)
        with self._lock:
            queue = self._waiting.get(place)
            if queue is None:
                self._waiting[place] = queue = []  # somebody is at it from now on: this thread
                queue.append(mine)
                mine.turn.set()
            else:
                queue.append(mine)
        mine.turn.wait()
        if not mine.done:
            self._do_what_waits(place, queue)
        if isinstance(mine.outcome, Exception):
            raise mine.outcome
        return mine.outcome  # type: ignore[return-value]

    def _do_what_waits(self, place: Place, queue: "list[_Waiting[Job, Outcome]]") -> None:
        with self._lock:
            together = queue[:MOST]
            del queue[:MOST]
        try:
            self._do(place, together)
        finally:
            with self._lock:
                if queue:
                    queue[0].turn.set()
                else:
                    del self._waiting[place]

    def _do(self, place: Place, together: "list[_Waiting[Job, Outcome]]") -> None:
        try:
            outcomes = self._work(place, [each.job for each in together])
        except Exception as error:
            if len(together) == 1:
                together[0].finish(error)
                return
            for each in together:
                self._do(place, [each])
            return
        for each, outcome in zip(together, outcomes, strict=True):
            each.finish(outcome)
