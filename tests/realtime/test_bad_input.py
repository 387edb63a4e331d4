"""Text, numbers and shapes that few expect: each gets an answer that says so, on either database."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.drill.parts.databases import PostgresDatabases, SqliteDatabases
from chat.drill.parts.server import Server
from tests.conftest import servers
from tests.parts.peer import bearing, sending
from tests.realtime.arranging import Community, Person
from tests.realtime.asking import Post, extensions

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(f"{request.param}_databases")
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start(database_url=databases.create())


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "\ud800", "\udfff\ud800", "\uffff", "\u202e", "👩‍👩‍👧‍👦", "x" * 100_000]
)
@pytest.mark.parametrize(
    "query",
    [
        "query($v: String) { rooms(query: $v) { nodes { id } } }",
        "query($v: String) { rooms(after: $v) { nodes { id } } }",
        "query($v: String) { room(slug: $v) { id } }",
        "query($v: ID!) { message(id: $v) { id } }",
        "query($v: ID!) { room(id: $v) { messages(before: $v) { nodes { id } } } }",
        "mutation($v: String!) { createRoom(input: {name: $v, slug: $v, topic: $v}) { room { id } } }",
        'mutation($v: ID!) { addReaction(input: {messageId: $v, emoji: "👍"}) { message { id } } }',
    ],
)
def test_any_text_is_answered(post: Post, aiko: Person, query: str, text: str) -> None:
    response = post({"query": query, "variables": {"v": text}}, headers=bearing(aiko.token))
    assert response.status_code == 200
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] in ("BAD_USER_INPUT", "NOT_FOUND", "CONFLICT")


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\udfffb"])
def test_text_that_no_database_keeps_is_refused_by_its_fields_name(
    post: Post, community: Community, aiko: Person, text: str
) -> None:
    response = post(sending(community.room_id, f"before {text} after"), headers=bearing(aiko.token))
    assert response.status_code == 200
    assert extensions(response) == {"code": "BAD_USER_INPUT", "reason": "TEXT_INVALID", "field": "body"}


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\ud800"])
def test_text_that_no_database_keeps_is_refused_in_a_document_too(post: Post, aiko: Person, text: str) -> None:
    response = post({"query": f'{{ room(slug: "{text}") {{ id }} }}'}, headers=bearing(aiko.token))
    assert response.status_code == 200
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "query", ['{ room(slug: "\x00") { id } }', "{ viewer { \x00 } }", "\ud800", "{ \ud800 }", "\ufeff{ viewer { id } }"]
)
def test_any_document_is_answered(post: Post, aiko: Person, query: str) -> None:
    assert post({"query": query}, headers=bearing(aiko.token)).status_code == 200


@pytest.mark.parametrize("number", [-(10**30), -(2**31) - 1, -1, 0, 2**31 - 1, 2**31, 2**63, 10**30, 1e308, 0.5])
@pytest.mark.parametrize(
    "query",
    [
        "query($n: Int) { rooms(first: $n) { nodes { id } } }",
        'mutation($n: Int!) { markRead(input: {roomId: "ROOM", seq: $n}) { room { id } } }',
        "query($n: ID!) { room(id: $n) { id } }",
        "query($n: ID!) { message(id: $n) { id } }",
    ],
)
def test_any_number_is_answered(post: Post, community: Community, aiko: Person, query: str, number: float) -> None:
    body = {"query": query.replace("ROOM", community.room_id), "variables": {"n": number}}
    response = post(body, headers=bearing(aiko.token))
    assert response.status_code == 200
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] in ("BAD_USER_INPUT", "NOT_FOUND")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_know_get_400(post: Post, aiko: Person, value: str) -> None:
    body = f'{{"query": "query($n: Int) {{ rooms(first: $n) {{ nodes {{ id }} }} }}", "variables": {{"n": {value}}}}}'
    assert post(body.encode(), headers=bearing(aiko.token)).status_code == 400


QUIET = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@QUIET
@given(body=st.binary(max_size=300))
def test_no_bytes_are_answered_with_a_500(post: Post, body: bytes) -> None:
    assert post(body).status_code in (200, 400)


@QUIET
@given(
    body=st.fixed_dictionaries(
        {
            "query": st.sampled_from(["{ room(id: 1) { id } }", "query A($v: ID!) { message(id: $v) { id } }"])
            | ANY_JSON
        },
        optional={
            "variables": st.dictionaries(st.sampled_from(["v", "w"]), ANY_JSON) | ANY_JSON,
            "operationName": st.just("A") | ANY_JSON,
            "extensions": ANY_JSON,
        },
    )
)
def test_no_parameters_are_answered_with_a_500(post: Post, aiko: Person, body: object) -> None:
    assert post(body, headers=bearing(aiko.token)).status_code in (200, 400)


@QUIET
@given(query=st.text(alphabet="{}()[]:!$@.\"'#&|= \n\x00é😀,abviewerroomid123fragmenton_query", max_size=120))
def test_no_document_is_answered_with_a_500(post: Post, query: str) -> None:
    assert post({"query": query}).status_code in (200, 400)
