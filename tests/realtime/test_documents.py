"""Documents: what they may ask for, and what is remembered of them."""

import time

import pytest
from graphql import OperationType, get_introspection_query

from realtime import documents
from realtime.bounds import MAX_CHARS
from realtime.documents import REMEMBERED_CHARS, REMEMBERED_DOCUMENTS, DocumentInvalid

AT_ONCE_S = 0.1  # half of it is for machines that are slower or busy
TRIES = 3  # the fastest counts: the collection of other tests' garbage may fall into one

TOO_LONG = {("TOO_COMPLEX", "TOO_LONG")}
TOO_MANY_PARTS = {("TOO_COMPLEX", "TOO_MANY_PARTS")}
TOO_MANY_TOKENS = {("TOO_COMPLEX", "TOO_MANY_TOKENS")}
TOO_MANY_FIELDS = {("TOO_COMPLEX", "TOO_MANY_FIELDS")}
TOO_MANY_REPEATS = {("TOO_COMPLEX", "TOO_MANY_REPEATS")}
TOO_DEEP = {("TOO_COMPLEX", "TOO_DEEP")}
NOT_GRAPHQL = {("BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED")}
INVALID = {("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")}
NOT_FOUND = {("BAD_USER_INPUT", "OPERATION_NOT_FOUND")}
NO_TEXT = {("BAD_USER_INPUT", "TEXT_INVALID")}


def refusal(query: str, name: str | None = None) -> set[tuple[str, str]]:
    """The codes and reasons with which a document is refused, which must not take long."""
    took = []
    for _ in range(TRIES):
        begun = time.process_time()
        with pytest.raises(DocumentInvalid) as refused:
            documents.operation(query, name)
        took.append(time.process_time() - begun)
    assert min(took) < AT_ONCE_S
    extensions = [error.extensions or {} for error in refused.value.errors]
    return {(each["code"], each["reason"]) for each in extensions}


def nested(depth: int) -> str:
    return '{ message(id: "1") ' + "{ replyTo " * depth + "{ id }" + " }" * depth + " }"


def fragments(bodies: list[str]) -> str:
    return "{ viewer { ...F0 } } " + " ".join(f"fragment F{n} on User {{ {body} }}" for n, body in enumerate(bodies))


def bomb(leaf: str = "id") -> str:
    return fragments([f"...F{n + 1} ...F{n + 1}" for n in range(60)] + [leaf])


@pytest.mark.parametrize("depth", [13, 30, 60, 100, 150, 200, 300, 450, 660, 10_000])
def test_an_operation_that_goes_too_deep_is_refused_at_once(depth: int) -> None:
    assert refusal(nested(depth)) <= TOO_DEEP | TOO_MANY_TOKENS | TOO_LONG


@pytest.mark.parametrize("depth", [13, 60, 250])
def test_depth_is_not_hidden_by_fragments(depth: int) -> None:
    bodies = [f"replyTo {{ ...F{n + 1} }}" for n in range(depth)] + ["id"]
    query = fragments(bodies).replace("on User", "on Message").replace("viewer", 'message(id: "1")')
    assert refusal(query) <= TOO_DEEP | TOO_MANY_TOKENS


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ viewer { " + "id " * 100_000 + "} }", TOO_LONG),
        ("{ viewer { id } } #" + "x" * MAX_CHARS, TOO_LONG),
        ("{ viewer { " + "id " * 3_000 + "} }", TOO_MANY_TOKENS),
        ('{ room(slug: "a") { ' + "messages(first: 1) { nodes { id } } " * 200 + "} }", TOO_MANY_TOKENS),
        ("query ($a: " + "[" * 1_500, TOO_DEEP),
        ("{ room(slug: " + "[" * 1_500, TOO_DEEP),
        ("{ room(slug: " + "{a:" * 600, TOO_DEEP),
        (bomb(), TOO_MANY_REPEATS),
        (bomb("...Nothing"), TOO_MANY_FIELDS),
        (fragments([" ".join(f"...F{n}" for n in range(12)) + f" a{m}: id" for m in range(12)]), TOO_MANY_FIELDS),
        ("{ viewer { " + "id " * 990 + "} }", TOO_MANY_PARTS),
        ("{ viewer { " + " ".join(f"a{n}: id" for n in range(400)) + " } }", TOO_MANY_PARTS),
        ("query(" + " ".join(f"$v{n}: Int" for n in range(400)) + ") { viewer { id } }", TOO_MANY_PARTS),
        ("{ room(slug: [" + "1 " * 400 + "]) { id } }", TOO_MANY_PARTS),
        (" ".join(f"query Q{n} {{ viewer {{ id }} }}" for n in range(200)), TOO_MANY_PARTS),
        ("{ viewer { " + "id " * 60 + "} }", TOO_MANY_REPEATS),
        ("{ viewer { " + "...{ id } " * 100 + "} }", TOO_MANY_REPEATS),
        ("{ " + ("viewer { " + "id " * 19 + "} ") * 10 + "}", TOO_MANY_REPEATS),
        (fragments(["...F1 " * 60, "id"]), TOO_MANY_REPEATS),
        ("{ viewer { id } } fragment Unused on User { " + "id " * 60 + "}", TOO_MANY_REPEATS),
        *(("{ viewer { " + "...{ " * depth + "id" + " }" * depth + " } }", TOO_DEEP) for depth in (60, 100, 200, 400)),
        *(("query($a: " + "[" * depth + "Int" + "]" * depth + ") { id }", TOO_DEEP) for depth in (60, 100, 400, 900)),
        *(("{ room(slug: " + "[" * depth + "]" * depth + ") }", TOO_DEEP) for depth in (60, 100, 200, 400, 900)),
    ],
    ids=lambda given: given[:40] if isinstance(given, str) else "",
)
def test_a_document_that_would_cost_too_much_is_refused_at_once(query: str, expected: set[tuple[str, str]]) -> None:
    assert refusal(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { " + " ".join(f"a{n}: id" for n in range(390)) + " } }",
        "{ " + "viewer { id } " * 50 + "}",
        fragments([f"...F{n + 1} a{n}: id" for n in range(90)] + ["id"]),
        get_introspection_query(),
        nested(11),
    ],
    ids=lambda query: query.strip()[:40],
)
def test_what_keeps_within_the_bounds_is_examined_at_once(query: str) -> None:
    took = []
    for number in range(TRIES):
        begun = time.process_time()
        assert documents.operation(query + " " * number, None).kind is OperationType.QUERY  # another text each time
        took.append(time.process_time() - begun)
    assert min(took) < AT_ONCE_S


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", NOT_GRAPHQL),
        ("{", NOT_GRAPHQL),
        ("{" * 1_000, NOT_GRAPHQL),
        ("[" * 1_000, NOT_GRAPHQL),
        ("# nothing", NOT_GRAPHQL),
        ("{ viewer { \x00 } }", NOT_GRAPHQL),
        ("{ \ud800 }", NOT_GRAPHQL),
        ("{ nothingOfTheKind }", INVALID),
        ("type Mine { id: ID }", INVALID),
        ("{ viewer { id } } { viewer { id } }", INVALID),
        (fragments(["...F1", "...F0"]), INVALID),
        (fragments(["...F0"]), INVALID),
        ("query { ...A } fragment A on Query { ...A }", INVALID),
        ("subscription { inbox { cursor } again: inbox { cursor } }", INVALID),
        ('{ room(slug: "\\u0000") { id } }', NO_TEXT),
        ('{ room(slug: """a\x00b""") { id } }', NO_TEXT | NOT_GRAPHQL),
    ],
)
def test_what_cannot_be_executed_is_refused_with_the_reason(query: str, expected: set[tuple[str, str]]) -> None:
    assert refusal(query) <= expected


def test_an_operation_is_found_by_its_name() -> None:
    query = "query A { viewer { id } } query B { viewer { username } }"
    assert documents.operation(query, "B").name == "B"
    assert refusal(query, None) == NOT_FOUND
    assert refusal(query, "C") == NOT_FOUND
    assert refusal(query, "") == NOT_FOUND
    assert refusal("{ viewer { id } }", "A") == NOT_FOUND


def test_white_space_and_comments_make_no_difference_to_what_is_shared() -> None:
    plain = documents.operation("subscription S { inbox { cursor } }", None)
    spread_out = documents.operation("# mine\nsubscription S {\n  inbox\n  { cursor }\n}", None)
    assert plain.text == spread_out.text


def test_a_document_is_examined_once_and_long_or_old_ones_are_forgotten() -> None:
    kept = documents.operation("{ viewer { kept: id } }", None)
    assert documents.operation("{ viewer { kept: id } }", None) is kept
    long = "{ viewer { id } } #" + "x" * REMEMBERED_CHARS
    assert documents.operation(long, None) is not documents.operation(long, None)
    for number in range(REMEMBERED_DOCUMENTS):
        documents.operation(f"{{ a{number}: __typename }}", None)
    assert documents.operation("{ viewer { kept: id } }", None) is not kept


def test_whether_it_depends_on_the_viewer_is_seen_through_fragments() -> None:
    def depends(selection: str, more: str = "") -> bool:
        query = (
            f'subscription {{ roomEvents(roomId: "1") {{ event {{ ... on MessageSent {{ {selection} }} }} }} }} {more}'
        )
        return documents.operation(query, None).depends_on_viewer

    assert not depends("message { reactions { emoji } }")
    assert depends("message { reactions { mine: viewerReacted } }")
    assert depends("message { reactions { ... on Reaction { viewerReacted } } }")
    assert depends("message { ...F }", "fragment F on Message { replyTo { reactions { viewerReacted } } }")
