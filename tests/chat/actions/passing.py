"""What the doorbell passes on while a test runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from realtime import doorbell


@contextmanager
def what_passes() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Collect topic and payload of all that is passed on."""
    passed: list[tuple[str, dict[str, Any]]] = []

    def hint(stream_id: int, seq: int) -> None:
        """Hints are no concern of these tests."""

    def carrier(topic: str, payload: dict[str, Any]) -> None:
        passed.append((topic, payload))

    doorbell.listen(hint, carrier)
    try:
        yield passed
    finally:
        doorbell.forget(hint, carrier)
