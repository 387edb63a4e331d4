"""Asking the schema what a page shows: the same operations, rules and loaders as for every other client."""

from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from graphql import GraphQLError

from chat.models import User
from realtime import documents, execution
from realtime.errors import Refusal
from realtime.interface import interface

# What the client asks as well stands beside the client; what only a page asks stands here.
CLIENT_OPERATIONS = Path(settings.BASE_DIR) / "static" / "src" / "operations"
PAGE_OPERATIONS = Path(__file__).parent / "operations"

ROOM = (CLIENT_OPERATIONS / "fragments.graphql", CLIENT_OPERATIONS / "room.graphql")
DIRECTORY = (PAGE_OPERATIONS / "directory.graphql",)


def ask(document: tuple[Path, ...], name: str, *, viewer: User, **variables: object) -> dict[str, Any]:
    """The data of operation `name`, as JSON would carry it.

    Raises:
        Refusal: a resolver refused.
        RuntimeError: the operation failed otherwise; its page can't be shown.
    """
    operation = documents.operation(_text(document), name)
    result = execution.run(operation, context=interface().personal_context(viewer), variables=variables)
    for error in result.errors or ():
        cause = _cause(error)
        if isinstance(cause, Refusal):
            raise cause
        raise RuntimeError(f"{name}: {error.message}") from cause
    if result.data is None:
        raise RuntimeError(f"{name}: no data and no error")
    return result.data


@cache
def _text(document: tuple[Path, ...]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in document)


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause
