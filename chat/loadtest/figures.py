"""What a load test measured, and whether it counts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

BUSY_SHARE = 0.85  # of a core: past this a process of clients is late itself
BUSY_BESIDE_SERVER = 0.8  # of the server's own CPU time, where the clients are at work for a good part of the time
WORKING_SHARE = 0.3
LATE_MS, LATE_SHARE = 50.0, 0.01


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles by nearest rank, in milliseconds; all 0 where there was nothing."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, nanoseconds: Iterable[int]) -> "Latency":
        rising = sorted(nanoseconds)
        return cls(len(rising), *(_at(rising, percent) / 1e6 for percent in (50, 99, 100)))


def _at(rising: Sequence[int], percent: int) -> int:
    return rising[ceil(len(rising) * percent / 100) - 1] if rising else 0


@dataclass(slots=True)
class Figures:
    """Of one run. What could not be measured is None.

    Args:
        arrivals: from the send to the arrival at each client.
        acknowledgements: from when a send was due to its acknowledgement.
        expected: deliveries that were due; `arrivals.count` is how many came.
        seconds: from the first send to the last arrival or acknowledgement.
        server_cpu_s: of all server processes, in user and system mode.
        connection_bytes: resident memory of the server, by connection.
        generator_share: of one core, by the busiest process of clients.
        generator_cpu_s: of all processes of clients.
        returns: until each of those that came back at once had caught up.
        reasons: why the run doesn't count.
    """

    scenario: str
    clients: int
    rooms: int
    seconds: float = 0.0
    arrivals: Latency = field(default_factory=lambda: Latency.of(()))
    acknowledgements: Latency = field(default_factory=lambda: Latency.of(()))
    expected: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    server_cpu_s: float | None = None
    connection_bytes: float | None = None
    generator_share: float = 0.0
    generator_cpu_s: float = 0.0
    returns: Latency | None = None
    reasons: list[str] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        return not self.reasons

    @property
    def deliveries_per_s(self) -> float:
        return self.arrivals.count / self.seconds if self.seconds else 0.0

    @property
    def acknowledged_per_s(self) -> float:
        return self.acknowledgements.count / self.seconds if self.seconds else 0.0

    @property
    def cpu_per_delivery_us(self) -> float | None:
        if self.server_cpu_s is None or not self.arrivals.count:
            return None
        return self.server_cpu_s / self.arrivals.count * 1e6

    @property
    def cpu_per_send_ms(self) -> float | None:
        if self.server_cpu_s is None or not self.acknowledgements.count:
            return None
        return self.server_cpu_s / self.acknowledgements.count * 1e3

    @property
    def server_share(self) -> float | None:
        """Of one core, by all server processes together."""
        return self.server_cpu_s / self.seconds if self.server_cpu_s is not None and self.seconds else None

    def judge_generator(self, late_ns: Iterable[int]) -> None:
        """Note where the clients, not the server, have set the figures."""
        if self.generator_share >= BUSY_SHARE:
            self.reasons.append(f"a process of clients was busy {self.generator_share:.0%} of the time")
        elif (
            self.server_cpu_s is not None
            and self.generator_share >= WORKING_SHARE
            and self.generator_cpu_s >= BUSY_BESIDE_SERVER * self.server_cpu_s
        ):
            self.reasons.append(
                f"the clients took {self.generator_cpu_s:.1f} s of CPU time, the server {self.server_cpu_s:.1f} s"
            )
        late = [each for each in late_ns if each > LATE_MS * 1e6]
        due = self.acknowledgements.count + sum(self.failures.values())
        if len(late) > LATE_SHARE * due:
            self.reasons.append(f"{len(late)} of {due} sends went out more than {LATE_MS:g} ms late")

    def judge_server(self) -> None:
        """Note what should have come and did not."""
        if self.arrivals.count != self.expected:
            self.reasons.append(f"{self.arrivals.count} deliveries came of {self.expected}")
        for failure, times in self.failures.most_common(3):
            self.reasons.append(f"{times} sends failed: {failure}")

    def as_json(self) -> dict[str, Any]:
        derived = {
            name: getattr(self, name)
            for name in (
                "valid", "deliveries_per_s", "acknowledged_per_s", "cpu_per_delivery_us", "cpu_per_send_ms",
                "server_share",
            )
        }  # fmt: skip
        return asdict(self) | derived
