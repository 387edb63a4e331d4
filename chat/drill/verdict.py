"""What a drill has shown: every promise holds, one is broken, or nothing can be said."""

from dataclasses import dataclass, field
from math import isinf

from chat.drill.checks import check
from chat.drill.checks.eras import room_logs
from chat.drill.checks.excuses import Incident, incidents
from chat.drill.checks.lives import lives
from chat.drill.checks.outcome import Outcome
from chat.drill.harm import harm
from chat.drill.history import History, Lagged, Phase, Room, Run

HOLDS, BROKEN, VOID = 0, 1, 3
"""The exit status of a drill."""

MAX_LAG_S = 0.1
CROWD = "crowd"  # clients that only count


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was found.

    Args:
        outcomes: one for each promise, in the order of the guarantee's list.
        toothless: faults that were put in and that nobody saw bite: what they should have broken wasn't tried.
        harmful: what faults did that they must not, a sentence each: a WebSocket dropped because Redis is away.
        void: why nothing can be said, a sentence each; empty where the drill itself went well.
    """

    outcomes: list[Outcome]
    toothless: list[Incident] = field(default_factory=list)
    void: list[str] = field(default_factory=list)
    harmful: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.holds]

    @property
    def not_shown(self) -> list[Outcome]:
        """Promises of which the drill had nothing to look at."""
        return [outcome for outcome in self.outcomes if outcome.holds and not outcome.shown]

    @property
    def status(self) -> int:
        """The exit status: a void run shows nothing, whatever else was found in it."""
        if self.void:
            return VOID
        return BROKEN if self.broken or self.toothless or self.harmful else HOLDS

    @property
    def reasons(self) -> list[str]:
        """A sentence for each thing that keeps the verdict from being that all holds."""
        found = [f"Void: {reason}." for reason in self.void]
        found += [f"Broken: {outcome.name}, {len(outcome.failures)} of {outcome.checked}." for outcome in self.broken]
        found += [f"Harm by a fault: {sentence}." for sentence in self.harmful]
        names = sorted({fault.name for fault in self.toothless})
        found += [f"Fault without a bite: {name}." for name in names]
        return found

    @property
    def sentence(self) -> str:
        match self.status:
            case 0:
                return "All that was looked at holds."
            case 1:
                return "The guarantee is broken, or a fault was none."
            case _:
                return "This run is void: it shows nothing."


def judge(history: History) -> Verdict:
    """Hold the history against every promise, and against what a drill has to be."""
    toothless = [fault for fault in incidents(history) if not fault.bites]
    harmful = [f"{fault.name} ({fault.id}): {each}" for fault in incidents(history) for each in fault.failures]
    return Verdict(check(history), toothless, _void(history), harmful + harm(history))


def _void(history: History) -> list[str]:
    reasons = []
    late = [record for record in history.of(Lagged) if record.seconds > MAX_LAG_S]
    if late:
        worst = max(late, key=lambda record: record.seconds)
        reasons.append(f"the drill itself was late {len(late)} times, by up to {worst.seconds:.2f} s ({worst.who})")
    if not history.of(Run):
        reasons.append("the history has no beginning")
    if not any(phase.name == "end" for phase in history.of(Phase)):
        reasons.append("the history has no end")
    reasons += [
        f"the fault {fault.name} ({fault.id}) never ended" for fault in incidents(history) if isinf(fault.ended)
    ]
    logs = room_logs(history)
    unread = [room.room for room in history.of(Room) if room.room not in logs or not logs[room.room].was_read]
    if unread:
        reasons.append(f"the log was not read in the end of room {', '.join(unread)}")
    silent = [life.name for life in lives(history).values() if life.connected and life.state is None]
    silent = [name for name in silent if lives(history)[name].opened.flavour != CROWD]
    if silent:
        reasons.append(f"nobody took the state of {', '.join(silent)}")
    return reasons
