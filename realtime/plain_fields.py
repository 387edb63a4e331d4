"""Executing large answers: a field that is an attribute of its object is read and written out at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphene.types.field import source_resolver
from graphene.types.resolver import attr_resolver
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    OperationDefinitionNode,
    TypeNameMetaFieldDef,
    Undefined,
    Visitor,
    get_nullable_type,
    is_leaf_type,
    visit,
)
from graphql.execution import ExecutionContext
from graphql.execution.execute import assume_not_awaitable, get_field_def
from graphql.pyutils import Path


@dataclass(frozen=True, slots=True)
class _Attribute:
    """A field without arguments whose value is an attribute, and no object of its own."""

    name: str
    default: object
    serialize: Callable[[Any], object]
    nullable: bool

    def of(self, source: object) -> object:
        """The field's value as JSON has it; Undefined where graphql-core has to say what is wrong with it."""
        try:
            value = getattr(source, self.name, self.default)
            written = None if value is None else self.serialize(value)
        except Exception:
            # Not lost: graphql-core comes to the same, and knows whom to tell.
            return Undefined
        return Undefined if written is None and not self.nullable else written


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be done for one field of a selection: nothing but `constant`, `attribute`, or all of it."""

    key: str
    nodes: list[FieldNode]
    constant: str | None
    attribute: _Attribute | None


class _Selected(dict[str, list[FieldNode]]):
    """The fields of a selection, and what is to be done for each of them."""

    __slots__ = ("steps",)

    steps: list[_Step]


Selections = dict[tuple[object, ...], _Selected]


class Synchronous(ExecutionContext):
    """graphql-core's own execution, told that nothing has to be awaited."""

    is_awaitable = staticmethod(assume_not_awaitable)  # type: ignore[assignment]  # its argument has another name


class PlainFields(Synchronous):
    """graphql-core's execution of synchronous resolvers, without what a plain attribute has no use for.

    That is the resolver's `info`, arguments, a path for errors, and asking three times whether there is something to
    await. Seven of ten fields of a room's page are plain; without all that the operation takes a fifth less.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.selections: Selections = {}

    def collect_subfields(self, return_type: GraphQLObjectType, field_nodes: list[FieldNode]) -> _Selected:
        # By the nodes' identity, as graphql-core does: they live as long as the operation.
        key = (return_type, *map(id, field_nodes))
        selected = self.selections.get(key)
        if selected is None:
            selected = _Selected(super().collect_subfields(return_type, field_nodes))
            selected.steps = self._steps(return_type, selected)
            self.selections[key] = selected
        return selected

    def execute_fields(
        self, parent_type: GraphQLObjectType, source_value: Any, path: Path | None, fields: dict[str, list[FieldNode]]
    ) -> dict[str, Any]:
        steps = fields.steps if isinstance(fields, _Selected) else self._steps(parent_type, fields)
        results: dict[str, Any] = {}
        for step in steps:
            value: object = Undefined
            if step.attribute is not None:
                value = step.attribute.of(source_value)
            elif step.constant is not None:
                value = step.constant
            if value is Undefined:
                here = Path(path, step.key, parent_type.name)
                value = self.execute_field(parent_type, source_value, step.nodes, here)
            if value is not Undefined:
                results[step.key] = value
        return results

    def _steps(self, parent_type: GraphQLObjectType, fields: dict[str, list[FieldNode]]) -> list[_Step]:
        return [self._step(parent_type, key, nodes) for key, nodes in fields.items()]

    def _step(self, parent_type: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> _Step:
        field = get_field_def(self.schema, parent_type, nodes[0])
        constant = parent_type.name if field is TypeNameMetaFieldDef else None
        return _Step(key, nodes, constant, _attribute(field))


class Execution:
    """What executes one operation, in the place of a class of contexts.

    Where no variable decides what is selected, that is found out once for all of its executions: it took a third of the
    time to make a payload.
    """

    __slots__ = ("_selections",)

    def __init__(self, operation: OperationDefinitionNode, document: DocumentNode) -> None:
        conditions = _Conditions()
        for definition in document.definitions:
            if definition is operation or isinstance(definition, FragmentDefinitionNode):
                visit(definition, conditions)
        self._selections: Selections | None = None if conditions.found else {}

    def build(self, *given: Any) -> list[GraphQLError] | ExecutionContext:
        """As `ExecutionContext.build`."""
        context = PlainFields.build(*given)
        if isinstance(context, PlainFields) and self._selections is not None:
            context.selections = self._selections
        return context


class _Conditions(Visitor):
    """Notices whether anything is selected on a condition."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_directive(self, *_: object) -> None:
        self.found = True


_attributes: dict[int, tuple[GraphQLField, _Attribute | None]] = {}  # by the field's identity, which has no hash


def _attribute(field: GraphQLField | None) -> _Attribute | None:
    """What the field is an attribute of its objects by; None where it is more than that. Found out once for each."""
    if field is None:
        return None
    known = _attributes.get(id(field))
    if known is None:
        known = _attributes[id(field)] = (field, _found_attribute(field))
    return known[1]


def _found_attribute(field: GraphQLField) -> _Attribute | None:
    output: Any = field.type
    kind: Any = get_nullable_type(output)
    nullable = kind is output
    resolver: Any = field.resolve
    if field.args or not is_leaf_type(kind) or not isinstance(resolver, partial):
        return None
    if resolver.func is attr_resolver:
        name, default = resolver.args
        return _Attribute(name, default, kind.serialize, nullable)
    if resolver.func is source_resolver:
        return _Attribute(resolver.args[0], None, kind.serialize, nullable)
    return None
