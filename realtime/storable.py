"""Text that a database can store and UTF-8 can carry: all other is refused at the border."""

import re
from collections.abc import Mapping
from typing import Any

from realtime.errors import BadUserInput

# PostgreSQL refuses NUL; half of a surrogate pair, which JSON's escapes can spell, is no character (GraphQL, 2.1.1).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def refuse_unstorable(variables: Mapping[str, Any]) -> None:
    """Look through the variables of a request, as deep as they go.

    Raises:
        BadUserInput: a text in them, or a name, can't be stored; `field` says where.
    """
    found: list[tuple[str, Any]] = list(variables.items())
    while found:
        name, value = found.pop()
        if not is_storable(name) or (isinstance(value, str) and not is_storable(value)):
            raise BadUserInput(
                "expected text, got NUL or half of a surrogate pair in it",
                reason="TEXT_INVALID",
                field=name if is_storable(name) else None,
            )
        if isinstance(value, dict):
            found.extend(value.items())
        elif isinstance(value, list):
            found.extend((name, each) for each in value)
