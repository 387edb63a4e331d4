"""Execute an operation and turn its result into what goes over the wire. Synchronous: runs in a worker thread."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from graphql import ExecutionResult, GraphQLError, execute

from realtime.documents import DocumentInvalid, Operation
from realtime.errors import BadUserInput, Refusal
from realtime.interface import Context, interface

logger = logging.getLogger(__name__)

INTERNAL = "INTERNAL_SERVER_ERROR"


def run(
    operation: Operation, *, context: Context, variables: Mapping[str, Any] | None = None, root: Any = None
) -> ExecutionResult:
    """Execute; what resolvers raise is in the result's errors.

    A subscription's operation is executed like a query on the payload `root`, as the specification's
    ExecuteSubscriptionEvent says (GraphQL October 2021, 6.2.3.2).
    """
    result = execute(
        interface().schema,
        operation.document,
        root_value=root,
        context_value=context,
        variable_values=dict(variables or {}),
        operation_name=operation.name,
        execution_context_class=operation.execution,  # type: ignore[arg-type]  # all that it has to do is build one
    )
    if not isinstance(result, ExecutionResult):
        raise TypeError("a resolver returned an awaitable; resolvers are synchronous here")
    return result


def response(result: ExecutionResult) -> dict[str, Any]:
    """The response map of the specification; what a client must not know stays in the server's log."""
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [formatted(error) for error in result.errors]
    if result.data is not None or not result.errors or any(error.path for error in result.errors):
        answer["data"] = result.data
    return answer


def encoded(answer: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8, as compact as it gets. Lone surrogates, which UTF-8 has no bytes for, stay escaped."""
    try:
        return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(answer, separators=(",", ":")).encode()


def formatted(error: GraphQLError) -> dict[str, Any]:
    """One error as a client gets it, always with an `extensions.code`."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, Refusal):
        return {**error.formatted, "message": str(cause), "extensions": cause.extensions}
    if cause is not None and not isinstance(cause, GraphQLError):
        unavailable = isinstance(cause, DatabaseError)
        logger.error("resolver failed at %s", error.path, exc_info=cause)
        reason = {"reason": "DATABASE_UNAVAILABLE"} if unavailable else {}
        return {**error.formatted, "message": "internal server error", "extensions": {"code": INTERNAL, **reason}}
    return {**error.formatted, "extensions": {"code": BadUserInput.code, **(error.extensions or {})}}


def refused(error: Exception) -> dict[str, Any]:
    """The response map of a request that was refused before it was executed."""
    if isinstance(error, DocumentInvalid):
        return {"errors": [formatted(each) for each in error.errors]}
    if isinstance(error, Refusal):
        return {"errors": [{"message": str(error), "extensions": error.extensions}]}
    logger.error("request failed", exc_info=error)
    return {"errors": [{"message": "internal server error", "extensions": {"code": INTERNAL}}]}
