"""JSON as RFC 8259 has it. Python's reads more: NaN and Infinity, and any encoding that it can guess."""

import json
from typing import Any, NoReturn


def read_json(text: str | bytes) -> Any:
    """The value that a text, or bytes in UTF-8, says.

    Raises:
        ValueError: it is no JSON, or is nested too deeply to be read.
    """
    try:
        return json.loads(text if isinstance(text, str) else text.decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
