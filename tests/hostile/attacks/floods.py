"""More than a server wants, and peers that read nothing of what they asked for."""

import asyncio
from contextlib import AsyncExitStack

from realtime.closing import CloseCode
from tests.hostile.attacks import Attacks
from tests.hostile.raw import Opcode, Wire, frame, message
from tests.hostile.target import Target

attack = Attacks()

PROTOCOL_PING = message(type="ping")
WEBSOCKET_PING = frame(b"x" * 125, Opcode.PING)
FLOOD = 10_000
UNREAD_BYTES = 16 * 1024 * 1024  # more than all buffers between hold
MANY_SUBSCRIPTIONS = 40
SOCKETS = 3
LONG = "x" * 500_000
FEED_AFTER = "subscription($room: ID!, $after: String) { roomEvents(roomId: $room, after: $after) { cursor } }"
FEED = "subscription($room: ID!) { roomEvents(roomId: $room) { cursor } }"


async def _answers(wire: Wire, opcode: Opcode, count: int) -> bool:
    """Whether so many of these frames come; False where the server closes before."""
    heard = 0
    while heard < count:
        try:
            came, _ = await wire.hear()
        except (ConnectionError, asyncio.IncompleteReadError):
            return False
        if came is Opcode.CLOSE:
            return False
        heard += came is opcode
    return True


async def _never_read(target: Target, flood: bytes) -> None:
    """Send and read nothing: the server takes no more of it, or closes."""
    async with target.acknowledged(narrow=True) as wire:
        sent = 0
        while sent < UNREAD_BYTES and await wire.say(flood, within_s=target.stall_timeout_s / 2):
            sent += len(flood)
        await wire.dropped()


@attack
async def protocol_pings_without_end_are_all_answered(target: Target) -> None:
    async with target.acknowledged() as wire:
        wire.put(PROTOCOL_PING * FLOOD)
        assert await _answers(wire, Opcode.TEXT, FLOOD)


@attack
async def websocket_pings_without_end_harm_nobody(target: Target) -> None:
    async with target.acknowledged() as wire:
        wire.put(WEBSOCKET_PING * FLOOD)
        wire.put(PROTOCOL_PING)
        assert await _answers(wire, Opcode.TEXT, 1)


@attack
async def protocol_pings_of_one_who_reads_no_pong_wait_at_the_sender(target: Target) -> None:
    await _never_read(target, PROTOCOL_PING * 2_000)


@attack
async def websocket_pings_of_one_who_reads_no_pong_wait_at_the_sender(target: Target) -> None:
    await _never_read(target, WEBSOCKET_PING * 500)


@attack
async def questions_of_one_who_reads_no_answer_wait_at_the_sender(target: Target) -> None:
    big = {"query": "query($slug: String) { room(slug: $slug) { id } }", "variables": {"slug": "x" * 4_000}}
    flood = b"".join(message(type="subscribe", id=f"{number}", payload=big) for number in range(40))
    async with target.acknowledged(narrow=True) as wire:
        sent = 0
        while sent < UNREAD_BYTES and await wire.say(flood, within_s=target.stall_timeout_s / 2):
            sent += len(flood)
        await wire.dropped()


@attack
async def ten_thousand_subscriptions_on_one_socket_are_refused_past_the_limit(target: Target) -> None:
    payload = {"query": FEED, "variables": {"room": target.room_id}}
    async with target.acknowledged() as wire:
        for first in range(0, 10_000, 500):
            numbers = range(first, first + 500)
            wire.put(b"".join(message(type="subscribe", id=str(number), payload=payload) for number in numbers))
            refused = 0
            while refused < 500 - (target.max_operations if first == 0 else 0):
                answer = await wire.hear_message()
                if answer["type"] == "error":
                    refused += 1
                    assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        wire.put(PROTOCOL_PING)
        while (await wire.hear_message())["type"] != "pong":
            pass


