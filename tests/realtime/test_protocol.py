"""graphql-transport-ws as a client meets it: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md"""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.server import Server
from realtime.closing import CloseCode
from realtime.consumer import MAX_OPERATION_ID_CHARS
from tests.conftest import servers
from tests.parts.peer import (
    ROOM_EVENTS,
    Peer,
    bearing,
    browsing,
    connected,
    event_of,
    introduced,
    kind_of,
    send,
    sending,
)
from tests.realtime.arranging import Community, Person

pytestmark = pytest.mark.usefixtures("unharmed")

MAX_OPERATIONS = 10
ONE_MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all of them: what one test does to it must not harm the next."""
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start(REALTIME_MAX_OPERATIONS=str(MAX_OPERATIONS))


# --- Messages that are none -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "not JSON",
        '{"type":"ping"',
        "null",
        "[]",
        '"ping"',
        "7",
        "NaN",
        "{}",
        '{"type":null}',
        '{"type":7}',
        '{"type":["ping"]}',
        '{"type":""}',
        '{"type":"start"}',
        '{"type":"connection_ack"}',
        '{"type":"next","id":"1"}',
        '{"type":"\\ud800"}',
        "[" * 100_000,
        '{"type":"ping","payload":' + "[" * 100_000,
        "9" * 10_000,
        b'{"type":"ping"}',
        b"",
        b"\xff\xfe",
    ],
    ids=lambda frame: repr(frame[:24]),
)
async def test_a_frame_that_is_no_message_is_closed_with_4400(peer: Peer, frame: str | bytes) -> None:
    await peer.say_raw(frame)
    assert await peer.closed() == CloseCode.BAD_REQUEST


async def test_a_frame_that_is_no_message_is_closed_with_4400_before_the_init_too(server: Server) -> None:
    async with connected(server.websocket_url) as peer:
        await peer.say_raw("{")
        assert await peer.closed() == CloseCode.BAD_REQUEST


GOOD = {"query": "{ viewer { id } }"}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribe", "payload": GOOD},
        {"type": "subscribe", "id": "", "payload": GOOD},
        {"type": "subscribe", "id": 1, "payload": GOOD},
        {"type": "subscribe", "id": None, "payload": GOOD},
        {"type": "subscribe", "id": ["1"], "payload": GOOD},
        {"type": "subscribe", "id": "1"},
        {"type": "subscribe", "id": "1", "payload": None},
        {"type": "subscribe", "id": "1", "payload": []},
        {"type": "subscribe", "id": "1", "payload": "{ viewer { id } }"},
        {"type": "subscribe", "id": "1", "payload": {}},
        {"type": "subscribe", "id": "1", "payload": {"query": None}},
        {"type": "subscribe", "id": "1", "payload": {"query": 7}},
        {"type": "subscribe", "id": "1", "payload": {**GOOD, "variables": []}},
        {"type": "subscribe", "id": "1", "payload": {**GOOD, "variables": "{}"}},
        {"type": "subscribe", "id": "1", "payload": {**GOOD, "operationName": 7}},
        {"type": "subscribe", "id": "1", "payload": {**GOOD, "extensions": []}},
        {"type": "complete"},
        {"type": "complete", "id": ""},
        {"type": "complete", "id": 7},
    ],
    ids=lambda message: json.dumps(message)[:70],
)
async def test_a_message_of_the_wrong_shape_is_closed_with_4400(peer: Peer, message: object) -> None:
    await peer.say(message)
    assert await peer.closed() == CloseCode.BAD_REQUEST


async def test_a_message_over_the_limit_is_closed_with_1009(peer: Peer) -> None:
    await peer.say({"type": "ping", "payload": {"long": "x" * ONE_MIB}})
    assert await peer.closed() == 1009


async def test_text_that_is_not_utf8_is_closed_with_1007(peer: Peer) -> None:
    await peer.socket.send(b'{"type":"ping","payload":"\xff"}', text=True)
    assert await peer.closed() == 1007


async def test_a_message_just_under_the_limit_is_taken(peer: Peer) -> None:
    await peer.say({"type": "pong", "payload": {"long": "x" * (ONE_MIB - 100)}})
    await peer.serves()


# --- Pings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"sent": 1}}, {"payload": "?"}])
async def test_a_ping_is_answered_with_a_pong(server: Server, aiko: Person, payload: dict[str, object]) -> None:
    async with connected(server.websocket_url) as peer:
        await peer.say({"type": "ping", **payload})
        assert await peer.hear() == {"type": "pong"}
        await peer.introduce({"authorization": f"Bearer {aiko.token}"})
        await peer.say({"type": "ping", **payload})
        assert await peer.hear() == {"type": "pong"}


@pytest.mark.parametrize("payload", [{}, {"payload": {"sent": 1}}])
async def test_a_pong_is_ignored(peer: Peer, payload: dict[str, object]) -> None:
    await peer.say({"type": "pong", **payload})
    await peer.serves()


# --- Operations -------------------------------------------------------------------------------------


async def test_queries_and_mutations_are_served_over_the_socket(peer: Peer, community: Community) -> None:
    request = sending(community.room_id, "over the socket")
    stored = await peer.execute(request["query"], **request["variables"])
    message = stored["data"]["sendMessage"]["message"]
    assert message["body"] == "over the socket"
    read = await peer.execute("query Read($id: ID!) { message(id: $id) { seq body } }", id=message["id"])
    assert read == {"data": {"message": {"seq": message["seq"], "body": "over the socket"}}}


async def test_what_a_resolver_refuses_is_in_the_payload_of_next(peer: Peer) -> None:
    request = sending("404404", "nowhere")
    payload = await peer.execute(request["query"], **request["variables"])
    assert payload["data"] is None
    assert [error["extensions"]["code"] for error in payload["errors"]] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "BAD_USER_INPUT"),
        ("", "BAD_USER_INPUT"),
        ("{ nothingOfTheKind }", "BAD_USER_INPUT"),
        ("fragment F on Query { viewer { id } }", "BAD_USER_INPUT"),
        ("query A { viewer { id } } query B { viewer { id } }", "BAD_USER_INPUT"),
        ("subscription($after: String) { roomEvents(after: $after) { cursor } }", "BAD_USER_INPUT"),
        ('subscription { a: roomEvents(roomId: "1") { cursor } b: inbox { cursor } }', "BAD_USER_INPUT"),
        ("subscription { __typename }", "BAD_USER_INPUT"),
        ("subscription Feed($roomId: ID!) { roomEvents(roomId: $roomId) { cursor } }", "BAD_USER_INPUT"),
        ('subscription { roomEvents(roomId: "404404") { cursor } }', "NOT_FOUND"),
        ('subscription { roomEvents(roomId: "\\u0000") { cursor } }', "BAD_USER_INPUT"),
        ('subscription { roomEvents(roomId: "99999999999999999999999") { cursor } }', "NOT_FOUND"),
        ('subscription { roomSignals(roomId: "404404") { signal { __typename } } }', "NOT_FOUND"),
        ("{ viewer " * 300, "TOO_COMPLEX"),
    ],
    ids=lambda given: given[:60],
)
async def test_an_operation_that_cannot_be_started_is_answered_with_one_error(
    peer: Peer, query: str, code: str
) -> None:
    await peer.subscribe(query, operation="bad")
    answer = await peer.hear()
    assert (answer["type"], answer["id"]) == ("error", "bad")
    assert {error["extensions"]["code"] for error in answer["payload"]} == {code}
    await peer.serves()
    assert "data" in await peer.execute("{ viewer { id } }", operation="bad"), "the id is free again"


async def test_an_id_of_a_running_operation_is_closed_with_4409(peer: Peer, community: Community) -> None:
    await peer.follow(community.room_id, operation="same")
    await peer.subscribe("{ viewer { id } }", operation="same")
    assert await peer.closed() == CloseCode.SUBSCRIBER_EXISTS


async def test_two_operations_of_one_id_at_once_are_closed_with_4409(peer: Peer, community: Community) -> None:
    for _ in range(2):
        await peer.subscribe(ROOM_EVENTS, operation="same", roomId=community.room_id)
    assert await peer.closed() == CloseCode.SUBSCRIBER_EXISTS


async def test_an_id_may_be_used_again_after_complete(peer: Peer, community: Community) -> None:
    for _ in range(3):
        await peer.follow(community.room_id, operation="same")
        await peer.say({"type": "complete", "id": "same"})
    assert "data" in await peer.execute("{ viewer { id } }", operation="same")


@pytest.mark.parametrize("operation_id", ["x" * MAX_OPERATION_ID_CHARS, "\u0000", "\ud800", "届く", '"quoted"\n', " "])
async def test_an_id_comes_back_as_it_was_sent(peer: Peer, operation_id: str) -> None:
    assert "data" in await peer.execute("{ viewer { id } }", operation=operation_id)


async def test_a_complete_of_an_unknown_id_is_ignored(peer: Peer) -> None:
    await peer.say({"type": "complete", "id": "nobody's"})
    await peer.serves()


async def test_nothing_comes_after_a_subscription_was_completed(
    server: Server, peer: Peer, community: Community
) -> None:
    ben = community.people[1]
    await peer.follow(community.room_id, operation="ended")
    await peer.follow(community.room_id, operation="going on")
    await peer.say({"type": "complete", "id": "ended"})
    await peer.serves()
    async with httpx.AsyncClient() as client:
        seqs = [await send(client, server.url, ben.token, community.room_id, f"message {n}") for n in range(5)]
    await peer.until_seq(seqs[-1])
    await peer.serves()
    assert peer.seqs("going on") == seqs
    assert peer.seqs("ended") == []


async def test_a_subscription_resumes_after_its_cursor_and_goes_on_live(
    server: Server, peer: Peer, community: Community
) -> None:
    ben = community.people[1]
    ready = await peer.follow(community.room_id, operation="first")
    await peer.say({"type": "complete", "id": "first"})
    async with httpx.AsyncClient() as client:
        missed = [await send(client, server.url, ben.token, community.room_id, f"missed {n}") for n in range(3)]
        after = ready["payload"]["data"]["roomEvents"]["cursor"]
        await peer.follow(community.room_id, operation="second", after=after)
        assert peer.seqs("second") == missed, "they come before StreamReady"
        live = await send(client, server.url, ben.token, community.room_id, "live")
        await peer.until_seq(live)
    assert peer.seqs("second") == [*missed, live]


@pytest.mark.parametrize("cursor", ["", "nonsense", "é", "A" * 32, "x" * 4_000])
async def test_a_cursor_that_is_none_gets_one_reset_and_goes_on_live(
    server: Server, peer: Peer, community: Community, cursor: str
) -> None:
    await peer.subscribe(ROOM_EVENTS, roomId=community.room_id, after=cursor)
    reset = event_of(await peer.hear())
    assert reset is not None
    assert (reset["__typename"], reset["reason"]) == ("StreamReset", "CURSOR_INVALID")
    assert kind_of(await peer.hear()) == "StreamReady"
    async with httpx.AsyncClient() as client:
        seq = await send(client, server.url, community.people[1].token, community.room_id, "after the reset")
    await peer.until_seq(seq)
    assert peer.seqs() == [seq]


async def test_more_operations_than_allowed_are_answered_with_an_error(peer: Peer, community: Community) -> None:
    for number in range(MAX_OPERATIONS):
        await peer.follow(community.room_id, operation=str(number))
    await peer.subscribe(ROOM_EVENTS, operation="one more", roomId=community.room_id)
    refused = await peer.hear()
    assert (refused["type"], refused["id"]) == ("error", "one more")
    assert refused["payload"][0]["extensions"] == {
        "code": "RATE_LIMITED",
        "reason": "TOO_MANY_OPERATIONS",
        "retryAfter": 1.0,
    }
    assert "REALTIME_MAX_OPERATIONS" in refused["payload"][0]["message"]
    await peer.say({"type": "complete", "id": "0"})
    await peer.follow(community.room_id, operation="one more")


# --- The end of a session ---------------------------------------------------------------------------


async def ended(server: Server, *command: str) -> None:
    """Run a command of `manage.py` in another process."""
    await asyncio.to_thread(server.manage, *command)


async def test_a_banned_person_is_closed_with_4403_everywhere_and_stays_out(
    server: Server, community: Community, peer: Peer
) -> None:
    ben = community.people[5]
    async with (
        introduced(server.websocket_url, ben.token) as by_token,
        connected(server.websocket_url, session=ben.sessions[0], origin=server.url) as by_cookie,
    ):
        await by_cookie.introduce()
        await by_token.follow(community.room_id)
        await ended(server, "ban", ben.username)
        # The command has committed before its process ends.
        assert await by_token.closed(within_s=1) == CloseCode.FORBIDDEN
        assert await by_cookie.closed(within_s=1) == CloseCode.FORBIDDEN
    async with connected(server.websocket_url) as again:
        await again.say({"type": "connection_init", "payload": {"authorization": f"Bearer {ben.token}"}})
        assert await again.closed() == CloseCode.FORBIDDEN
    async with connected(server.websocket_url, session=ben.sessions[0], origin=server.url) as again:
        await again.say({"type": "connection_init"})
        assert await again.closed() == CloseCode.UNAUTHORIZED
    async with httpx.AsyncClient(base_url=server.url) as client:
        for headers in (bearing(ben.token), browsing(ben.sessions[0])):
            answer = await client.post("/graphql", json=sending(community.room_id, "still here"), headers=headers)
            assert "UNAUTHENTICATED" in answer.text
    await peer.serves()


async def test_the_end_of_one_session_closes_its_own_connections_with_4401_and_no_others(
    server: Server, community: Community
) -> None:
    chie = community.people[2]
    async with (
        connected(server.websocket_url, session=chie.sessions[0], origin=server.url) as first,
        connected(server.websocket_url, session=chie.sessions[1], origin=server.url) as second,
        introduced(server.websocket_url, chie.token) as third,
    ):
        await first.introduce()
        await second.introduce()
        await ended(server, "endsession", chie.username, "--credential", chie.credential)
        assert await third.closed(within_s=1) == CloseCode.UNAUTHORIZED
        await first.serves()
        async with httpx.AsyncClient(base_url=server.url, headers=browsing(chie.sessions[0])) as browser:
            token = {"csrfmiddlewaretoken": browser.headers["X-CSRFToken"]}
            assert (await browser.post("/accounts/logout/", data=token)).status_code == 302
        assert await first.closed(within_s=1) == CloseCode.UNAUTHORIZED
        await second.serves()
        await ended(server, "endsession", chie.username, "--all")
        assert await second.closed(within_s=1) == CloseCode.UNAUTHORIZED


async def test_a_removed_member_of_a_private_room_gets_complete_and_the_socket_stays(
    server: Server, community: Community, peer: Peer
) -> None:
    daigo = community.people[3]
    made = await peer.execute('mutation { createRoom(input: {name: "Workshop", visibility: PRIVATE}) { room { id } } }')
    room_id = made["data"]["createRoom"]["room"]["id"]
    given = {"roomId": room_id, "userId": daigo.id}
    adding = "mutation($input: MemberInput!) { addMember(input: $input) { room { id } } }"
    await peer.execute(adding, input=given)
    async with introduced(server.websocket_url, daigo.token) as removed:
        await removed.follow(room_id, operation="feed")
        await removed.subscribe(
            "subscription($room: ID!) { roomSignals(roomId: $room) { signal { __typename } } }",
            operation="signals",
            room=room_id,
        )
        await removed.serves()
        await peer.execute(
            "mutation($input: MemberInput!) { removeMember(input: $input) { room { id } } }", input=given
        )
        ends = [await removed.hear(), await removed.hear()]
        assert sorted(end["id"] for end in ends if end["type"] == "complete") == ["feed", "signals"]
        await removed.serves()
        await removed.subscribe(ROOM_EVENTS, operation="feed", roomId=room_id)
        refused = await removed.hear()
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")


async def test_many_connections_that_vanish_leave_nothing_behind(server: Server, community: Community) -> None:
    emi = community.people[4]
    for _ in range(20):
        async with introduced(server.websocket_url, emi.token) as peer:
            await peer.subscribe(ROOM_EVENTS, roomId=community.room_id)
            peer.socket.transport.abort()
    async with introduced(server.websocket_url, emi.token) as peer, httpx.AsyncClient() as client:
        await peer.follow(community.room_id)
        seq = await send(client, server.url, emi.token, community.room_id, "to whoever is left")
        await peer.until_seq(seq)
        assert peer.seqs() == [seq]
