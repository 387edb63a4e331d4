"""HTTP that is none, that never ends, or whose answers nobody reads."""

import asyncio
import json

from tests.hostile.attacks import Attacks
from tests.hostile.target import Target

attack = Attacks()

MANY = 40


@attack
async def two_hundred_bodies_that_are_no_json_are_refused(target: Target) -> None:
    bad = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b'{"query":1}',
        b'{"query":"{"}',
        b'{"query":"{ nothing }"}',
        b"NaN",
        b"[" * 500,
    ]

    async def send_a_hundred() -> None:
        async with target.wired() as wire:
            for number in range(100):
                wire.put(target.posted(bad[number % len(bad)]))
                assert (await wire.response())[0] in (200, 400)

    await asyncio.gather(*(send_a_hundred() for _ in range(2)))


@attack
async def ten_thousand_requests_that_are_none_close_their_connection(target: Target) -> None:
    bad = [b"\0", b"GET", b"GET / HTTP/9.9 x", b"nonsense", b"\xff\xfe", b" / HTTP/1.1", b"GET / HTTP/1.1\r\nnonsense"]

    async def send_a_hundred(number: int) -> None:
        async with target.wired() as wire:
            wire.put((bad[number % len(bad)] + b"\r\n\r\n") * 100)
            assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")

    for first in range(0, 100, 20):
        await asyncio.gather(*(send_a_hundred(number) for number in range(first, first + 20)))


@attack
async def lines_and_headers_without_end_are_refused(target: Target) -> None:
    for endless in (
        b"GET /" + b"x" * 200_000,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 20_000,
        b"GET / HTTP/1.1\r\nX: x\r\n" + b" folded\r\n" * 20_000,
    ):
        async with target.wired() as wire:
            await wire.say(endless)
            assert b" 200 " not in await wire.rest()


@attack
async def bodies_that_never_end_are_closed(target: Target) -> None:
    async def wait_for_the_end(request: bytes) -> None:
        async with target.wired() as wire:
            wire.put(request)
            assert b" 200 " not in await wire.rest()

    whole = target.posted(b"x" * 1_000)
    chunked = target.posted(b"5\r\nhello\r\n", Transfer_Encoding="chunked").replace(b"Content-Length", b"X-Length")
    await asyncio.gather(*(wait_for_the_end(request) for request in [whole[:-1], chunked] * (MANY // 2)))


@attack
async def bodies_that_drip_in_are_closed(target: Target) -> None:
    async def drip() -> None:
        async with target.wired() as wire:
            wire.put(target.posted(b"", Content_Length="1000"))
            while await wire.say(b" "):
                try:
                    await wire.rest(within_s=0.1)
                except TimeoutError:
                    continue
                return

    await asyncio.gather(*(drip() for _ in range(MANY)))


@attack
async def a_body_of_a_gigabyte_is_refused_by_its_head(target: Target) -> None:
    async with target.wired() as wire:
        wire.put(target.posted(b"x" * 100_000, Content_Length=str(2**30)))
        assert b" 413 " in await wire.line()


@attack
async def a_chunked_body_without_end_is_refused_when_it_is_too_long(target: Target) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    head = target.posted(b"", Transfer_Encoding="chunked").replace(b"Content-Length", b"X-Length")
    async with target.wired() as wire:
        await wire.say(head)
        for _ in range(200):
            wire.put(chunk)
        assert b" 413 " in await wire.line()


@attack
async def answers_that_nobody_reads_wait_for_their_reader(target: Target) -> None:
    """Requests that were sent together, for answers that are much larger than they are."""
    query = "{ __schema { types { name description fields { name description } } } }"
    request = target.posted(json.dumps({"query": query}).encode())
    async with target.wired(narrow=True) as wire:
        while await wire.say(request * 20, within_s=target.stall_timeout_s / 2):
            pass
        await wire.dropped()


@attack
async def requests_that_nobody_waits_for_leave_nothing(target: Target) -> None:
    request = target.posted(json.dumps({"query": "{ viewer { id } }"}).encode())

    async def vanish(after: int) -> None:
        async with target.wired() as wire:
            await wire.say(request[:after] if after < len(request) else request * 5)

    for _ in range(5):
        await asyncio.gather(*(vanish(after) for after in range(0, len(request) + 40, 10)))


@attack
async def methods_and_paths_that_are_none_are_answered(target: Target) -> None:
    async with target.http() as client:
        for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "NONSENSE"):
            assert (await client.request(method, "/graphql")).status_code == 405
        for path in ("/graphql/", "/graphql/../x", "/%00", "/%ff", "/" + "x" * 8_000, "//", "/graphql?query=%00"):
            assert (await client.get(path)).status_code < 500
