"""Running `manage.py drill` as an operator does."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat.drill.parts.databases import ROOT
from chat.drill.verdict import VOID

LIMIT_S = 180
TRIES = 4


@dataclass(frozen=True, slots=True)
class Ended:
    """A drill that has come to its end."""

    status: int
    output: str
    errors: str

    @property
    def result(self) -> dict[str, Any]:
        """What `--json` printed, and nothing else was on standard output."""
        try:
            found: dict[str, Any] = json.loads(self.output)
        except ValueError as error:
            raise AssertionError(f"status {self.status}\n{self.output}\n{self.errors}") from error
        return found

    @property
    def broken(self) -> set[str]:
        return {promise["name"] for promise in self.result["promises"] if not promise["holds"]}

    @property
    def complaints(self) -> str:
        """What keeps it from being that all holds, with every failure."""
        failures = [failure for promise in self.result["promises"] for failure in promise["failures"]]
        return "\n".join([self.errors, *self.result["reasons"], *failures])

    @property
    def lagged(self) -> bool:
        """Whether this machine was too slow for the drill, and nothing else was wrong with it."""
        reasons = [reason for reason in self.result["reasons"] if reason.startswith("Void:")]
        return self.status == VOID and len(reasons) == 1 and "was late" in reasons[0]


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "drill", *arguments]


def environment(scratch: Path) -> dict[str, str]:
    """What the drill makes for itself goes to `scratch`."""
    return {**os.environ, "TMPDIR": str(scratch)}


def drill(*arguments: str, scratch: Path) -> Ended:
    """A drill's end. A run that was void because this machine did something else meanwhile is repeated."""
    for _ in range(TRIES):
        ended = run(*arguments, scratch=scratch)
        if ended.status != VOID or not ended.lagged:
            break
        for kept in scratch.glob("todoku-drill-*"):
            shutil.rmtree(kept)
    return ended


def run(*arguments: str, scratch: Path) -> Ended:
    done = subprocess.run(
        command(*arguments, "--json"),
        cwd=ROOT, env=environment(scratch), capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)
