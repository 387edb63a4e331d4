"""The two scalars of the contract."""

import uuid
from datetime import UTC, datetime
from typing import Any

from graphene import Scalar
from graphql import GraphQLError, StringValueNode, ValueNode, print_ast

_UUID_CHARS = 36


class DateTime(Scalar):
    """A moment as ISO 8601 in UTC with microseconds: `2026-11-24T02:03:04.000005Z`."""

    @staticmethod
    def serialize(value: datetime) -> str:
        return value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"

    @staticmethod
    def parse_value(value: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise GraphQLError(f"expected a moment in ISO 8601, got {str(value)[:60]!r}") from error
        if moment.tzinfo is None:
            raise GraphQLError(f"expected a moment with its offset from UTC, got {value[:60]!r}")
        return moment.astimezone(UTC)

    @staticmethod
    def parse_literal(node: ValueNode, _variables: Any = None) -> datetime:
        return DateTime.parse_value(_text_of(node))


class UUID(Scalar):
    """A UUID in the text form of RFC 9562: 32 hexadecimal digits in five groups. Answers are in lower case."""

    @staticmethod
    def serialize(value: uuid.UUID) -> str:
        return str(value)

    @staticmethod
    def parse_value(value: Any) -> uuid.UUID:
        parsed = uuid_in(value)
        if parsed is None:
            raise GraphQLError(f"expected a UUID as text in five groups, got {str(value)[:60]!r}")
        return parsed

    @staticmethod
    def parse_literal(node: ValueNode, _variables: Any = None) -> uuid.UUID:
        return UUID.parse_value(_text_of(node))


def uuid_in(text: Any) -> uuid.UUID | None:
    """The UUID that `text` spells; None where it spells none. Braces, `urn:` and missing hyphens are not accepted."""
    if not isinstance(text, str) or len(text) != _UUID_CHARS or not text.isascii():
        return None
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def _text_of(node: ValueNode) -> str:
    if not isinstance(node, StringValueNode):
        raise GraphQLError(f"expected a string, got {print_ast(node)[:60]}", node)
    return node.value
