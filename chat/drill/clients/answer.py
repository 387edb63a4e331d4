"""What one try of a request came to, over either transport."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Data:
    """The server has carried it out."""

    data: Json


@dataclass(frozen=True, slots=True)
class Refused:
    """The server understood, and will say the same again."""

    code: str


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is known of its fate, or it was not its time: repeat it, not before `retry_after` seconds."""

    cause: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The token lets nobody in."""


Answer = Data | Refused | Later | SignedOut


def answer_in(payload: object) -> Answer:
    """Read a GraphQL response map."""
    if not isinstance(payload, Mapping):
        return Later("no GraphQL response")
    if errors := payload.get("errors"):
        return answer_to(errors)
    data = payload.get("data")
    return Data(dict(data)) if isinstance(data, Mapping) else Later("a response without data")


def answer_to(errors: object) -> Answer:
    """Read a list of GraphQL errors: the first one decides."""
    first = errors[0] if isinstance(errors, list) and errors else None
    extensions = first.get("extensions") if isinstance(first, Mapping) else None
    if not isinstance(extensions, Mapping):
        return Refused("")
    code = str(extensions.get("code", ""))
    match code:
        case "UNAUTHENTICATED":
            return SignedOut()
        case "RATE_LIMITED" | "INTERNAL_SERVER_ERROR":
            return Later(code, _seconds(extensions.get("retryAfter")))
        case _:
            return Refused(code)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value >= 0 else None
