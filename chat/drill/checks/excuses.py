"""When a fault excuses a delivery that takes longer than a second."""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from chat.drill.checks.spans import Span, joined
from chat.drill.history import Fault, History

MARGIN_S = 1.0
"""Before the beginning of a fault and after its end."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault from its beginning to its end, and what was seen of its bite."""

    id: int
    name: str
    began: float
    ended: float
    excuses: frozenset[str]
    scope: frozenset[str]
    bites: tuple[str, ...]
    failures: tuple[str, ...] = ()  # what must hold under this fault and did not

    @property
    def span(self) -> Span:
        """Within which what it breaks may be late."""
        return self.began - MARGIN_S, self.ended + MARGIN_S

    def touches(self, since: float, until: float) -> bool:
        first, last = self.span
        return first <= until and since <= last

    def excuses_from(self, *, path: str, server: int | None) -> bool:
        """Whether clients on this path, led to this server, may be late meanwhile."""
        if "all" in self.excuses:
            return True
        if "servers" in self.excuses and server is not None and str(server) in self.scope:
            return True
        return "paths" in self.excuses and path in self.scope


@lru_cache(maxsize=1)
def incidents(history: History) -> list[Incident]:
    """All faults in the order of their beginnings."""
    lines: dict[int, list[Fault]] = defaultdict(list)
    for fault in history.of(Fault):
        lines[fault.id].append(fault)
    return [_incident(id_, its) for id_, its in lines.items()]


def _incident(id_: int, lines: list[Fault]) -> Incident:
    return Incident(
        id=id_,
        name=lines[0].name,
        began=lines[0].t,
        ended=next((line.t for line in lines if line.stage == "end"), inf),
        excuses=frozenset(line.excuses for line in lines if line.excuses),
        scope=frozenset(str(each) for line in lines for each in line.scope),
        bites=tuple(line.detail for line in lines if line.stage == "bit"),
        failures=tuple(line.detail for line in lines if line.stage == "failed"),
    )


class Excuses:
    """Where faults overlap what was to be on time."""

    def __init__(self, faults: list[Incident]) -> None:
        self._faults = faults
        self._spans: dict[tuple[str, int | None], list[Span]] = {}
        self.trouble = joined([fault.span for fault in faults])
        """When any fault was going on."""

    def spans(self, *, path: str, server: int | None) -> list[Span]:
        """When a client on this path, led to this server, may get things late; in order, none touching another."""
        key = (path, server)
        if key not in self._spans:
            self._spans[key] = joined([f.span for f in self._faults if f.excuses_from(path=path, server=server)])
        return self._spans[key]


@lru_cache(maxsize=1)
def excuses(history: History) -> Excuses:
    return Excuses(incidents(history))
