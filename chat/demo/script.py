"""Reads what was said: the files in `talk/`, one for each room.

A message begins with its time and its author at the left edge; what belongs to it is indented by two blanks:

    4d 09:12 haruka #oven ^plans
      The text, in as many lines as it needs.
      = 👍 kenta emma
      ~ The text after an edit.

`4d 09:12` is a time of day, so many days ago; `35m` so many minutes ago. `#oven` names the message so that a later one
can reply to it with `^oven`. A line with `=` is a reaction and who gave it, one with `~` the edited text, one with `x`
says that the message was deleted.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

TALK = Path(__file__).parent / "talk"

_HEAD = re.compile(
    r"(?:(?P<days>\d+)d (?P<hour>\d\d):(?P<minute>\d\d)|(?P<minutes>\d+)m) (?P<author>\w+)"
    r"(?: #(?P<label>\w+))?(?: \^(?P<reply>\w+))?\Z"
)
_INDENT = "  "


@dataclass(slots=True)
class Line:
    """One message of the script, and what became of it."""

    at: datetime
    author: str
    label: str | None = None
    reply: str | None = None
    text: list[str] = field(default_factory=list)
    reactions: list[tuple[str, str]] = field(default_factory=list)
    edited: str | None = None
    deleted: bool = False

    @property
    def body(self) -> str:
        return "\n".join(self.text).strip("\n")


def read(name: str, *, now: datetime) -> list[Line]:
    """The messages of `talk/<name>.txt` in their order, with times counted back from `now`."""
    lines: list[Line] = []
    for number, text in enumerate((TALK / f"{name}.txt").read_text(encoding="utf-8").splitlines(), start=1):
        if text and not text.startswith(_INDENT):
            lines.append(_head(text, now=now, place=f"{name}.txt:{number}"))
        elif lines:
            _continue(lines[-1], text.removeprefix(_INDENT))
    return lines


def _head(text: str, *, now: datetime, place: str) -> Line:
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{place}: expected a time and an author, got {text!r}")
    if head["minutes"]:
        at = now - timedelta(minutes=int(head["minutes"]))
    else:
        day = now - timedelta(days=int(head["days"]))
        at = day.replace(hour=int(head["hour"]), minute=int(head["minute"]), second=0, microsecond=0)
    return Line(at, head["author"], head["label"], head["reply"])


def _continue(line: Line, text: str) -> None:
    mark, _, rest = text.partition(" ")
    if mark == "=":
        emoji, *people = rest.split()
        line.reactions.extend((emoji, person) for person in people)
    elif mark == "~":
        line.edited = rest
    elif text == "x":
        line.deleted = True
    else:
        line.text.append(text)
