"""Jobs that come at the same time are done together, and each fails alone."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from chat.drill.parts.waiting import until
from realtime import gathering
from realtime.errors import RateLimited
from realtime.gathering import Gathering

WAIT_S = 10.0
FULL = 1_000_000


class Work:
    """Doubles numbers, but not before it is let; refuses negative ones, and breaks down where a zero is among them."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.done: list[tuple[str, list[int]]] = []
        self.gathering: Gathering[str, int, int] = Gathering(self, alone_after=ZeroDivisionError)

    def __call__(self, place: str, jobs: Sequence[int]) -> list[int | Exception]:
        assert self.let.wait(WAIT_S)
        if FULL in jobs:
            raise OSError("the disk is full")
        if 0 in jobs:
            raise ZeroDivisionError(f"{len(jobs)} jobs")
        self.done.append((place, list(jobs)))
        return [job * 2 if job > 0 else ValueError(job) for job in jobs]

    def is_behind(self, place: str, count: int) -> bool:
        """One is being done, and so many wait."""
        queue = self.gathering._queues.get(place)
        return queue is not None and len(queue.waiting) == count


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def pool() -> "ThreadPoolExecutor":
    return ThreadPoolExecutor(200)


def _begin(work: Work, pool: ThreadPoolExecutor, *jobs: int, place: str = "here") -> "list[Future[int]]":
    """The first is being done and the others wait behind it, in their order."""
    futures = []
    for number, job in enumerate(jobs):
        futures.append(pool.submit(work.gathering.do, place, job))
        until(partial(work.is_behind, place, number), within_s=WAIT_S, what=f"Job {number} in its queue")
    return futures


def test_one_that_comes_alone_is_done_alone(work: Work) -> None:
    work.let.set()
    assert work.gathering.do("here", 1) == 2
    assert work.done == [("here", [1])]
    assert work.gathering._queues == {}


def test_those_that_come_while_one_is_done_are_done_together_in_their_order(
    work: Work, pool: ThreadPoolExecutor
) -> None:
    futures = _begin(work, pool, 1, 2, 3, 4)
    work.let.set()
    assert [future.result(WAIT_S) for future in futures] == [2, 4, 6, 8]
    assert work.done == [("here", [1]), ("here", [2, 3, 4])]
    assert work.gathering._queues == {}


def test_places_do_not_wait_for_each_other(work: Work, pool: ThreadPoolExecutor) -> None:
    _begin(work, pool, 1, 2, place="there")
    _begin(work, pool, 3, place="here")
    work.let.set()
    until(lambda: len(work.done) == 3, within_s=WAIT_S, what="All jobs")
    assert sorted(work.done) == [("here", [3]), ("there", [1]), ("there", [2])]


def test_a_refused_one_is_refused_alone(work: Work, pool: ThreadPoolExecutor) -> None:
    futures = _begin(work, pool, 1, 2, -3, 4)
    work.let.set()
    assert futures[1].result(WAIT_S) == 4
    with pytest.raises(ValueError, match="-3"):
        futures[2].result(WAIT_S)
    assert futures[3].result(WAIT_S) == 8


def test_where_it_breaks_down_each_is_done_by_itself(work: Work, pool: ThreadPoolExecutor) -> None:
    futures = _begin(work, pool, 1, 2, 0, 4)
    work.let.set()
    assert [futures[number].result(WAIT_S) for number in (0, 1, 3)] == [2, 4, 8]
    with pytest.raises(ZeroDivisionError, match="1 jobs"):
        futures[2].result(WAIT_S)
    assert work.done == [("here", [1]), ("here", [2]), ("here", [4])]


def test_no_more_than_some_are_done_together(work: Work, pool: ThreadPoolExecutor) -> None:
    jobs = range(1, gathering.MOST + 5)
    futures = _begin(work, pool, *jobs)
    work.let.set()
    assert [future.result(WAIT_S) for future in futures] == [job * 2 for job in jobs]
    assert [len(done) for _, done in work.done] == [1, gathering.MOST, 3]


def test_what_concerns_all_is_tried_once(work: Work, pool: ThreadPoolExecutor) -> None:
    futures = _begin(work, pool, 1, 2, FULL, 4)
    work.let.set()
    assert futures[0].result(WAIT_S) == 2
    for future in futures[1:]:
        with pytest.raises(OSError, match="disk"):
            future.result(WAIT_S)
    assert work.done == [("here", [1])]


def test_who_comes_behind_those_that_are_held_up_is_told_to_come_again(
    work: Work, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "PATIENCE_S", 0.05)
    first, second = _begin(work, pool, 1, 2)
    with pytest.raises(RateLimited, match="held up"):
        second.result(WAIT_S)
    with pytest.raises(RateLimited, match="held up"):
        work.gathering.do("here", 3)
    work.let.set()
    assert first.result(WAIT_S) == 2
    assert work.gathering.do("here", 4) == 8
    assert work.done == [("here", [1]), ("here", [4])]
