"""How a WebSocket begins: its sub-protocol, who it is, and from which page."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from chat.drill.parts.databases import SqliteDatabases
from chat.drill.parts.server import Server
from realtime.closing import CloseCode
from tests.conftest import servers
from tests.parts.eventually import eventually
from tests.parts.peer import PROTOCOL, Peer, bearing, connected, introduced
from tests.realtime.arranging import Person, arrange, locked

pytestmark = pytest.mark.usefixtures("unharmed")

TRUSTED = "https://chat.example.org"
INIT_TIMEOUT_S = 0.6


@pytest.fixture(scope="module")
def server(sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all of them: what one test does to it must not harm the next."""
    with servers(sqlite_databases, tmp_path_factory) as start:
        yield start(CSRF_TRUSTED_ORIGINS=TRUSTED, REALTIME_INIT_TIMEOUT=str(INIT_TIMEOUT_S))


# --- The handshake ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offered", [(), ("graphql-ws",), ("graphql-transport-ws2", "GRAPHQL-TRANSPORT-WS")])
async def test_a_client_that_does_not_offer_the_sub_protocol_is_closed_with_4406(
    server: Server, offered: tuple[str, ...]
) -> None:
    async with connected(server.websocket_url, subprotocols=offered) as peer:
        assert peer.socket.subprotocol is None
        assert await peer.closed() == CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE


async def test_the_sub_protocol_is_chosen_among_several(server: Server) -> None:
    async with connected(server.websocket_url, subprotocols=("graphql-ws", PROTOCOL, "other")) as peer:
        assert peer.socket.subprotocol == PROTOCOL


@pytest.mark.parametrize("path", ["/", "/graphql/", "/graphql/x", "/ws", "/%FF", "//graphql"])
async def test_a_handshake_on_another_path_is_refused(server: Server, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(server.websocket_url.removesuffix("/graphql") + path):
            pass
    assert refused.value.response.status_code == 403


async def test_a_query_string_in_the_address_makes_no_difference(server: Server, aiko: Person) -> None:
    async with introduced(f"{server.websocket_url}?x=1", aiko.token) as peer:
        await peer.serves()


# --- connection_init --------------------------------------------------------------------------------


async def test_who_says_nothing_is_closed_with_4408(server: Server) -> None:
    async with connected(server.websocket_url) as peer:
        assert await peer.closed(INIT_TIMEOUT_S + 5) == CloseCode.INITIALISATION_TIMEOUT
        assert "REALTIME_INIT_TIMEOUT" in (peer.socket.close_reason or "")
        assert peer.received == []


async def test_pings_do_not_put_the_initialisation_timeout_off(server: Server) -> None:
    async with connected(server.websocket_url) as peer:
        await peer.serves()
        assert await peer.closed(INIT_TIMEOUT_S + 5) == CloseCode.INITIALISATION_TIMEOUT


async def test_who_was_acknowledged_is_not_timed_out(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url) as silent, introduced(server.websocket_url, aiko.token) as peer:
        assert await silent.closed(INIT_TIMEOUT_S + 5) == CloseCode.INITIALISATION_TIMEOUT
        await peer.serves()


async def test_a_second_connection_init_is_closed_with_4429(peer: Peer, aiko: Person) -> None:
    await peer.say({"type": "connection_init", "payload": {"authorization": f"Bearer {aiko.token}"}})
    assert await peer.closed() == CloseCode.TOO_MANY_INITIALISATIONS


async def test_two_connection_inits_at_once_are_closed_with_4429(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url) as peer:
        for _ in range(2):
            await peer.say({"type": "connection_init", "payload": {"authorization": f"Bearer {aiko.token}"}})
        assert await peer.closed() == CloseCode.TOO_MANY_INITIALISATIONS


async def test_a_subscribe_before_the_acknowledgement_is_closed_with_4401(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url) as silent, connected(server.websocket_url) as hasty:
        await silent.subscribe("{ viewer { id } }")
        assert await silent.closed() == CloseCode.UNAUTHORIZED
        await hasty.say({"type": "connection_init", "payload": {"authorization": f"Bearer {aiko.token}"}})
        await hasty.subscribe("{ viewer { id } }")
        assert await hasty.closed() == CloseCode.UNAUTHORIZED
        assert hasty.received == []


@pytest.mark.parametrize("payload", [None, {}, {"other": 1}, {"authorization": None}, {"authorization": 7}])
async def test_no_credentials_are_closed_with_4401(server: Server, payload: object) -> None:
    async with connected(server.websocket_url) as peer:
        await peer.say({"type": "connection_init", "payload": payload})
        assert await peer.closed() == CloseCode.UNAUTHORIZED
        assert peer.received == []


@pytest.mark.parametrize(
    "authorization",
    ["Bearer wrong", "Bearer ", "wrong", "Basic YTpi", "Bearer \x00", "Bearer \ud800", "Bearer é" * 999],
)
async def test_a_token_that_is_no_good_is_closed_with_4403(server: Server, authorization: str) -> None:
    async with connected(server.websocket_url) as peer:
        await peer.say({"type": "connection_init", "payload": {"authorization": authorization}})
        assert await peer.closed() == CloseCode.FORBIDDEN


@pytest.mark.parametrize("payload", [[], "text", 7, True])
async def test_a_connection_init_whose_payload_is_no_object_is_closed_with_4400(
    server: Server, payload: object
) -> None:
    async with connected(server.websocket_url) as peer:
        await peer.say({"type": "connection_init", "payload": payload})
        assert await peer.closed() == CloseCode.BAD_REQUEST


async def test_the_token_may_come_in_the_handshake(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url, headers=bearing(aiko.token)) as peer:
        await peer.introduce()
        await peer.serves()


# --- Cookies and origins ----------------------------------------------------------------------------


async def test_a_cookie_session_counts_from_the_own_host(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url, session=aiko.sessions[0], origin=server.url) as peer:
        await peer.introduce()
        assert await peer.execute("{ viewer { username } }") == {"data": {"viewer": {"username": "aiko"}}}


async def test_a_page_of_somebody_else_is_closed_with_4401_whatever_its_cookie(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url, session=aiko.sessions[0], origin=server.url) as own:
        await own.introduce({"viewer": aiko.id})
        await own.serves()
    async with connected(server.websocket_url, session=aiko.sessions[0], origin=server.url) as other:
        await other.say({"type": "connection_init", "payload": {"viewer": str(int(aiko.id) - 1)}})
        assert await other.closed() == CloseCode.UNAUTHORIZED


async def test_a_cookie_session_counts_from_an_origin_that_the_operator_trusts(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url, session=aiko.sessions[0], origin=TRUSTED) as peer:
        await peer.introduce({})


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1.evil.example:{port}",
        "http://evil.example@127.0.0.1:{port}",
        "https://chat.example.org.evil.example",
        "https://sub.chat.example.org",
        "http://chat.example.org",
    ],
)
async def test_a_cookie_session_counts_for_nothing_from_elsewhere(
    server: Server, aiko: Person, origin: str | None
) -> None:
    given = None if origin is None else origin.format(port=server.port)
    async with connected(server.websocket_url, session=aiko.sessions[0], origin=given) as peer:
        await peer.say({"type": "connection_init"})
        assert await peer.closed() == CloseCode.UNAUTHORIZED


