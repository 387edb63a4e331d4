"""GraphQL documents: parsed, validated and bounded once, then remembered by their text."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from weakref import WeakValueDictionary

from django.conf import settings
from graphene.validation import depth_limit_validator
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    VisitorAction,
    parse,
    print_ast,
    specified_rules,
    validate,
    visit,
)

from realtime.bounds import MAX_CHARS, excess, too_complex
from realtime.errors import BadUserInput
from realtime.interface import interface
from realtime.plain_fields import Execution
from realtime.rows import Rows, rows_of
from realtime.storable import is_storable
from realtime.viewing import is_marked

REMEMBERED_DOCUMENTS = 200  # up to 0.4 MB each
REMEMBERED_CHARS = 20_000  # longer documents are parsed each time they come


class DocumentInvalid(Exception):
    """The document can't be executed; `errors` say why, each already a GraphQL error."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Operation:
    """One executable operation of a document.

    Args:
        text: the document as graphql-core prints it, so that white space and comments make no difference.
        root_fields: the names of the fields selected at the root.
        depends_on_viewer: it selects a field whose value differs from viewer to viewer.
        rows: how many it asks for.
        place_variable: the one that is nothing but the root field's `after`: subscribers may differ in it and share all
            else.
        execution: what executes it.
    """

    document: DocumentNode
    definition: OperationDefinitionNode
    text: str
    root_fields: tuple[FieldNode, ...]
    depends_on_viewer: bool
    rows: Rows
    place_variable: str | None
    execution: Execution

    @property
    def kind(self) -> OperationType:
        return self.definition.operation

    @property
    def name(self) -> str | None:
        return self.definition.name.value if self.definition.name else None


_remembered: OrderedDict[tuple[str, str | None], Operation] = OrderedDict()
_kept: WeakValueDictionary[tuple[str, str | None], Operation] = WeakValueDictionary()
_lock = Lock()


def operation(query: str, name: str | None) -> Operation:
    """The operation `name` of the document `query` (its only one where name is None).

    Raises:
        DocumentInvalid: syntax, validation, bounds, or no such operation.
    """
    if (known := remembered(query, name)) is not None:
        return known
    made = _examine(query, name)
    if len(query) <= REMEMBERED_CHARS:
        with _lock:
            _remembered[query, name] = made
            while len(_remembered) > REMEMBERED_DOCUMENTS:
                _remembered.popitem(last=False)
    return made


def remembered(query: str, name: str | None) -> Operation | None:
    """The operation, where it came before; never blocks."""
    with _lock:
        known = _remembered.get((query, name))
        if known is not None:
            _remembered.move_to_end((query, name))
        return known


def kept(operation: Operation) -> Operation:
    """The one that stands for all of its text, however they are spelled: for who holds it as long as a subscription."""
    with _lock:
        return _kept.setdefault((operation.text, operation.name), operation)


def _examine(query: str, name: str | None) -> Operation:
    if len(query) > MAX_CHARS:
        too_long = f"the document has more than {MAX_CHARS} characters: long texts belong into variables"
        raise DocumentInvalid([too_complex(too_long, "TOO_LONG")])
    try:
        return _examined(query, name)
    except RecursionError as error:
        raise DocumentInvalid([too_complex("the document is nested too deeply", "TOO_DEEP")]) from error


