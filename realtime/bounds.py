"""How much a document may ask for: counted before validation, which costs 0.2 ms for each field that is written."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
)

from realtime.errors import TooComplex

MAX_CHARS = 30_000  # comments count as no tokens: a megabyte of them took a second to parse
MAX_PARTS = 400  # fields, fragments, arguments, values … as they are written; the pages' own need 200 at most
MAX_NESTING = 60  # of these within each other; what follows is recursive, and Python's stack is short
MAX_VALUES = 1_000  # in the variables, lists and objects written out
MAX_KEPT_CHARS = 5_000  # of a subscription's variables, which are kept as long as it lasts
MAX_REPEATS = 50  # of a field at one place; without this, 990 times `id` took 2.5 s to validate


def too_complex(message: str, reason: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": TooComplex.code, "reason": reason})


def excess(document: DocumentNode) -> GraphQLError | None:
    """What the document has too much of; None where it keeps within the bounds."""
    if (written := _written_excess(document)) is not None:
        return written
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            try:
                _Count(fragments).add(definition.selection_set, (), frozenset())
            except _ExceededError as exceeded:
                return exceeded.error
    return None


def _written_excess(document: DocumentNode) -> GraphQLError | None:
    parts = 0
    waiting: list[tuple[Node, int]] = [(definition, 0) for definition in document.definitions]
    while waiting:
        node, nesting = waiting.pop()
        parts += 1
        if parts > MAX_PARTS:
            return too_complex(f"the document has more than {MAX_PARTS} parts", "TOO_MANY_PARTS")
        if nesting > MAX_NESTING:
            return too_complex(f"the document is nested more than {MAX_NESTING} times", "TOO_DEEP")
        waiting.extend((child, nesting + 1) for child in _children(node))
    return None


def _children(node: Node) -> Iterator[Node]:
    """What is written inside a node: selection sets are only its braces, names are none of its parts."""
    for key in node.keys:
        value = getattr(node, key)
        if isinstance(value, SelectionSetNode):
            yield from value.selections
        elif isinstance(value, tuple | list):
            yield from value
        elif isinstance(value, Node) and not isinstance(value, NameNode):
            yield value


def refuse_excess(variables: Mapping[str, Any]) -> None:
    """Count the values of a request's variables: each is coerced and, where it is wrong, described.

    Raises:
        TooComplex: there are too many.
    """
    values = 0
    waiting: list[Any] = [variables]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend(value.values())
            values += len(value)
        elif isinstance(value, list):
            waiting.extend(value)
            values += len(value)
        if values > MAX_VALUES:
            raise TooComplex(f"the variables have more than {MAX_VALUES} values", reason="TOO_MANY_VALUES")


class _ExceededError(Exception):
    def __init__(self, error: GraphQLError) -> None:
        self.error = error


class _Count:
    """Selections with fragments written out, and how often each field is among them.

    It stops where the bound is reached, so a bomb of nested fragments costs as little as anything else. Circles and
    unknown fragments are left to validation.
    """

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._selections = 0
        self._times: Counter[tuple[str, ...]] = Counter()

    def add(self, selections: SelectionSetNode | None, place: tuple[str, ...], within: frozenset[str]) -> None:
        """Count what is selected at `place`, inside the fragments `within`.

        Raises:
            _ExceededError: it is too much.
        """
        for node in selections.selections if selections else ():
            self._selections += 1
            if self._selections > settings.GRAPHQL_MAX_FIELDS:
                limit = settings.GRAPHQL_MAX_FIELDS
                raise _ExceededError(too_complex(f"more than {limit} fields are selected", "TOO_MANY_FIELDS"))
            if isinstance(node, FieldNode):
                path = (*place, (node.alias or node.name).value)
                self._times[path] += 1
                if self._times[path] > MAX_REPEATS:
                    message = f"{'.'.join(path)} is selected more than {MAX_REPEATS} times"
                    raise _ExceededError(too_complex(message, "TOO_MANY_REPEATS"))
                self.add(node.selection_set, path, within)
            elif isinstance(node, InlineFragmentNode):
                self.add(node.selection_set, place, within)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in within:
                fragment = self._fragments.get(node.name.value)
                if fragment is not None:
                    self.add(fragment.selection_set, place, within | {node.name.value})
