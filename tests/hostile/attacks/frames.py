"""Frames and messages that are none, or too large."""

import asyncio

from realtime.closing import CloseCode
from tests.hostile.attacks import Attacks
from tests.hostile.raw import Opcode, frame
from tests.hostile.target import Target

attack = Attacks()

ONE_MIB = 1024 * 1024
PROTOCOL_ERROR = 1002
INVALID_PAYLOAD = 1007
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
async def frames_that_break_the_protocol_of_websockets_are_closed_with_1002(target: Target) -> None:
    for broken in (
        frame(b"x", 0x3),
        frame(b"x", 0xB),
        frame(b"x", Opcode.CONTINUATION),
        frame(b"x", last=False) + frame(b"y"),
        frame(b"x" * 126, Opcode.PING),
        frame(b"x", Opcode.PING, last=False),
        frame(b"x", 0x40 | Opcode.TEXT),
        frame(b"\x03", Opcode.CLOSE),
        b"\x81\x05hello",  # not masked
    ):
        async with target.acknowledged() as wire:
            wire.put(broken)
            assert await wire.close_code() == PROTOCOL_ERROR


@attack
async def text_that_is_no_utf8_is_closed_with_1007(target: Target) -> None:
    for broken in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b'{"type":"ping"}\xc3'):
        async with target.acknowledged() as wire:
            wire.put(frame(broken))
            assert await wire.close_code() == INVALID_PAYLOAD


@attack
async def a_head_that_promises_exabytes_is_closed_with_1009(target: Target) -> None:
    for promised in (ONE_MIB + 1, 2**32, 2**62):
        async with target.acknowledged() as wire:
            wire.put(frame(b"", length=promised))
            assert await wire.close_code() == MESSAGE_TOO_BIG


@attack
async def a_message_in_ever_more_parts_is_closed_with_1009(target: Target) -> None:
    part = frame(b"x" * 65_536, Opcode.CONTINUATION, last=False)
    async with target.acknowledged() as wire:
        wire.put(frame(b"x", last=False) + part * 17)
        assert await wire.close_code() == MESSAGE_TOO_BIG


@attack
async def a_message_in_thirty_thousand_parts_is_put_together(target: Target) -> None:
    async with target.acknowledged() as wire:
        wire.put(frame(b'{"type":"ping"', last=False) + frame(b" ", Opcode.CONTINUATION, last=False) * 30_000)
        wire.put(frame(b"}", Opcode.CONTINUATION))
        assert await wire.hear_message() == {"type": "pong"}


@attack
async def frames_that_never_end_are_given_up_with_their_connection(target: Target) -> None:
    for _ in range(20):
        async with target.acknowledged() as wire:
            await wire.say(frame(b"x" * 500_000, length=1_000_000))


@attack
async def json_that_is_nested_a_hundred_thousand_times_is_closed_with_4400(target: Target) -> None:
    for opening in (b"[", b'{"a":', b'{"type":"ping","payload":['):
        async with target.acknowledged() as wire:
            wire.put(frame(opening * 100_000 if len(opening) < 9 else opening + b"[" * 100_000))
            assert await wire.close_code() == CloseCode.BAD_REQUEST


@attack
async def messages_of_the_wrong_shape_are_closed_with_4400(target: Target) -> None:
    for broken in (
        b"null",
        b"NaN",
        b"1e999",
        b"-" + b"9" * 5_000,
        b'"\\ud800"',
        b'{"type":{}}',
        b'{"type":"ping","type":"start"}',
        b'{"type":"subscribe","id":"1"}',
        b'{"type":"subscribe","id":{},"payload":{"query":"{ viewer { id } }"}}',
        b'{"type":"subscribe","id":"1","payload":{"query":1e999}}',
        b'{"type":"subscribe","id":"1","payload":{"query":"{ viewer { id } }","variables":[]}}',
        b'{"type":"complete","id":[]}',
    ):
        async with target.acknowledged() as wire:
            wire.put(frame(broken))
            assert await wire.close_code() == CloseCode.BAD_REQUEST
