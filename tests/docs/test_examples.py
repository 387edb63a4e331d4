"""The documented examples keep the promise: run as they are, against a server that dies and a network that breaks."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from chat.drill.parts import node
from chat.drill.parts.databases import ROOT
from chat.drill.parts.server import Server
from chat.drill.parts.waiting import until
from tests.conftest import StartServer
from tests.parts.peer import bearing, sending
from tests.parts.proxy import Proxy
from tests.realtime.arranging import Community, Person, arrange

EXAMPLES = ROOT / "docs" / "examples"
COMMANDS = {"client.py": sys.executable, "client.mjs": node.program()}
MAX_LINES = 60
ARRIVAL_LIMIT_S = 60.0

MESSAGES = "query($room: ID!) { room(id: $room) { messages(last: 200) { nodes { author { username } body } } } }"


class Example:
    """A running example, who types into it, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self.typed: list[str] = []
        self._output = output

    @property
    def printed(self) -> list[str]:
        return self._output.read_text().splitlines()

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        self.typed.append(line)

    def wait_for(self, line: str) -> None:
        until(lambda: line in self.printed, within_s=ARRIVAL_LIMIT_S, what=f"The line {line!r}")


@contextmanager
def running(name: str, url: str, community: Community, person: Person, folder: Path) -> Iterator[Example]:
    output = folder / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [COMMANDS[name], str(EXAMPLES / name), url, community.room_id],
            env={**os.environ, "TODOKU_TOKEN": person.token},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=(folder / "errors").open("w"),
            text=True,
        )
    try:
        yield Example(process, output)
    finally:
        process.kill()
        process.communicate()


def say(server: Server, person: Person, community: Community, *bodies: str) -> None:
    for body in bodies:
        answer = httpx.post(
            f"{server.url}/graphql", json=sending(community.room_id, body), headers=bearing(person.token), timeout=20
        )
        assert "errors" not in answer.json()


def in_the_log(server: Server, person: Person, community: Community) -> list[str]:
    answer = httpx.post(
        f"{server.url}/graphql",
        json={"query": MESSAGES, "variables": {"room": community.room_id}},
        headers=bearing(person.token),
        timeout=20,
    )
    messages = answer.json()["data"]["room"]["messages"]["nodes"]
    return [f"{message['author']['username']}: {message['body']}" for message in messages]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_is_short(name: str) -> None:
    assert len([line for line in (EXAMPLES / name).read_text().splitlines() if line.strip()]) <= MAX_LINES


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_prints_every_message_once_and_in_order_whatever_breaks(
    start_server: StartServer, start_proxy: Callable[[Server], Proxy], tmp_path: Path, name: str
) -> None:
    server = start_server()
    community = arrange(server, "aiko", "ben")
    aiko, ben = community.people
    proxy = start_proxy(server)
    say(server, ben, community, "before it came")
    with running(name, proxy.url, community, aiko, tmp_path) as example:
        example.wait_for("ben: before it came")
        example.type("good morning")
        example.wait_for("aiko: good morning")

        proxy.reset_connections()
        say(server, ben, community, *(f"after a reset {number}" for number in range(20)))
        example.wait_for("ben: after a reset 19")

        proxy.cut()
        example.type("typed without a network")
        example.type("typed after that")
        say(server, ben, community, "said without a network")
        proxy.restore()
        example.wait_for("aiko: typed after that")

        proxy.lose_answers()
        example.type("its answer was lost")
        until(
            lambda: "aiko: its answer was lost" in in_the_log(server, ben, community),
            within_s=ARRIVAL_LIMIT_S,
            what="The message whose answer was lost",
        )
        proxy.restore()

        server.kill()
        example.type("typed while the server was dead")
        server.start()
        example.wait_for("aiko: typed while the server was dead")

        opened = proxy.opened
        proxy.stall()
        say(server, ben, community, "said into a half-open connection")
        until(lambda: proxy.opened > opened, within_s=ARRIVAL_LIMIT_S, what="Another connection than the half-open one")
        proxy.restore()
        say(server, ben, community, "the last")
        example.wait_for("ben: the last")

        stored = in_the_log(server, ben, community)
        assert example.printed == stored
        assert [line for line in stored if line.startswith("aiko")] == [f"aiko: {line}" for line in example.typed]
        assert len(stored) == len(set(stored))
