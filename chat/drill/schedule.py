"""Which fault comes when: a plan that follows from the seed and the wishes alone."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from chat.drill.faults import FAULTS, KILLS
from chat.drill.faults.fault import Kind, Lane
from chat.drill.faults.kill import KILL
from chat.drill.installation import Setup

WARM_UP_S = 2.0
AROUND_S = {
    Lane.SERVERS: 3.0,
    Lane.PATHS: 2.0,
}  # what a fault takes beside what it lasts: processes start, clients return


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault of the plan.

    Args:
        at_s: after the beginning of the talk; later where the one before it takes longer.
        seed: for what the fault itself chooses.
    """

    at_s: float
    name: str
    lasts_s: float
    seed: int


class FaultUnknown(ValueError):
    """Nothing of this name, or it can't happen in this installation."""


def chosen(wanted: str, setup: Setup) -> list[Kind]:
    """The faults for `all`, `none`, or names with commas between them.

    Raises:
        FaultUnknown: the message says which ones there are.
    """
    if wanted == "all":
        return [kind for kind in FAULTS.values() if kind.applies(setup) and not kind.asked_for]
    if wanted == "none":
        return []
    kinds = []
    for name in wanted.split(","):
        kind = FAULTS.get(name)
        if kind is None:
            raise FaultUnknown(f"There is no fault {name!r}. There are: {', '.join(FAULTS)}.")
        if not kind.applies(setup):
            raise FaultUnknown(f"{name} needs another installation than {setup.database_kind} and {setup.layer_kind}.")
        kinds.append(kind)
    return kinds


def schedule(seed: int, *, lasts_s: float, faults: Collection[Kind], kills: int) -> list[Planned]:
    """Every fault at least once within `lasts_s`; where kills are among them, `kills` at random moments, and a tenth as
    many at each point.

    Faults of one lane follow one another; where the time is short they last shorter, down to their least.
    """
    random = Random(seed)
    plan = []
    for lane in Lane:
        kinds = [kind for kind in faults if kind.lane is lane]
        for kind in [kind for kind in kinds if kind in KILLS]:
            kinds += [kind] * ((kills if kind is KILL else kills // 10) - 1)
        random.shuffle(kinds)
        plan += _spread(kinds, lasts_s - WARM_UP_S, AROUND_S[lane], random)
    return sorted(plan, key=lambda planned: planned.at_s)


def _spread(kinds: list[Kind], lasts_s: float, around_s: float, random: Random) -> list[Planned]:
    wanted = sum(kind.lasts_s for kind in kinds)
    free = lasts_s - around_s * len(kinds)
    shorter = min(1.0, max(0.0, free) / wanted) if wanted else 1.0
    durations = [max(kind.least_s, kind.lasts_s * shorter) for kind in kinds]
    pause = max(0.0, free - sum(durations)) / (len(kinds) + 1)
    at = WARM_UP_S
    plan = []
    for kind, duration in zip(kinds, durations, strict=True):
        at += pause * random.random()
        plan.append(Planned(round(at, 2), kind.name, round(duration, 2), random.getrandbits(32)))
        at += duration + around_s
    return plan


def in_words(plan: list[Planned]) -> list[dict[str, Any]]:
    return [asdict(planned) for planned in plan]
