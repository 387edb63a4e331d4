"""What one check has found."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """One promise, and whether the history keeps it.

    Args:
        name: short, as the guarantee's list has it.
        sentence: the promise in words.
        checked: how many single things were looked at; 0 shows nothing.
        failures: a sentence for each thing that was otherwise.
        notes: what could not be looked at, and why.
    """

    name: str
    sentence: str
    checked: int
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.failures

    @property
    def shown(self) -> bool:
        """Whether there was anything to check at all."""
        return self.checked > 0
