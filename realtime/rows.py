"""How many rows an operation asks for: its pages within each other, as large as its variables make them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from realtime.errors import TooComplex

MAX_ROWS = 10_000
MAX_ROWS_PER_EVENT = 500  # 1,000 took 16 ms, for each event and each distinct subscription
SIZES = ("first", "last")  # the arguments that say how long a page is

Size = int | tuple[str, int]  # as it is written, or a variable with what counts where it has no value
Page = tuple[Size, ...]  # what its length may be: the largest counts
Path = tuple[Page, ...]  # a page, after those that it is in


@dataclass(frozen=True, slots=True)
class Rows:
    """The pages of one operation.

    Args:
        defaults: the variables' values where a request gives none.
    """

    paths: tuple[Path, ...]
    defaults: Mapping[str, int]

    def refuse_excess(self, variables: Mapping[str, Any], *, at_most: int = MAX_ROWS) -> None:
        """Count what these variables make of it.

        Raises:
            TooComplex: it is too much.
        """

        def length(page: Page) -> int:
            return max(known(size) for size in page)

        def known(size: Size) -> int:
            if isinstance(size, int):
                value: object = size
            else:
                name, otherwise = size
                value = variables.get(name, self.defaults.get(name))
                value = otherwise if value is None else value
            return min(value, at_most) if isinstance(value, int) and value > 0 else 1

        if sum(prod(map(length, path)) for path in self.paths) > at_most:
            raise TooComplex(f"the operation asks for more than {at_most} rows", reason="TOO_MANY_ROWS")


def rows_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Rows:
    """Find the pages of a validated operation."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    found: list[Path] = []

    def look(selections: SelectionSetNode | None, kind: GraphQLNamedType | None, within: Path) -> None:
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                field = getattr(kind, "fields", {}).get(node.name.value)
                path = within
                if field is not None and (page := _page(field, node)):
                    path = (*within, page)
                    found.append(path)
                look(node.selection_set, field and get_named_type(field.type), path)
            elif isinstance(node, InlineFragmentNode):
                on = getattr(node, "type_condition", None)  # graphql-core's types forget that there may be none
                look(node.selection_set, schema.get_type(on.name.value) if on else kind, within)
            elif isinstance(node, FragmentSpreadNode):
                fragment = fragments[node.name.value]
                look(fragment.selection_set, schema.get_type(fragment.type_condition.name.value), within)

    look(operation.selection_set, schema.get_root_type(operation.operation), ())
    defaults = {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in operation.variable_definitions
        if isinstance(definition.default_value, IntValueNode)
    }
    return Rows(tuple(found), defaults)


def _page(field: GraphQLField, node: FieldNode) -> Page:
    """What the length of a field's page may be; empty where it has no pages."""
    given = {argument.name.value: argument.value for argument in node.arguments}
    sizes: list[Size] = []
    for name in SIZES:
        if name not in field.args:
            continue
        default = field.args[name].default_value
        otherwise = default if isinstance(default, int) else 1
        value = given.get(name)
        if isinstance(value, IntValueNode):
            sizes.append(int(value.value))
        elif isinstance(value, VariableNode):
            sizes.append((value.name.value, otherwise))
        else:
            sizes.append(otherwise)
    return tuple(sizes)
