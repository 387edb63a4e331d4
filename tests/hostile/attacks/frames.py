"""Frames and messages that are none, or too large."""

import asyncio

from realtime.closing import CloseCode
from tests.hostile.attacks import Attacks
from tests.hostile.raw import Opcode, frame, message
from tests.hostile.target import Target

attack = Attacks()

ONE_MIB = 1024 * 1024
MESSAGE_TOO_BIG = 1009


@attack
async def frames_over_the_limit_are_closed_with_1009(target: Target) -> None:
    for _ in range(5):
        async with target.acknowledged() as wire:
            wire.put(frame(b"x" * (ONE_MIB + 1)))
            assert await wire.close_code() == MESSAGE_TOO_BIG


@attack
async def ten_thousand_messages_that_are_none_close_their_socket_once(target: Target) -> None:
    async def send_a_hundred() -> None:
        async with target.acknowledged() as wire:
            wire.put(b"".join(frame(b'{"type":%d' % number) for number in range(100)))
            assert await wire.close_code() == CloseCode.BAD_REQUEST

    for _ in range(10):
        await asyncio.gather(*(send_a_hundred() for _ in range(10)))


@attack
async def binary_frames_are_closed_with_4400(target: Target) -> None:
    for size in (0, 10, ONE_MIB):
        async with target.acknowledged() as wire:
            wire.put(frame(b"\0" * size, Opcode.BINARY))
            assert await wire.close_code() == CloseCode.BAD_REQUEST


@attack
async def sockets_that_never_say_who_they_are_are_closed_with_4408(target: Target) -> None:
    async def wait_for_the_end() -> None:
        async with target.upgraded() as wire:
            assert await wire.close_code() == CloseCode.INITIALISATION_TIMEOUT

    await asyncio.gather(*(wait_for_the_end() for _ in range(50)))


@attack
async def ten_thousand_subscriptions_on_one_socket_are_refused_past_the_limit(target: Target) -> None:
    query = "subscription($room: ID!) { roomEvents(roomId: $room) { cursor } }"
    payload = {"query": query, "variables": {"room": target.room_id}}
    async with target.acknowledged() as wire:
        for first in range(0, 10_000, 500):
            numbers = range(first, first + 500)
            wire.put(b"".join(message(type="subscribe", id=str(number), payload=payload) for number in numbers))
            refused = 0
            while refused < 500 - (50 if first == 0 else 0):
                answer = await wire.hear_message()
                if answer["type"] == "error":
                    refused += 1
                    assert answer["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        wire.put(message(type="ping"))
        while (await wire.hear_message())["type"] != "pong":
            pass
