"""`manage.py loadtest` against a running server: what counts, what does not, and what it leaves behind."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat.drill.parts.databases import ROOT
from chat.drill.parts.ports import LOOPBACK, free_port
from chat.drill.parts.server import Server
from chat.loadtest.figures import Figures, Latency
from chat.loadtest.scenarios import MISSED
from tests.realtime.arranging import arrange, database_path

COUNTS, DOES_NOT_COUNT = 0, 3
TABLES = (
    "chat_user",
    "chat_room",
    "chat_message",
    "chat_membership",
    "chat_apitoken",
    "realtime_stream",
    "realtime_event",
)


def command(server: Server, *arguments: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "manage.py", "loadtest", *arguments]
    return subprocess.run(words, cwd=ROOT, env=server.env, capture_output=True, text=True, check=False)


def measured(server: Server, *arguments: str) -> dict[str, Any]:
    """The figures. That the machine was too busy for them to count is no fault of what is tried here."""
    ended = command(server, *arguments, "--json")
    assert ended.returncode in (COUNTS, DOES_NOT_COUNT), ended.stderr
    figures: dict[str, Any] = json.loads(ended.stdout)
    assert figures["valid"] == (ended.returncode == COUNTS)
    assert not any("came of" in reason or "failed" in reason for reason in figures["reasons"]), figures["reasons"]
    return figures


def rows(server: Server) -> dict[str, int]:
    with closing(sqlite3.connect(database_path(server))) as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def test_every_delivery_is_counted_and_nothing_stays_behind(server: Server) -> None:
    before = rows(server)
    figures = measured(server, "fan-out", "--clients", "6", "--rate", "10", "--duration", "1")
    assert figures["acknowledgements"]["count"] == 10
    assert figures["arrivals"]["count"] == figures["expected"] == 60
    assert 0 < figures["arrivals"]["p50_ms"] <= figures["arrivals"]["p99_ms"] <= figures["arrivals"]["max_ms"]
    assert figures["server_cpu_s"] > 0
    assert rows(server) == before


def test_rooms_are_spread_and_sends_go_over_websockets(server: Server) -> None:
    figures = measured(
        server, "rooms", "--rooms", "3", "--clients", "6", "--rate", "30", "--duration", "1", "--over", "websocket"
    )
    assert figures["expected"] == figures["arrivals"]["count"] == 60


def test_as_many_sends_as_are_acknowledged(server: Server) -> None:
    figures = measured(server, "sends", "--clients", "2", "--senders", "4", "--duration", "1")
    assert figures["acknowledgements"]["count"] > 4
    assert figures["arrivals"]["count"] == 2 * figures["acknowledgements"]["count"]


def test_who_comes_back_gets_what_was_missed(server: Server) -> None:
    figures = measured(server, "reconnect", "--clients", "4", "--rate", "5", "--duration", "1")
    assert figures["returns"]["count"] == 4
    assert figures["arrivals"]["count"] == 4 * (MISSED + 5)


def test_people_with_tokens_talk_in_rooms_that_are_archived_afterwards(server: Server, tmp_path: Path) -> None:
    community = arrange(server, "lotta", "maki")
    tokens = tmp_path / "tokens"
    tokens.write_text("\n".join(person.token for person in community.people))
    talk = ("fan-out", "--clients", "4", "--rate", "5", "--duration", "1")
    figures = measured(server, *talk, "--tokens", str(tokens), "--url", server.url)
    assert figures["arrivals"]["count"] == 20
    with closing(sqlite3.connect(database_path(server))) as database:
        left = database.execute("SELECT archived_at IS NOT NULL FROM chat_room WHERE name LIKE 'Load test%'").fetchall()
    assert left == [(1,)]


def test_a_table_for_people(server: Server) -> None:
    ended = command(server, "fan-out", "--clients", "2", "--rate", "5", "--duration", "1")
    assert "10 of 10" in ended.stdout
    assert "server CPU per delivery" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rooms", "--rooms", "3", "--clients", "7"), "multiple of --rooms"),
        (("--clients", "0"), "--clients has to be more than 0"),
        (("--tokens", "nowhere"), "nowhere can't be read"),
        (("--url", f"http://{LOOPBACK}:{free_port()}", "--clients", "2"), "ConnectError"),
        (("--pid", "999999999"), "999999999"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(server: Server, arguments: tuple[str, ...], words: str) -> None:
    before = rows(server)
    ended = command(server, *arguments)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert rows(server) == before


# ---------------------------------------------------------------------- what counts


def figures(**given: Any) -> Figures:
    return Figures("fan-out", clients=1, rooms=1, acknowledgements=Latency.of([1] * 100), **given)


@pytest.mark.parametrize(
    ("found", "late_ms", "reason"),
    [
        (figures(generator_share=0.9), 0, "busy 90%"),
        (figures(generator_share=0.5, generator_cpu_s=4.0, server_cpu_s=5.0), 0, "the clients took"),
        (figures(), 60, "late"),
    ],
)
def test_a_run_that_the_clients_have_set_does_not_count(found: Figures, late_ms: int, reason: str) -> None:
    found.judge_generator([late_ms * 1_000_000] * 2)
    assert not found.valid
    assert reason in found.reasons[0]


def test_a_run_in_which_the_server_was_the_bottleneck_counts() -> None:
    found = figures(generator_share=0.5, generator_cpu_s=2.0, server_cpu_s=5.0)
    found.judge_generator([49_000_000] * 100)
    assert found.valid


def test_a_missing_delivery_and_a_failed_send_do_not_count() -> None:
    found = figures(arrivals=Latency.of([1] * 9), expected=10, failures=Counter({"HTTP 500": 1}))
    found.judge_server()
    assert found.reasons == ["9 deliveries came of 10", "1 sends failed: HTTP 500"]


def test_percentiles_are_by_nearest_rank() -> None:
    latency = Latency.of(number * 1_000_000 for number in range(1, 201))
    assert (latency.count, latency.p50_ms, latency.p99_ms, latency.max_ms) == (200, 100.0, 198.0, 200.0)
    assert Latency.of(()) == Latency(0, 0.0, 0.0, 0.0)
