"""GraphQL over HTTP: https://graphql.github.io/graphql-over-http/draft/"""

import json
import subprocess

import httpx
import pytest

from chat.drill.parts.databases import ROOT
from chat.drill.parts.server import Server
from tests.parts.peer import CSRF_TOKEN, bearing, browsing, sending
from tests.realtime.arranging import Community, Person
from tests.realtime.asking import GRAPHQL_JSON, JSON, WHO, Post, code, extensions, well_formed

MAX_BODY_BYTES = 2_621_440  # GRAPHQL_BODY_BYTES
LEFT_OPEN: set[str] = set()  # what the specification allows and we do not do

pytestmark = pytest.mark.usefixtures("calm")


# --- The specification ------------------------------------------------------------------------------


def test_the_specifications_audits_pass(server: Server) -> None:
    program = """
      import { auditServer } from "graphql-http";
      const results = await auditServer({ url: process.argv[1] });
      console.log(JSON.stringify(results.map(({ name, status, reason }) => ({ name, status, reason }))));
    """
    ended = subprocess.run(
        ["node", "--input-type=module", "--eval", program, f"{server.url}/graphql"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    results = json.loads(ended.stdout)
    assert len(results) > 50, "all of them were run"
    assert [result for result in results if result["status"] in ("error", "warn")] == []
    left_open = {result["name"] for result in results if result["status"] == "notice"}
    assert left_open <= LEFT_OPEN


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; q=0.5, {JSON}; q=0.9", JSON),
        (f"text/html, {GRAPHQL_JSON}; q=0.1", GRAPHQL_JSON),
        ("text/html, */*; q=0.1", JSON),
        (f"{GRAPHQL_JSON};q=0, */*", JSON),
    ],
)
def test_the_answer_is_of_a_type_that_the_client_accepts(post: Post, accept: str | None, media_type: str) -> None:
    response = post({"query": WHO}, accept=accept)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert "Accept" in response.headers["Vary"]
    assert response.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/xml, text/*;q=0.9", "nonsense", "a/b/c", ";"])
def test_a_client_that_accepts_none_of_our_types_gets_406(post: Post, accept: str) -> None:
    assert post({"query": WHO}, accept=accept).status_code == 406


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothingOfTheKind }"},
        {"query": "query($id: ID!) { message(id: $id) { id } }"},
        {"query": "query($n: Int) { rooms(first: $n) { nodes { id } } }", "variables": {"n": "three"}},
        {"query": WHO, "operationName": "Other"},
        {"query": "query A { viewer { id } } query B { viewer { id } }"},
        {"query": "fragment F on User { id }"},
        {"query": "# nothing"},
        {"query": "subscription { inbox { cursor } }"},
    ],
    ids=lambda body: body["query"],
)
def test_a_request_error_is_200_as_json_and_400_as_the_newer_type(post: Post, body: object) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
        response = post(body, accept=accept)
        assert response.status_code == status
        assert "data" not in response.json()
        assert code(response) == "BAD_USER_INPUT"


def test_an_error_of_a_resolver_is_200_in_both_types(post: Post) -> None:
    for accept in (JSON, GRAPHQL_JSON):
        response = post({"query": '{ viewer { id } room(id: "1") { id } }'}, accept=accept)
        assert response.status_code == 200
        assert response.json()["data"] == {"viewer": None, "room": None}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_get_405_and_are_told_which_are_served(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/graphql", json={"query": WHO})
    well_formed(response)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"


def test_a_head_request_is_answered_without_a_body(client: httpx.Client) -> None:
    response = client.head("/graphql", params={"query": WHO})
    assert response.status_code == 405
    assert response.content == b""


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "application/json; charset=latin1",
        "application/json; charset=utf-16",
        "application/json; charset=nonsense",
        "json",
        "é",
    ],
)
def test_a_body_that_is_not_json_in_utf8_gets_415(post: Post, content_type: str | None) -> None:
    assert post({"query": WHO}, content_type=content_type).status_code == 415


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=UTF-8", "Application/JSON", 'application/json; charset="utf-8"']
)
def test_a_content_type_may_be_spelled_as_http_allows(post: Post, content_type: str) -> None:
    assert post({"query": WHO}, content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\x00",
        b"nonsense",
        b"[" * 100_000,
        b'{"query":' * 50_000,
        b"9" * 10_000,
        '{"query": "{ viewer { id } }"}'.encode("utf-16-le"),
        b'"{ viewer { id } }"',
        b"null",
        b"7",
        b"[]",
        b'[{"query": "{ viewer { id } }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 7}',
        b'{"query": ["{ viewer { id } }"]}',
        b'{"query": {"a": 1}}',
        b'{"query": "{ viewer { id } }", "operationName": 7}',
        b'{"query": "{ viewer { id } }", "operationName": {}}',
        b'{"query": "{ viewer { id } }", "variables": "{}"}',
        b'{"query": "{ viewer { id } }", "variables": [1]}',
        b'{"query": "{ viewer { id } }", "variables": 7}',
        b'{"query": "{ viewer { id } }", "extensions": []}',
        b'{"query": "{ viewer { id } }", "extensions": true}',
    ],
    ids=lambda body: repr(body[:48]),
)
def test_a_body_that_is_no_request_gets_400(post: Post, body: bytes) -> None:
    for accept in (JSON, GRAPHQL_JSON):
        response = post(body, accept=accept)
        assert response.status_code == 400
        assert "data" not in response.json()


@pytest.mark.parametrize("name", ["operationName", "variables", "extensions"])
def test_null_is_the_same_as_leaving_it_out(post: Post, name: str) -> None:
    assert post({"query": WHO, name: None}).json() == {"data": {"viewer": None}}


def test_what_the_specification_does_not_name_is_ignored(post: Post) -> None:
    body = {"query": WHO, "id": 7, "extensions": {"persistedQuery": {"version": 1}}, "variables": {"unused": 1}}
    assert post(body).json() == {"data": {"viewer": None}}


def test_a_body_that_is_too_large_gets_413(post: Post) -> None:
    refused = post(b'{"query": "' + b"#" * MAX_BODY_BYTES + b'"}')
    assert refused.status_code == 413
    assert "GRAPHQL_BODY_BYTES" in refused.json()["errors"][0]["message"]


# --- GET --------------------------------------------------------------------------------------------


def test_get_serves_queries(client: httpx.Client) -> None:
    query = "query A($deep: Boolean!) { viewer @include(if: $deep) { id } } query B { __typename }"
    parameters = {"query": query, "operationName": "A", "variables": '{"deep": true}', "extensions": "{}"}
    assert client.get("/graphql", params=parameters).json() == {"data": {"viewer": None}}


def test_get_serves_no_mutations(client: httpx.Client, community: Community, aiko: Person) -> None:
    request = sending(community.room_id, "by GET")
    parameters = {"query": request["query"], "variables": json.dumps(request["variables"])}
    for accept in (JSON, GRAPHQL_JSON):
        response = client.get("/graphql", params=parameters, headers={**bearing(aiko.token), "Accept": accept})
        assert response.status_code == 405
        assert response.headers["Allow"] == "POST"
    listed = client.get(
        "/graphql",
        params={"query": f'{{ room(id: "{community.room_id}") {{ messageCount }} }}'},
        headers=bearing(aiko.token),
    )
    assert listed.json() == {"data": {"room": {"messageCount": 0}}}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": WHO, "variables": "{"},
        {"query": WHO, "variables": "[]"},
        {"query": WHO, "variables": "7"},
        {"query": WHO, "variables": "[" * 3000},
        {"query": WHO, "extensions": "nonsense"},
        {"query": WHO, "extensions": '"text"'},
    ],
)
def test_a_get_with_wrong_parameters_gets_400(client: httpx.Client, parameters: dict[str, str]) -> None:
    response = client.get("/graphql", params=parameters)
    well_formed(response)
    assert response.status_code == 400


def test_a_get_that_names_no_operation_or_variables_may_leave_them_empty(client: httpx.Client) -> None:
    parameters = {"query": WHO, "operationName": "", "variables": "", "extensions": ""}
    assert client.get("/graphql", params=parameters).json() == {"data": {"viewer": None}}


# --- Who asks ---------------------------------------------------------------------------------------


def test_an_anonymous_request_gets_viewer_and_nothing_else(post: Post, community: Community) -> None:
    assert post({"query": WHO}).json() == {"data": {"viewer": None}}
    for query in (
        "{ rooms { nodes { id } } }",
        f'{{ room(id: "{community.room_id}") {{ id }} }}',
        '{ message(id: "1") { id } }',
        "{ inboxCursor }",
        f'mutation {{ joinRoom(input: {{roomId: "{community.room_id}"}}) {{ room {{ id }} }} }}',
        'mutation { createRoom(input: {name: "Mine"}) { room { id } } }',
    ):
        assert code(post({"query": query})) == "UNAUTHENTICATED"


def test_the_schema_may_be_asked_for_by_anybody(post: Post) -> None:
    assert (
        post({"query": "{ __schema { queryType { name } } }"}).json()["data"]["__schema"]["queryType"]["name"]
        == "Query"
    )


def test_a_token_speaks_for_its_person_without_a_csrf_token(post: Post, aiko: Person) -> None:
    for header in (bearing(aiko.token), {"Authorization": f"bearer   {aiko.token}"}):
        assert post({"query": WHO}, headers=header).json() == {"data": {"viewer": {"username": "aiko"}}}


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer", "", "Basic YTpi", "Bearer \x7f", "wrong", "Bearer é"]
)
@pytest.mark.parametrize("session", [False, True], ids=["without a cookie", "with a good cookie"])
def test_a_bad_token_gets_401_whatever_else_comes(
    post: Post, aiko: Person, authorization: str, *, session: bool
) -> None:
    cookies = browsing(aiko.sessions[0]) if session else {}
    response = post({"query": WHO}, headers={**cookies, "Authorization": authorization})
    assert response.status_code == 401
    assert extensions(response) == {"code": "UNAUTHENTICATED", "reason": "TOKEN_INVALID"}


def test_a_cookie_session_needs_a_csrf_token_to_post(post: Post, aiko: Person) -> None:
    assert post({"query": WHO}, headers=browsing(aiko.sessions[0])).json() == {"data": {"viewer": {"username": "aiko"}}}
    for headers in (
        browsing(aiko.sessions[0], csrf=False),
        {**browsing(aiko.sessions[0], csrf=False), "X-CSRFToken": CSRF_TOKEN},
        {**browsing(aiko.sessions[0]), "X-CSRFToken": CSRF_TOKEN[::-1]},
        {**browsing(aiko.sessions[0]), "X-CSRFToken": "short"},
        {**browsing(aiko.sessions[0]), "Origin": "https://evil.example"},
        {**browsing(aiko.sessions[0]), "Origin": "null"},
    ):
        for accept in (JSON, GRAPHQL_JSON):
            response = post({"query": WHO}, headers=headers, accept=accept)
            assert response.status_code == 401
            assert extensions(response) == {"code": "UNAUTHENTICATED", "reason": "CSRF_FAILED"}


def test_a_mutation_that_fails_the_csrf_check_does_nothing(post: Post, community: Community, aiko: Person) -> None:
    request = sending(community.room_id, "forged")
    assert post(request, headers=browsing(aiko.sessions[0], csrf=False)).status_code == 401
    read = {
        "query": "query($id: ID!) { message(id: $id) { id } }",
        "variables": {"id": request["variables"]["input"]["id"]},
    }
    assert post(read, headers=bearing(aiko.token)).json() == {"data": {"message": None}}


def test_a_query_by_get_needs_no_csrf_token(client: httpx.Client, aiko: Person) -> None:
    response = client.get("/graphql", params={"query": WHO}, headers=browsing(aiko.sessions[0], csrf=False))
    assert response.json() == {"data": {"viewer": {"username": "aiko"}}}


def test_a_page_of_somebody_who_is_no_longer_signed_in_gets_401(post: Post, community: Community) -> None:
    aiko, ben = community.people[:2]
    own = {**browsing(aiko.sessions[0]), "Todoku-Viewer": aiko.id}
    assert post({"query": WHO}, headers=own).json() == {"data": {"viewer": {"username": "aiko"}}}
    for headers in (
        {**browsing(aiko.sessions[0]), "Todoku-Viewer": ben.id},
        {**browsing("ended"), "Todoku-Viewer": aiko.id},
        {"Todoku-Viewer": aiko.id},
        {**browsing(aiko.sessions[0]), "Todoku-Viewer": "nonsense"},
    ):
        response = post(sending(community.room_id, "not mine"), headers=headers)
        assert response.status_code == 401
        assert extensions(response) == {"code": "UNAUTHENTICATED", "reason": "OTHER_VIEWER"}


def test_a_banned_person_is_let_in_by_nothing(server: Server, post: Post, community: Community) -> None:
    fumi = community.people[5]
    server.manage("ban", fumi.username)
    response = post({"query": WHO}, headers=bearing(fumi.token))
    assert response.status_code == 401
    assert extensions(response) == {"code": "UNAUTHENTICATED", "reason": "TOKEN_INVALID"}
    for session in fumi.sessions:
        assert post({"query": WHO}, headers=browsing(session)).json() == {"data": {"viewer": None}}
        assert code(post(sending(community.room_id, "still here"), headers=browsing(session))) == "UNAUTHENTICATED"
