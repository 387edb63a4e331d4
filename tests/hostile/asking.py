"""One question over either transport, spelled by the byte, and what became of it."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from tests.hostile.raw import Opcode, Wire, frame, message
from tests.hostile.target import Target

ENCODE_ANYTHING = "surrogatepass"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        errors: the GraphQL errors.
        refused: the HTTP status, or the code with which the socket was closed, where it was no GraphQL answer.
    """

    data: Any = None
    errors: tuple[dict[str, Any], ...] = ()
    refused: int | None = None

    @property
    def codes(self) -> set[str]:
        return {error["extensions"]["code"] for error in self.errors}

    @property
    def reasons(self) -> set[str]:
        return {error["extensions"].get("reason", "") for error in self.errors}


class Ask(Protocol):
    """Asks what the JSON text says, query and variables; a subscription is ended by its first answer."""

    async def __call__(self, parameters: str | bytes) -> Answer: ...


Way = Callable[[Target], AbstractAsyncContextManager[Ask]]


@asynccontextmanager
async def over_http(target: Target) -> AsyncIterator[Ask]:
    """POST, each on the same connection."""
    async with target.http() as client:

        async def ask(parameters: str | bytes) -> Answer:
            content = parameters if isinstance(parameters, bytes) else parameters.encode(errors=ENCODE_ANYTHING)
            response = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
            answer = response.json()
            refused = None if response.status_code == 200 else response.status_code
            return Answer(answer.get("data"), tuple(answer.get("errors", ())), refused)

        yield ask


@asynccontextmanager
async def over_websocket(target: Target) -> AsyncIterator[Ask]:
    """Operations on one socket; on the next one where the server has closed it."""
    opened: list[AbstractAsyncContextManager[Wire]] = []
    wires: list[Wire] = []
    names = (f"asked-{number}" for number in itertools.count())

    async def wire() -> Wire:
        if not wires:
            opened.append(target.acknowledged())
            wires.append(await opened[-1].__aenter__())
        return wires[-1]

    async def ask(parameters: str | bytes) -> Answer:
        content = parameters if isinstance(parameters, bytes) else parameters.encode(errors=ENCODE_ANYTHING)
        line = await wire()
        name = next(names)
        line.put(frame(b'{"type":"subscribe","id":"%b","payload":%b}' % (name.encode(), content)))
        answer = Answer()
        while True:
            try:
                opcode, payload = await line.hear()
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                raise AssertionError("the server has gone without a close frame") from error
            if opcode is Opcode.CLOSE:
                wires.pop()
                return Answer(refused=int.from_bytes(payload[:2], "big"))
            heard = json.loads(payload)
            if heard["id"] != name:
                continue  # of a subscription that was ended
            if heard["type"] == "error":
                return Answer(errors=tuple(heard["payload"]))
            if heard["type"] == "complete":
                return answer
            answer = Answer(heard["payload"].get("data"), tuple(heard["payload"].get("errors", ())))
            if b"subscription" in content:
                line.put(message(type="complete", id=name))
                return answer

    try:
        yield ask
    finally:
        for each in opened:
            await each.__aexit__(None, None, None)


WAYS: dict[str, Way] = {"over HTTP": over_http, "over a WebSocket": over_websocket}


def parameters(query: str, **variables: object) -> str:
    """The JSON text of a question."""
    return json.dumps({"query": query, "variables": variables})
