"""What a query reads first, whatever the order of its fields: where streams stood before anything else was read.

A response and its cursors belong together: what the response misses, a subscription from its cursor must bring. So the
cursor has to be older than all that the response shows, also than what a field shows that stands before it in the
document. Root fields that fix cursors are therefore resolved together when the first of the query is reached.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphene import ResolveInfo
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import get_argument_values

from chat.schema.context import Context
from realtime.errors import Refusal

Opener = Callable[..., object]


def open_with(openers: Mapping[str, Opener], info: ResolveInfo) -> Any:
    """The value of the root field that `info` is about, or None where none of `openers` resolves it.

    On the first call of an execution, every selected root field named in `openers` is resolved, in the order of
    `openers`: each is called with the context and the field's arguments.

    Raises:
        Refusal: the opener refused this field.
    """
    context: Context = info.context
    if context.opened is None:
        context.opened = _open(openers, info)
    outcome = context.opened.get(info.path.key)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def _open(openers: Mapping[str, Opener], info: ResolveInfo) -> dict[str, object]:
    selections = info.operation.selection_set
    fields = collect_fields(info.schema, info.fragments, info.variable_values, info.parent_type, selections)
    opened: dict[str, object] = {}
    for name, opener in openers.items():
        for key, nodes in fields.items():
            if nodes[0].name.value == name:
                arguments = get_argument_values(info.parent_type.fields[name], nodes[0], info.variable_values)
                opened[key] = _outcome(opener, info.context, arguments)
    return opened


def _outcome(opener: Opener, context: Context, arguments: dict[str, Any]) -> object:
    try:
        return opener(context, **arguments)
    except Refusal as refusal:
        return refusal
