"""Two things measured against each other in one sitting: they take turns, so that both meet the same weather."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of many rounds, and the quartiles around it."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, samples: list[float]) -> "Spread":
        low, _, high = quantiles(samples, n=4)
        return cls(low, median(samples), high)

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How large compares to small. `cpu` is this process's alone; `wall` has the database server's in it too."""

    name: str
    small_ms: Spread
    large_ms: Spread
    cpu: Spread
    wall: Spread
    queries: tuple[int, int]


Work = Callable[[], object]


def compare(
    name: str, small: Work, large: Work, *, rounds: int, calls: int, queries_of: Callable[[Work], int]
) -> Comparison:
    """Run both in turn, `calls` times a round; which of them begins alternates."""
    for _ in range(WARM_UP):
        small()
        large()
    taken: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for number in range(rounds):
        for is_large in (number % 2 == 0, number % 2 == 1):
            taken[is_large].append(_time(large if is_large else small, calls))
    pairs = list(zip(taken[False], taken[True], strict=True))
    return Comparison(
        name=name,
        small_ms=Spread.of([wall * 1e3 for (_, wall), _ in pairs]),
        large_ms=Spread.of([wall * 1e3 for _, (_, wall) in pairs]),
        cpu=Spread.of([large_cpu / small_cpu for (small_cpu, _), (large_cpu, _) in pairs]),
        wall=Spread.of([large_wall / small_wall for (_, small_wall), (_, large_wall) in pairs]),
        queries=(queries_of(small), queries_of(large)),
    )


def _time(work: Work, calls: int) -> tuple[float, float]:
    """Seconds of CPU and of time for one call."""
    cpu, begun = time.process_time(), time.perf_counter()
    for _ in range(calls):
        work()
    return (time.process_time() - cpu) / calls, (time.perf_counter() - begun) / calls
