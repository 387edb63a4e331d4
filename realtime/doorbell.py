"""Hints that a stream has grown. They may be lost, doubled or late: the hub's sweep finds what none announced."""

from collections.abc import Callable

_listeners: list[Callable[[int, int], None]] = []
_carriers: list[Callable[[str, dict[str, object]], None]] = []


def ring(stream_id: int, seq: int) -> None:
    """Say that the stream has reached `seq`. Never blocks and never fails; called after the commit, in any thread.

    A process without a hub (a management command) rings nothing: the sweep of the servers hears it.
    """
    for listener in _listeners:
        listener(stream_id, seq)


def pass_on(topic: str, payload: dict[str, object]) -> None:
    """Hand `payload` (JSON) to whoever follows `topic` in any process: what passes is not kept and may be lost."""
    for carrier in _carriers:
        carrier(topic, payload)
