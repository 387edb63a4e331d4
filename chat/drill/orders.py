"""What the drill tells a running server process, and what that reports back: files in a folder of its own.

A file survives the process that is killed in the middle of its report.
"""

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Orders:
    """Both sides use it. An order is a name with a text; a report is the same name with lines."""

    folder: Path

    def prepare(self) -> None:
        for folder in (self.folder / "given", self.folder / "done"):
            folder.mkdir(parents=True, exist_ok=True)

    def give(self, name: str, text: str = "") -> None:
        """Order something; what was reported of an earlier order of this name is forgotten."""
        (self.folder / "done" / name).unlink(missing_ok=True)
        draft = self.folder / f"{name}.draft"
        draft.write_text(text)
        draft.rename(self.folder / "given" / name)

    def withdraw(self, name: str) -> bool:
        """Take an order back. False: there is none, or somebody has begun to carry it out."""
        try:
            (self.folder / "given" / name).unlink()
        except FileNotFoundError:
            return False
        return True

    claim = withdraw  # of several threads that see an order, the one that removes it carries it out

    def given(self, name: str) -> bool:
        return (self.folder / "given" / name).exists()

    def text(self, name: str) -> str | None:
        try:
            return (self.folder / "given" / name).read_text()
        except FileNotFoundError:
            return None

    def report(self, name: str, line: str) -> None:
        """Add a line to what was done."""
        with (self.folder / "done" / name).open("a") as file:
            file.write(f"{time.monotonic():.6f} {line}\n")

    def reports(self, name: str) -> list[str]:
        """The lines, each after the time at which it was written."""
        try:
            return (self.folder / "done" / name).read_text().splitlines()
        except FileNotFoundError:
            return []
