"""What subscriptions are executed on, the root values of a project's resolvers, and the bytes made of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from graphql import ExecutionResult, GraphQLError, get_variable_values
from graphql.execution.values import get_argument_values

from realtime import execution
from realtime.bounds import MAX_KEPT_CHARS
from realtime.cursor import Cursor
from realtime.documents import DocumentInvalid, Operation, kept
from realtime.errors import TooComplex
from realtime.interface import Context, Source, Viewer, interface
from realtime.models import Event
from realtime.rows import MAX_ROWS_PER_EVENT

Key = tuple[str, str | None, str, int | None]  # operation text, its name, its variables, the viewer where it matters


class ResetReason(StrEnum):
    CURSOR_INVALID = "CURSOR_INVALID"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    TOO_FAR_BEHIND = "TOO_FAR_BEHIND"
    HISTORY_CHANGED = "HISTORY_CHANGED"


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the log."""

    event: Event

    @property
    def cursor(self) -> Cursor:
        return self.event.cursor


@dataclass(frozen=True, slots=True)
class Ready:
    """All up to `cursor` was replayed; what follows is live."""

    cursor: Cursor
    at: datetime = field(default_factory=timezone.now, compare=False)


@dataclass(frozen=True, slots=True)
class Reset:
    """The subscriber's cursor can't be honoured; the feed goes on from `cursor`."""

    cursor: Cursor
    reason: ResetReason
    at: datetime = field(default_factory=timezone.now, compare=False)


@dataclass(frozen=True, slots=True)
class Activity:
    """A followed stream grew; thinned, and in no order."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class Passing:
    """What was handed to `doorbell.pass_on()`."""

    payload: Mapping[str, Any]


Root = Happened | Ready | Reset | Activity | Passing


@dataclass(frozen=True, slots=True)
class Request:
    """What one subscriber asked for. Requests of equal `key` get the same payloads.

    Args:
        key: document, operation name and variables without the root field's `after`; the viewer where it matters.
        shared_key: the same without the viewer, for payloads that no viewer makes a difference to.
    """

    operation: Operation
    source: Source
    variables: Mapping[str, Any]
    arguments: Mapping[str, Any]
    viewer: Viewer
    key: Key

    @property
    def shared_key(self) -> Key:
        return (*self.key[:3], None)

    @property
    def after(self) -> str | None:
        after = self.arguments.get("after")
        return after if isinstance(after, str) else None

    @classmethod
    def of(cls, operation: Operation, variables: Mapping[str, Any], viewer: Viewer) -> "Request":
        """Read a validated subscription operation.

        Raises:
            DocumentInvalid: a variable or an argument has no value of its type.
            TooComplex: the variables are too long to be kept, or each event would come to too many rows.
        """
        plugged = interface()
        schema = plugged.schema
        definitions = operation.definition.variable_definitions
        used = {one.variable.name.value for one in definitions}
        variables = {name: value for name, value in variables.items() if name in used}
        if len(json.dumps(variables)) > MAX_KEPT_CHARS:
            too_long = f"the variables of a subscription have more than {MAX_KEPT_CHARS} characters"
            raise TooComplex(too_long, reason="TOO_LONG")
        operation.rows.refuse_excess(variables, at_most=MAX_ROWS_PER_EVENT)
        values = get_variable_values(schema, definitions, variables, max_errors=10)
        if isinstance(values, list):
            raise DocumentInvalid(values)
        root = operation.root_fields[0]
        root_type = schema.subscription_type
        if root_type is None or root.name.value not in plugged.sources:
            raise DocumentInvalid([GraphQLError(f"{root.name.value} is no subscription", root)])
        try:
            arguments = get_argument_values(root_type.fields[root.name.value], root, values)
        except GraphQLError as error:
            raise DocumentInvalid([error]) from error
        shared = {name: value for name, value in variables.items() if name != operation.place_variable}
        return cls(
            operation=kept(operation),
            source=plugged.sources[root.name.value],
            variables=variables,
            arguments=arguments,
            viewer=viewer,
            key=(
                operation.text,
                operation.name,
                json.dumps(shared, sort_keys=True),
                viewer.pk if operation.depends_on_viewer else None,
            ),
        )


def make(request: Request, roots: Sequence[Root], *, shared: bool = False) -> list[bytes]:
    """Execute `request` on each root and return the payloads in the same order. Runs in a worker thread.

    Args:
        shared: make them for everybody although the operation could tell viewers apart.

    Raises:
        OperationalError, InterfaceError: the database went away; nothing may be sent instead of an event.
    """
    plugged = interface()
    personal = request.operation.depends_on_viewer and not shared
    context: Context = plugged.personal_context(request.viewer) if personal else plugged.shared_context()
    request.source.prepare(context, roots)
    payloads = []
    for root in roots:
        result = execution.run(request.operation, context=context, variables=request.variables, root=root)
        _raise_if_unavailable(result)
        payloads.append(execution.encoded(execution.response(result)))
    return payloads


def _raise_if_unavailable(result: ExecutionResult) -> None:
    for error in result.errors or ():
        if isinstance(error.original_error, (OperationalError, InterfaceError)):
            raise error.original_error
