"""How much a document may select: counted before validation, which compares fields of one name each with each."""

from collections import Counter

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from realtime.errors import TooComplex

MAX_REPEATS = 50  # of a field at one place; without this, 990 times `id` took 2.5 s to validate


def too_complex(message: str, reason: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": TooComplex.code, "reason": reason})


def excess(document: DocumentNode) -> GraphQLError | None:
    """What the document selects too much of; None where it keeps within the bounds."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            try:
                _Count(fragments).add(definition.selection_set, (), frozenset())
            except _ExceededError as exceeded:
                return exceeded.error
    return None


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
