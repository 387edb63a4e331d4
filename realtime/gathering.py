"""Threads that want the same kind of thing at the same time, served together: one transaction for all of them."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from realtime.errors import RateLimited

MOST = 64
PATIENCE_S = 2.0  # each of those that wait holds a thread

Place = TypeVar("Place", bound=Hashable)
Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


class _Waiting(Generic[Job, Outcome]):
    def __init__(self, job: Job) -> None:
        self.job = job
        self.turn = threading.Event()  # it is done, or it is this one's turn to do what waits
        self.outcomes: list[Outcome | Exception] = []  # the one, once it is done

    def finish(self, outcome: "Outcome | Exception") -> None:
        self.outcomes.append(outcome)
        self.turn.set()


class _Queue(Generic[Job, Outcome]):
    """Those who wait at a place while somebody is at it."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting[Job, Outcome]] = []
        self.since = time.monotonic()  # the present ones are at it


class Gathering(Generic[Place, Job, Outcome]):
    """Does jobs for one place together: the first thread does its own; whatever came meanwhile, the next does at once.

    Nobody waits for others to come: a job that comes alone is done alone. And nobody waits long: where those before are
    held up (by a locked row), who comes after them is told to come again, and its thread is there for other places.

    Args:
        work: does some jobs for a place, all or none, and gives an outcome for each; one that is an exception is raised
            where the job came from.
        alone_after: where the work raises this, each job is done once more by itself, so each fails alone. Anything
            else that it raises concerns them all.
    """

    def __init__(
        self, work: Callable[[Place, Sequence[Job]], Sequence[Outcome | Exception]], *, alone_after: type[Exception]
    ) -> None:
        self._work = work
        self._alone_after = alone_after
        self._lock = threading.Lock()
        self._queues: dict[Place, _Queue[Job, Outcome]] = {}

    def do(self, place: Place, job: Job) -> Outcome:
        """The outcome of the job, done in this thread or in another one that is at the same place.

        Raises:
            RateLimited: those before it are held up.
        """
        mine: _Waiting[Job, Outcome] = _Waiting(job)
        queue = self._line_up(place, mine)
        if not mine.turn.wait(PATIENCE_S):
            self._leave(queue, mine)
            mine.turn.wait()  # it is among those that are being done
        if not mine.outcomes:
            self._do_what_waits(place, queue)
        (outcome,) = mine.outcomes
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _line_up(self, place: Place, mine: "_Waiting[Job, Outcome]") -> "_Queue[Job, Outcome]":
        with self._lock:
            queue = self._queues.get(place)
            if queue is None:
                queue = self._queues[place] = _Queue()
                mine.turn.set()
            elif time.monotonic() - queue.since > PATIENCE_S:
                raise _held_up()
            queue.waiting.append(mine)
            return queue

    def _leave(self, queue: "_Queue[Job, Outcome]", mine: "_Waiting[Job, Outcome]") -> None:
        with self._lock:
            if mine in queue.waiting and not mine.turn.is_set():
                queue.waiting.remove(mine)
                raise _held_up()

    def _do_what_waits(self, place: Place, queue: "_Queue[Job, Outcome]") -> None:
        with self._lock:
            together = queue.waiting[:MOST]
            del queue.waiting[:MOST]
            queue.since = time.monotonic()
        try:
            self._do(place, together)
        finally:
            with self._lock:
                if queue.waiting:
                    queue.waiting[0].turn.set()
                else:
                    del self._queues[place]

    def _do(self, place: Place, together: "list[_Waiting[Job, Outcome]]") -> None:
        try:
            outcomes = self._work(place, [each.job for each in together])
        except Exception as error:
            if isinstance(error, self._alone_after) and len(together) > 1:
                for each in together:
                    self._do(place, [each])
            else:
                for each in together:
                    each.finish(error)
            return
        for each, outcome in zip(together, outcomes, strict=True):
            each.finish(outcome)


def _held_up() -> RateLimited:
    return RateLimited("those before are held up: come again", reason="HELD_UP", retry_after=1.0)