@pytest.mark.parametrize("session", ["", "nobody's", "a" * 5000, '"', "é"])
async def test_a_session_that_is_none_is_closed_with_4401(server: Server, session: str) -> None:
    async with connected(server.websocket_url, session=session, origin=server.url) as peer:
        await peer.say({"type": "connection_init"})
        assert await peer.closed() == CloseCode.UNAUTHORIZED


async def test_a_token_counts_from_every_origin(server: Server, aiko: Person) -> None:
    async with introduced(server.websocket_url, aiko.token, origin="https://evil.example") as peer:
        await peer.serves()


async def test_a_bad_token_is_not_made_up_for_by_a_good_cookie(server: Server, aiko: Person) -> None:
    async with connected(server.websocket_url, session=aiko.sessions[0], origin=server.url) as peer:
        await peer.say({"type": "connection_init", "payload": {"authorization": "Bearer wrong"}})
        assert await peer.closed() == CloseCode.FORBIDDEN


async def test_a_token_lets_in_while_nothing_can_be_written(server: Server) -> None:
    (sora,) = (await asyncio.to_thread(arrange, server, "sora")).people
    with locked(server):
        async with introduced(server.websocket_url, sora.token) as peer:
            await peer.serves()


async def test_when_a_token_was_used_for_a_websocket_is_kept(server: Server) -> None:
    (toma,) = (await asyncio.to_thread(arrange, server, "toma")).people
    last_used = f"from chat.models import ApiToken; print(ApiToken.objects.get(user={toma.id}).last_used_at)"
    assert (await asyncio.to_thread(server.python, last_used)).strip() == "None"
    async with introduced(server.websocket_url, toma.token):
        await eventually(
            lambda: asyncio.to_thread(lambda: server.python(last_used).strip() != "None"), what="the time of its use"
        )


OLDER_BACKUP = """
from django.db import transaction
from chat.models import ApiToken, User
from realtime.models import Event, Stream
stream = User.objects.get(pk={person}).stream_id
with transaction.atomic():
    Event.objects.filter(stream=stream).delete()
    Stream.objects.filter(pk=stream).update(last_seq=0)
    ApiToken.objects.filter(user={person}).delete()
"""


async def test_a_connection_whose_token_an_older_backup_lacks_is_closed_with_4401(server: Server) -> None:
    _, yuki = (await asyncio.to_thread(arrange, server, "umi", "yuki")).people
    async with introduced(server.websocket_url, yuki.token) as peer:
        await peer.serves()
        await asyncio.to_thread(server.python, OLDER_BACKUP.format(person=yuki.id))
        assert await peer.closed() == CloseCode.UNAUTHORIZED