@attack
async def two_thousand_subscriptions_that_are_ended_at_once_leave_nothing(target: Target) -> None:
    payload = {"query": FEED, "variables": {"room": target.room_id}}
    async with target.acknowledged() as wire:
        for number in range(2_000):
            wire.put(message(type="subscribe", id=str(number), payload=payload))
            wire.put(message(type="complete", id=str(number)))
        wire.put(PROTOCOL_PING)
        while (await wire.hear_message())["type"] != "pong":
            pass


@attack
async def distinct_subscriptions_on_many_sockets_are_refused_past_the_limit(target: Target) -> None:
    async with AsyncExitStack() as opened:
        wires = [await opened.enter_async_context(target.acknowledged()) for _ in range(SOCKETS)]
        accepted = 0
        for place, wire in enumerate(wires):
            for number in range(target.max_operations):
                query = FEED.replace("cursor", f"socket{place}number{number}: cursor")
                payload = {"query": query, "variables": {"room": target.room_id}}
                wire.put(message(type="subscribe", id=str(number), payload=payload))
            for _ in range(target.max_operations):
                answer = await wire.hear_message()
                if answer["type"] == "next":
                    accepted += 1
                    continue
                assert answer["payload"][0]["extensions"] == {
                    "code": "RATE_LIMITED",
                    "reason": "TOO_MANY_DISTINCT_OPERATIONS",
                    "retryAfter": 1.0,
                }
        assert accepted == target.max_distinct_operations
        await target.say()
        for _ in range(accepted):
            assert (await wires[0].hear_message())["type"] == "next"


@attack
async def variables_of_half_a_megabyte_are_not_kept_with_their_subscriptions(target: Target) -> None:
    before = target.resident_bytes()
    payload = {"query": FEED, "variables": {"room": target.room_id}}
    async with target.acknowledged() as wire:
        for number in range(MANY_SUBSCRIPTIONS):
            variables = {"room": target.room_id, "unused": f"{number}{LONG}"}
            wire.put(message(type="subscribe", id=f"unused {number}", payload={**payload, "variables": variables}))
            assert (await wire.hear_message())["type"] == "next"
            variables = {"room": target.room_id, "after": f"{number}{LONG}"}
            asked = {"query": FEED_AFTER, "variables": variables}
            wire.put(message(type="subscribe", id=f"after {number}", payload=asked))
            answer = await wire.hear_message()
            assert answer["type"] == "error"
            assert answer["payload"][0]["extensions"] == {"code": "TOO_COMPLEX", "reason": "TOO_LONG"}
        target.inside()  # it collects the garbage
        assert target.resident_bytes() - before < MANY_SUBSCRIPTIONS * len(LONG) / 2


@attack
async def an_operation_of_half_a_megabytes_name_is_closed_with_4400(target: Target) -> None:
    async with target.acknowledged() as wire:
        wire.put(message(type="subscribe", id=LONG, payload={"query": "{ viewer { id } }"}))
        assert await wire.close_code() == CloseCode.BAD_REQUEST


@attack
async def connection_inits_without_end_are_closed_with_4429(target: Target) -> None:
    async with target.upgraded() as wire:
        wire.put(message(type="connection_init", payload={"authorization": "Bearer nobody's"}) * 5_000)
        assert await wire.close_code() == CloseCode.TOO_MANY_INITIALISATIONS


@attack
async def sockets_that_vanish_at_every_moment_leave_nothing(target: Target) -> None:
    payload = {"query": FEED, "variables": {"room": target.room_id}}

    async def vanish(after: int) -> None:
        async with target.wired() as wire:
            opening = target.handshake()
            init = message(type="connection_init", payload={"authorization": f"Bearer {target.attacker.token}"})
            wire.put((opening + init)[:after])
            if after > len(opening + init):
                wire.put(message(type="subscribe", id="1", payload=payload))
                await wire.line()

    for first in range(0, 500, 100):
        await asyncio.gather(*(vanish(after) for after in range(first, first + 100, 10)))


@attack
async def one_who_goes_on_sending_after_the_end_is_dropped(target: Target) -> None:
    async with target.acknowledged() as wire:
        wire.put(frame(b"nonsense"))
        assert await wire.close_code() == CloseCode.BAD_REQUEST
        while await wire.say(PROTOCOL_PING * 10_000):
            pass
