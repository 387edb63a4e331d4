"""Hints that a stream has grown. They may be lost, doubled or late: the hub's sweep finds what none announced."""

from collections.abc import Callable
from typing import Any

Hint = Callable[[int, int], None]
Carrier = Callable[[str, dict[str, Any]], None]

_hints: list[Hint] = []
_carriers: list[Carrier] = []


def ring(stream_id: int, seq: int) -> None:
    """Say that the stream has reached `seq`. Never blocks and never fails; called after the commit, in any thread.

    A process without a hub (a management command) rings nothing: the sweep of the servers hears it.
    """
    for hint in _hints:
        hint(stream_id, seq)


def pass_on(topic: str, payload: dict[str, Any]) -> None:
    """Hand `payload` (JSON) to whoever follows `topic` in any process: what passes is not kept and may be lost."""
    for carrier in _carriers:
        carrier(topic, payload)


def listen(hint: Hint, carrier: Carrier) -> None:
    """Let a hub hear what this process rings; it carries it to the others."""
    _hints.append(hint)
    _carriers.append(carrier)


def forget(hint: Hint, carrier: Carrier) -> None:
    _hints.remove(hint)
    _carriers.remove(carrier)
