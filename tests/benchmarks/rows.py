"""The rows of the table in `docs/performance.md`: what is done, what it should come to, and what it came to."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from chat.drill.parts import postgres
from chat.drill.parts.databases import PostgresDatabases, SqliteDatabases
from chat.loadtest import wire
from chat.loadtest.figures import Figures
from chat.loadtest.scenarios import Cast, Plan
from tests.benchmarks.counted import FILE, counters_of
from tests.benchmarks.sitting import Row, Sitting, Spread, Start, Task, ratios
from tests.benchmarks.subjects import Subject, peer, todoku

MIB, KB = 1024 * 1024, 1000
AT_ONCE = 64  # senders of "as many at once as one likes"
FIVE_THOUSAND = 5_000
STOCK_PLAN = Plan(rate=0.3)  # it takes seconds for one message


class Benchmarks:
    """Each method is one benchmark, and gives its rows."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self._sqlite = SqliteDatabases(sitting.scratch())

    def all(self) -> dict[str, Callable[[], list[Row]]]:
        return {
            "fan-out": self.fan_out,
            "large-room": self.large_room,
            "distinct": self.distinct,
            "rooms": self.many_rooms,
            "sends": self.sends,
            "reconnect": self.reconnect,
            "stalled": self.stalled,
            "idle": self.idle,
            "growth": self.growth,
        }

    def fan_out(self) -> list[Row]:
        """One room, a thousand subscribers: Todoku, the other servers, and the floors."""
        plan = Plan()
        clients = 1_000
        turns = {"Todoku": (self._todoku(clients), Task("fan-out", plan))} | {
            name: (partial(_peer, name, clients), Task("fan-out", STOCK_PLAN if name == "stock" else plan))
            for name in ("apollo", "ws", "websockets", "stock")
        }
        found = self._sitting.take_turns(turns)
        cost = {name: [figures.cpu_per_delivery_us or 0.0 for figures in each] for name, each in found.items()}
        late = {name: [figures.arrivals.p99_ms for figures in each] for name, each in found.items()}
        half = {name: [figures.arrivals.p50_ms for figures in each] for name, each in found.items()}
        ours = cost["Todoku"]
        work = "fan-out to 1,000"
        to_apollo, to_ws = ratios(ours, cost["apollo"]), ratios(ours, cost["ws"])
        to_apollo_late, to_stock = ratios(late["Todoku"], late["apollo"]), ratios(cost["stock"], ours)
        return [
            Row(
                f"{work}: CPU per delivery, of Apollo's", "≤ 0.5 (aim 0.4)", to_apollo.words(), to_apollo.median <= 0.5
            ),
            Row(f"{work}: CPU per delivery, of the `ws` floor's", "≤ 1.7", to_ws.words(), to_ws.median <= 1.7),
            Row(f"{work}: p99 of arrival, of Apollo's", "≤ 0.8", to_apollo_late.words(), to_apollo_late.median <= 0.8),
            Row(f"{work}: the stock library's CPU, of ours", "≥ 50", to_stock.words(digits=0), to_stock.median >= 50),
            *(
                Row(
                    f"{work}: {name}, CPU per delivery; arrival p50, p99",
                    "",
                    f"{Spread.of(cost[name]).words(' µs', 1)}; {Spread.of(half[name]).words(' ms', 0)}, "
                    f"{Spread.of(late[name]).words(' ms', 0)}",
                    None,
                )
                for name in turns
            ),
        ]

    def large_room(self) -> list[Row]:
        plan = Plan(rate=1.0, seconds=5.0)
        found = self._sitting.take_turns(
            {"Todoku": (self._todoku(FIVE_THOUSAND), Task("fan-out", plan, listening_processes=2))}
        )["Todoku"]
        longest = Spread.of(figures.arrivals.max_ms for figures in found)
        words = longest.words(" ms", 0)
        return [Row("5,000 in one room: from the send until the last has it", "≤ 1 s", words, longest.median <= 1_000)]

    def distinct(self) -> list[Row]:
        """A hundred operations, each of ten subscribers."""
        clients, operations, plan = 1_000, 100, Plan(rate=5.0, seconds=4.0)

        def differing(subject: Subject) -> Subject:
            # Each of the people, who take turns, has four of them: more than twenty nobody may have.
            people = operations // 4
            sockets = [
                _with_feed(socket, number % people * 4 + number // people % 4)
                for number, socket in enumerate(subject.cast.sockets)
            ]
            return replace(subject, cast=Cast(sockets, subject.cast.letters))

        with self._counted(clients) as (subject, file):
            subject = differing(subject)
            figures, done = self._counting("distinct", Task("fan-out", plan), subject, file)
        messages = done["events"]
        executions, deliveries = done["executions"] / messages, done["deliveries"] / messages
        words = f"{executions:g} executions, {deliveries:g} deliveries for each message"
        exact = (executions, deliveries) == (operations, clients)
        cost = f"{words}; {figures.cpu_per_send_ms or 0:.0f} ms of CPU"
        return [Row("100 operations over 1,000 subscribers", "100 executions, 1,000 writes", cost, exact)]

    def many_rooms(self) -> list[Row]:
        clients, rooms = 2_000, 200
        late, hits = [], []
        for _ in range(self._sitting.rounds):
            with self._counted(clients, rooms=rooms) as (subject, file):
                task = Task("rooms", Plan(rooms=rooms, rate=100.0, seconds=10.0))
                figures, done = self._counting("rooms", task, subject, file)
            late.append(figures.arrivals.p99_ms)
            hits.append(1 - done["swept"] / max(1, done["events"]))
        p99, hit = Spread.of(late), Spread.of(hits)
        work = "200 rooms × 10 members, 100 messages/s"
        return [
            Row(f"{work}: p99 of arrival", "≤ 150 ms", p99.words(" ms", 0), p99.median <= 150),
            Row(f"{work}: found by hint", "≥ 0.99", hit.words(digits=3), hit.median >= 0.99),
        ]

    def sends(self) -> list[Row]:
        """Into one room, each durable."""
        flood, steady = Plan(rate=None, senders=AT_ONCE, seconds=8.0), Plan(rate=100.0, seconds=8.0)
        with _postgres(self._sitting.scratch()) as databases:
            servers: dict[str, Start] = {
                "SQLite over HTTP": self._todoku(10),
                "SQLite over WebSocket": self._todoku(10, over="websocket"),
                "PostgreSQL over HTTP": partial(_todoku, databases, clients=10),
                "Apollo over HTTP": partial(_peer, "apollo", 10),
            }
            floods = self._sitting.take_turns({name: (start, Task("sends", flood)) for name, start in servers.items()})
            steadies = self._sitting.take_turns(
                {name: (start, Task("sends", steady)) for name, start in servers.items() if "Apollo" not in name}
            )
        speed = {name: [figures.acknowledged_per_s for figures in each] for name, each in floods.items()}
        p99 = {name: Spread.of(figures.acknowledgements.p99_ms for figures in each) for name, each in steadies.items()}
        of_apollo = ratios(speed["SQLite over HTTP"], speed["Apollo over HTTP"])
        websocket = ratios(speed["SQLite over WebSocket"], speed["SQLite over HTTP"])
        rows = []
        for name in ("SQLite over HTTP", "PostgreSQL over HTTP"):
            each = Spread.of(speed[name])
            words = each.words("/s", 0)
            rows.append(Row(f"sends into one room, {name}", "≥ 300/s (aim 600/s)", words, each.median >= 300))
        rows += [
            Row("… over WebSocket, of those over HTTP", "≥ 1", websocket.words(), websocket.median >= 1),
            Row("… over HTTP, of Apollo's", "aim 0.5", of_apollo.words(), None),
            *(
                Row(f"p99 of an acknowledgement at 100/s, {name}", "≤ 60 ms", each.words(" ms", 0), each.median <= 60)
                for name, each in p99.items()
            ),
        ]
        return rows

    def reconnect(self) -> list[Row]:
        clients = 1_000
        caught_up, acknowledged, reads = [], [], []
        for _ in range(self._sitting.rounds):
            with self._counted(clients) as (subject, file):
                task = Task("reconnect", Plan(rate=10.0, seconds=10.0))
                figures, done = self._counting("reconnect", task, subject, file)
            caught_up.append(figures.returns.max_ms if figures.returns else 0.0)
            acknowledged.append(figures.acknowledgements.p99_ms)
            reads.append(done["selects"].get("realtime_event", 0) / done["events"])
        back, sends, read = Spread.of(caught_up), Spread.of(acknowledged), Spread.of(reads)
        work = "1,000 come back at once, 20 behind"
        return [
            Row(f"{work}: until the last has caught up", "≤ 5 s", back.words(" ms", 0), back.median <= 5_000),
            Row(f"{work}: p99 of a send meanwhile", "< 1 s", sends.words(" ms", 0), sends.median < 1_000),
            Row(f"{work}: reads of the log per event", "≤ 2", read.words(), read.median <= 2),
        ]

    def stalled(self) -> list[Row]:
        """One that stops to read, among a thousand; the same without it, by turns."""
        clients, plan, bound = 1_000, Plan(rate=20.0, seconds=20.0), 64 * 1024
        late: dict[str, list[float]] = {"fan-out": [], "stalled": []}
        waiting = []
        for _ in range(self._sitting.rounds):
            for scenario in late:
                with self._counted(clients, REALTIME_OUTBOUND_BYTES=str(bound)) as (subject, file):
                    figures, done = self._counting(scenario, Task(scenario, plan), subject, file)
                late[scenario].append(figures.arrivals.p99_ms)
                if scenario == "stalled":
                    waiting.append(done["most_waiting"] / 1024)
        ratio, most = ratios(late["stalled"], late["fan-out"]), Spread.of(waiting)
        return [
            Row(
                "a stalled reader among 1,000: p99 of the others, of that without it",
                "≤ 1.1",
                ratio.words(),
                ratio.median <= 1.1,
            ),
            Row(
                "… what waits for it (REALTIME_OUTBOUND_BYTES = 64 KiB)",
                "≤ 64 KiB and one frame",
                most.words(" KiB", 0),
                most.greatest <= bound / 1024 + 2,
            ),
        ]

    def idle(self) -> list[Row]:
        task = Task("idle", Plan(seconds=20.0), listening_processes=2)
        found = self._sitting.take_turns({"Todoku": (self._todoku(FIVE_THOUSAND), task)})["Todoku"]
        memory = Spread.of((figures.connection_bytes or 0) / KB for figures in found)
        share = Spread.of((figures.server_share or 0) * 100 for figures in found)
        return [
            Row("idle connection: resident memory", "≤ 45 kB", memory.words(" kB", 1), memory.median <= 45),
            Row("5,000 idle connections: of a core", "≤ 2 %", share.words(" %", 2), share.median <= 2),
        ]

    def growth(self) -> list[Row]:
        """`tests.benchmarks.growth`, in a process whose Django is set up for its database."""
        rows = []
        for database, parts in (("sqlite", ("history", "rooms", "page")), ("postgres", ("history",))):
            file = self._sitting.scratch() / "growth.json"
            command = [sys.executable, "-m", "tests.benchmarks.growth", *parts, "--database", database]
            subprocess.run([*command, "--json", str(file)], check=True, stdout=subprocess.DEVNULL)
            found = json.loads(file.read_text())["found"]
            name = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[database]
            rows += [_compared(each, f"1,000,000 messages, {name}", 1.3) for each in found["history"]]
            rows += [_compared(each, "list of rooms", 1.5) for each in found.get("rooms", ())]
            rows += [_page(each) for each in found.get("page", ())]
        return rows

    def _todoku(self, clients: int, **given: Any) -> Start:
        return partial(_todoku, self._sqlite, clients=clients, **given)

    @contextmanager
    def _counted(self, clients: int, **given: Any) -> Iterator[tuple[Subject, Path]]:
        folder = self._sitting.scratch()
        file = folder / "counters.json"
        counted = given | {"module": "tests.benchmarks.counted", FILE: str(file)}
        with todoku(folder / "server", self._sqlite, clients=clients, **counted) as subject:
            yield subject, file

    def _counting(self, name: str, task: Task, subject: Subject, file: Path) -> tuple[Figures, dict[str, Any]]:
        """The figures, and what the server has done since it started."""
        figures = self._sitting.measure(name, task, subject)
        return figures, counters_of(subject.pid, file)


def _compared(found: dict[str, Any], what: str, bar: float) -> Row:
    spread = Spread(found["wall"]["middle"], found["wall"]["low"], found["wall"]["high"])
    words = f"{spread.words()}; {found['queries'][0]} and {found['queries'][1]} queries"
    return Row(f"{what}: {found['name']}", f"≤ {bar}", words, spread.median <= bar)


def _page(found: dict[str, Any]) -> Row:
    spread = Spread(found["cpu_ms"]["middle"], found["cpu_ms"]["low"], found["cpu_ms"]["high"])
    return Row(
        f"page of a room, {found['name']}: CPU of the server", "≤ 40 ms", spread.words(" ms", 0), spread.median <= 40
    )


@contextmanager
def _todoku(databases: Any, folder: Path, **given: Any) -> Iterator[Subject]:
    with todoku(folder, databases, **given) as subject:
        yield subject


@contextmanager
def _peer(name: str, clients: int, folder: Path) -> Iterator[Subject]:
    with peer(name, folder, clients=clients) as subject:
        yield subject


@contextmanager
def _postgres(folder: Path) -> Iterator[PostgresDatabases]:
    server = postgres.start(folder.parent.parent / f"{folder.parent.name}-postgres")
    databases = PostgresDatabases(folder, server)
    try:
        yield databases
    finally:
        server.stop()


def _with_feed(socket: wire.Socket, number: int) -> wire.Socket:
    """The same, with an operation that only those of this number have."""
    introduction, subscribe = socket.lines
    text = subscribe.text.replace(b"__typename cursor", b"__typename cursor also%d: cursor" % number, 1)
    return replace(socket, lines=(introduction, replace(subscribe, text=text)))