def _examined(query: str, name: str | None) -> Operation:
    schema = interface().schema
    document = _parsed(query)
    _let_go_of_tokens(document)
    if (too_much := excess(document)) is not None:
        raise DocumentInvalid([too_much])
    _refuse_unstorable(query, document)
    if errors := validate(schema, document, specified_rules, max_errors=10):
        raise DocumentInvalid([_with_reason(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
    # Only now: it would follow fragments round in a circle.
    if validate(schema, document, [depth_limit_validator(max_depth=settings.GRAPHQL_MAX_DEPTH)]):
        limit = settings.GRAPHQL_MAX_DEPTH
        raise DocumentInvalid([too_complex(f"the operation goes deeper than {limit} fields", "TOO_DEEP")])
    definition = _select(document, name)
    root_fields = tuple(_fields_of(definition.selection_set, document))
    return Operation(
        document=document,
        definition=definition,
        text=print_ast(document),
        root_fields=root_fields,
        depends_on_viewer=_depends_on_viewer(schema, document),
        rows=rows_of(schema, document, definition),
        place_variable=_variable_of_after_alone(document, root_fields[0]),
        execution=Execution(definition, document),
    )


def _parsed(query: str) -> DocumentNode:
    try:
        return parse(query, max_tokens=settings.GRAPHQL_MAX_TOKENS, no_location=False)
    except GraphQLError as error:
        if f"more than {settings.GRAPHQL_MAX_TOKENS} tokens" in error.message:
            raise DocumentInvalid([too_complex(error.message, "TOO_MANY_TOKENS")]) from error
        raise DocumentInvalid([_with_reason(error, "GRAPHQL_PARSE_FAILED")]) from error


def _let_go_of_tokens(document: DocumentNode) -> None:
    """Unlink the tokens from each other: the document would hold all of them, its comments too, 100 bytes each."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following, token.prev, token.next = token.next, None, None
        token = following


def _refuse_unstorable(query: str, document: DocumentNode) -> None:
    texts = _Texts()
    if "\\u" in query:  # only an escape can make what the query itself doesn't have
        visit(document, texts)
    if not (is_storable(query) and texts.storable):
        no_text = GraphQLError("expected text, got NUL or half of a surrogate pair in the document")
        raise DocumentInvalid([_with_reason(no_text, "TEXT_INVALID")])


class _Texts(Visitor):
    """Notices whether all strings in a document, their escapes resolved, can be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.storable = True

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        self.storable = self.storable and is_storable(node.value)


def _with_reason(error: GraphQLError, reason: str) -> GraphQLError:
    error.extensions = {"code": BadUserInput.code, "reason": reason}
    return error


def _select(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    definitions = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is None and len(definitions) == 1:
        return definitions[0]
    for definition in definitions:
        if name is not None and definition.name and definition.name.value == name:
            return definition
    message = "the document has no operation"
    if name is not None:
        message = f"the document has no operation named {name!r}"
    elif definitions:
        message = "the document has several operations: operationName must say which"
    raise DocumentInvalid([_with_reason(GraphQLError(message), "OPERATION_NOT_FOUND")])


def _fields_of(selections: SelectionSetNode, document: DocumentNode) -> list[FieldNode]:
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    found: list[FieldNode] = []
    for node in selections.selections:
        if isinstance(node, FieldNode):
            found.append(node)
        elif isinstance(node, InlineFragmentNode):
            found.extend(_fields_of(node.selection_set, document))
        elif isinstance(node, FragmentSpreadNode):
            found.extend(_fields_of(fragments[node.name.value].selection_set, document))
    return found


class _ViewerFields(Visitor):
    """Notices whether any selected field's resolver is marked as depending on the viewer."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.found = False

    def enter_field(self, *_: object) -> VisitorAction:
        definition = self.types.get_field_def()
        if definition is not None and is_marked(definition.resolve):
            self.found = True
        return None


class _Uses(Visitor):
    """Counts where each variable is used, its definition included."""

    def __init__(self) -> None:
        super().__init__()
        self.count: dict[str, int] = {}

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.count[node.name.value] = self.count.get(node.name.value, 0) + 1


def _variable_of_after_alone(document: DocumentNode, root: FieldNode) -> str | None:
    for argument in root.arguments:
        if argument.name.value == "after" and isinstance(argument.value, VariableNode):
            uses = _Uses()
            visit(document, uses)
            name = argument.value.name.value
            return name if uses.count[name] == 2 else None  # its definition and this use
    return None


def _depends_on_viewer(schema: GraphQLSchema, document: DocumentNode) -> bool:
    types = TypeInfo(schema)
    fields = _ViewerFields(types)
    visit(document, TypeInfoVisitor(types, fields))
    return fields.found
