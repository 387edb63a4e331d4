"""How many rows an operation may ask for, and that what the pages ask for stays within all bounds."""

import re

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, print_ast

from chat.drill.parts.databases import ROOT
from realtime import documents
from realtime.errors import TooComplex
from realtime.rows import MAX_ROWS

OPERATIONS = ROOT / "static" / "src" / "operations"
MAX_PAGE = 200
REACTIONS = "messages(last: 200) { nodes { reactions { users(first: 60) { id } } } }"


def rows_are_too_many(query: str, **variables: object) -> bool:
    rows = documents.operation(query, None).rows
    try:
        rows.refuse_excess(variables)
    except TooComplex as error:
        return error.reason == "TOO_MANY_ROWS"
    return False


@pytest.mark.parametrize(
    "query",
    [
        "{ rooms(first: 200) { nodes { messages(last: 50) { nodes { id } } } } }",
        "{ rooms { nodes { messages(last: 200) { nodes { id } } } } }",
        "{ rooms(first: 200) { nodes { messages { nodes { id } } } } }",
        "{ rooms(first: 200) { nodes { messages(first: 50) { nodes { id } } } } }",
        "query($n: Int = 200) { rooms(first: $n) { nodes { messages { nodes { id } } } } }",
        "{ " + " ".join(f"a{n}: rooms(first: 200) {{ nodes {{ id }} }}" for n in range(51)) + " }",
        "{ rooms(first: 200) { nodes { ...F } } } fragment F on Room { members { nodes { id } } }",
        "{ rooms(first: 200) { nodes { ... on Room { members { nodes { id } } } } } }",
        "{ rooms(first: 200) { nodes { ... { members { nodes { id } } } } } }",
        '{ room(slug: "a") { ' + REACTIONS + " } }",
    ],
)
def test_pages_within_pages_are_refused_where_they_come_to_too_many_rows(query: str) -> None:
    assert rows_are_too_many(query)


def test_variables_count_with_the_values_that_a_request_gives_them() -> None:
    query = "query($n: Int, $m: Int!) { rooms(first: $n) { nodes { messages(last: $m) { nodes { id } } } } }"
    assert not rows_are_too_many(query, n=10, m=200)
    assert rows_are_too_many(query, n=60, m=200)
    assert rows_are_too_many(query, m=200)  # 50 rooms where nothing is said
    assert rows_are_too_many(query, n=None, m=200)


@pytest.mark.parametrize("number", [-1, 0, 201, MAX_ROWS + 1, 10**30, "many", 0.5, True, [], {}])
def test_the_length_of_one_page_is_left_to_its_field(number: object) -> None:
    assert not rows_are_too_many("query($n: Int) { rooms(first: $n) { nodes { id } } }", n=number)


def pages_operations() -> dict[str, str]:
    """Each operation of the pages with the fragments that it uses."""
    document = parse("\n".join(path.read_text() for path in sorted(OPERATIONS.glob("*.graphql"))))
    fragments = {d.name.value: print_ast(d) for d in document.definitions if isinstance(d, FragmentDefinitionNode)}

    def used_by(text: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
        for name in set(re.findall(r"\.\.\.\s*(\w+)", text)) & fragments.keys() - known:
            known = used_by(fragments[name], known | {name})
        return known

    texts = {
        d.name.value: print_ast(d) for d in document.definitions if isinstance(d, OperationDefinitionNode) and d.name
    }
    return {name: "\n".join([text, *(fragments[one] for one in sorted(used_by(text)))]) for name, text in texts.items()}


@pytest.mark.parametrize("query", pages_operations().values(), ids=pages_operations())
def test_what_the_pages_ask_for_is_within_the_bounds(query: str) -> None:
    assert not rows_are_too_many(query, first=MAX_PAGE, last=MAX_PAGE)
