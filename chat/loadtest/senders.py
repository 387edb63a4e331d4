"""A process that sends: at a rate, whatever becomes of it, or each when the one before was acknowledged."""

import asyncio
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, cycle
from uuid import uuid4

import aiohttp
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from chat.loadtest.wire import BODY, DIGITS, ID, SENT_AT, Letter, Line

ANSWER_LIMIT_S = 30.0


@dataclass(slots=True)
class Sent:
    """What became of the sends.

    Args:
        latencies_ns: from when each was due to its acknowledgement.
        late_ns: from when each was due to when it was sent.
        failures: why others were not acknowledged, and how often.
        first_at_ns, last_at_ns: of the first send and the last acknowledgement, by the monotonic clock.
    """

    latencies_ns: "array[int]" = field(default_factory=lambda: array("q"))
    late_ns: "array[int]" = field(default_factory=lambda: array("q"))
    failures: Counter[str] = field(default_factory=Counter)
    first_at_ns: int = 0
    last_at_ns: int = 0


class Senders:
    """Answers the calls of the process that has started this one (`worker.serve`)."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._http: aiohttp.ClientSession | None = None
        self._posts: list[_Http | _WebSocket] = []

    async def connect(self, letters: list[Letter], sockets_each: int = 1) -> None:
        """Get ready to send each of the letters; those by WebSocket over so many sockets."""
        if self._http is None:
            limits = aiohttp.TCPConnector(limit=0)
            self._http = aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT_S))
        self._posts = []
        for letter in letters:
            if letter.lines is not None:
                self._posts += [await _WebSocket.open(letter) for _ in range(sockets_each)]
            else:
                self._posts.append(_Http(self._http, letter))

    async def at_rate(self, per_s: float, seconds: float) -> Sent:
        """Send so many a second in all, to one place after the other, and wait for the answers."""
        sent = Sent(first_at_ns=time.monotonic_ns())
        loop = asyncio.get_running_loop()
        began, sending = loop.time(), []
        posts = cycle(self._posts)
        for number in range(round(per_s * seconds)):
            due = began + number / per_s
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            sending.append(asyncio.create_task(self._send(next(posts), sent, due_ns=_ns(due - began, sent))))
        await asyncio.gather(*sending)
        return sent

    async def at_once(self, senders: int, seconds: float) -> Sent:
        """Let so many send, each as fast as it is acknowledged, for so long."""
        sent = Sent(first_at_ns=time.monotonic_ns())
        until = time.monotonic_ns() + round(seconds * 1e9)

        async def one(post: "_Http | _WebSocket") -> None:
            while (now := time.monotonic_ns()) < until:
                await self._send(post, sent, due_ns=now)

        posts = cycle(self._posts)
        await asyncio.gather(*(one(next(posts)) for _ in range(senders)))
        return sent

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _send(self, post: "_Http | _WebSocket", sent: Sent, *, due_ns: int) -> None:
        now = time.monotonic_ns()
        sent.late_ns.append(now - due_ns)
        body = b"message %d, of an ordinary length, %s%0*d" % (next(self._numbers), SENT_AT, DIGITS, now)
        try:
            failure = await asyncio.wait_for(post.send(body, str(uuid4()).encode()), ANSWER_LIMIT_S)
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            failure = type(error).__name__
        if failure is not None:
            sent.failures[failure] += 1
            return
        sent.last_at_ns = time.monotonic_ns()
        sent.latencies_ns.append(sent.last_at_ns - due_ns)


def _ns(after_s: float, sent: Sent) -> int:
    return sent.first_at_ns + round(after_s * 1e9)


class _Http:
    def __init__(self, session: aiohttp.ClientSession, letter: Letter) -> None:
        self._session = session
        self._letter = letter

    async def send(self, body: bytes, key: bytes) -> str | None:
        """Why it was not acknowledged; None where it was."""
        data = self._letter.text.replace(BODY, body).replace(ID, key)
        async with self._session.post(self._letter.url, data=data, headers=self._letter.headers) as response:
            answer = await response.read()
        expected = self._letter.answer or b""
        return None if expected in answer else f"HTTP {response.status} {answer[:200]!r}"


class _WebSocket(WSListener):
    def __init__(self, letter: Letter) -> None:
        self._letter = letter
        self._transport: WSTransport | None = None
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._line: Line | None = None
        self._answered = asyncio.Event()
        self._ended = False

    @classmethod
    async def open(cls, letter: Letter) -> "_WebSocket":
        post = cls(letter)
        headers = {"Sec-WebSocket-Protocol": letter.subprotocol} if letter.subprotocol else None
        post._transport, _ = await ws_connect(lambda: post, letter.url, extra_headers=headers)
        for line in letter.lines or ():
            post._line = line
            post._answered.clear()
            post._transport.send(WSMsgType.TEXT, line.text)
            await asyncio.wait_for(post._answered.wait(), ANSWER_LIMIT_S)
            if post._ended:
                raise ConnectionError(f"{letter.url} has ended the connection")
        return post

    async def send(self, body: bytes, key: bytes) -> str | None:
        """Why it was not acknowledged; None where it was."""
        if self._transport is None or self._ended:
            return "the connection has ended"
        text = self._letter.text.replace(BODY, body).replace(ID, key)
        if self._letter.answer is None:
            self._transport.send(WSMsgType.TEXT, text)
            return None
        answered = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            self._transport.send(WSMsgType.TEXT, text)
            answer = await answered
        finally:
            self._waiting.pop(key, None)
        return None if self._letter.answer in answer else repr(answer[:200])

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        text = frame.get_payload_as_bytes()
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        elif self._line is not None and self._line.answer in text:
            self._line = None
            self._answered.set()
        elif (waiting := self._waiting.pop(_id_of(text), None)) is not None and not waiting.done():
            waiting.set_result(text)  # the `complete` that follows finds nobody

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._ended = True
        self._answered.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the connection has ended"))


def _id_of(text: bytes) -> bytes:
    """Of a message of the protocol; empty where it has none."""
    begin = text.find(b'"id":"')
    return b"" if begin < 0 else text[begin + 6 : text.index(b'"', begin + 6)]
