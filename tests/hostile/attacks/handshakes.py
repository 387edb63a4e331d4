"""Connections that never come so far as to say anything, and those that say it from the wrong place."""

import asyncio

from realtime.closing import CloseCode
from tests.hostile.attacks import Attacks
from tests.hostile.raw import KEY, frame, message
from tests.hostile.target import Target

attack = Attacks()

MANY = 40


@attack
async def sockets_that_never_say_who_they_are_are_closed_with_4408(target: Target) -> None:
    async def wait_for_the_end() -> None:
        async with target.upgraded() as wire:
            assert await wire.close_code() == CloseCode.INITIALISATION_TIMEOUT

    await asyncio.gather(*(wait_for_the_end() for _ in range(MANY)))


@attack
async def sockets_that_ping_and_never_say_who_they_are_are_closed_with_4408(target: Target) -> None:
    async def wait_for_the_end() -> None:
        async with target.upgraded() as wire:
            for _ in range(100):
                wire.put(message(type="ping"))
            assert await wire.close_code() == CloseCode.INITIALISATION_TIMEOUT

    await asyncio.gather(*(wait_for_the_end() for _ in range(MANY)))


@attack
async def connections_that_say_nothing_are_closed(target: Target) -> None:
    async def wait_for_the_end() -> None:
        async with target.wired() as wire:
            assert await wire.rest() == b""

    await asyncio.gather(*(wait_for_the_end() for _ in range(MANY)))


@attack
async def half_a_handshake_is_closed(target: Target) -> None:
    async def wait_for_the_end(part: int) -> None:
        async with target.wired() as wire:
            opening = target.handshake()
            wire.put(opening[: len(opening) * part // MANY])
            assert b" 101 " not in await wire.rest()

    await asyncio.gather(*(wait_for_the_end(part) for part in range(1, MANY)))


@attack
async def headers_that_drip_in_are_closed(target: Target) -> None:
    async def drip() -> None:
        async with target.wired() as wire:
            wire.put(b"GET /graphql HTTP/1.1\r\n")
            while await wire.say(b"X-Drip: 1\r\n"):
                try:
                    await wire.rest(within_s=0.1)
                except TimeoutError:
                    continue
                return

    await asyncio.gather(*(drip() for _ in range(MANY)))


@attack
async def handshakes_that_are_none_are_refused(target: Target) -> None:
    for wrong in (
        {"Sec-WebSocket-Version": "7"},
        {"Sec-WebSocket-Version": "x"},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": KEY * 500},
        {"Connection": "close"},
        {"Upgrade": "websocket, h2c"},
        {"Host": "evil.example\x00"},
        {"Sec-WebSocket-Protocol": "é"},
        {"Sec-WebSocket-Protocol": "," * 8_000},
        {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99"},
        {"Origin": "http://[broken"},
        {"Content-Length": "5"},
        {"Content-Length": "-1"},
        {"Transfer-Encoding": "chunked"},
    ):
        async with target.wired() as wire:
            wire.put(target.handshake(wrong) + b"5\r\nhello\r\n0\r\n\r\n")
            await wire.rest()


@attack
async def other_versions_of_the_protocol_are_closed_with_4406(target: Target) -> None:
    for offered in ("graphql-ws", "x" * 4_000, "graphql-transport-ws2"):
        async with target.upgraded({"Sec-WebSocket-Protocol": offered}) as wire:
            assert await wire.close_code() == CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE


@attack
async def a_cookie_from_a_wrong_origin_counts_for_nothing(target: Target) -> None:
    cookie = f"sessionid={target.attacker.sessions[0]}"
    for origin in (
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil:80",
        f"http://127.0.0.1:{target.server.port - 1}",
        "file://",
    ):
        async with target.upgraded({"Origin": origin, "Cookie": cookie}) as wire:
            wire.put(message(type="connection_init"))
            assert await wire.close_code() == CloseCode.UNAUTHORIZED


@attack
async def an_origin_that_is_none_is_refused(target: Target) -> None:
    for origin in ("", "x", "http://[broken", "http://a:b"):
        async with target.wired() as wire:
            wire.put(target.handshake({"Origin": origin, "Cookie": f"sessionid={target.attacker.sessions[0]}"}))
            assert b" 400 " in await wire.line()


@attack
async def tokens_that_are_guessed_let_nobody_in(target: Target) -> None:
    async def guess(number: int) -> None:
        async with target.upgraded() as wire:
            wire.put(message(type="connection_init", payload={"authorization": f"Bearer {number:064}"}))
            assert await wire.close_code() == CloseCode.FORBIDDEN

    for first in range(0, 200, MANY):
        await asyncio.gather(*(guess(number) for number in range(first, first + MANY)))


@attack
async def frames_before_the_handshake_is_over_are_refused(target: Target) -> None:
    async with target.wired() as wire:
        wire.put(frame(b'{"type":"connection_init"}') * 100)
        assert b"101" not in await wire.rest()
