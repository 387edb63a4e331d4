"""Whether anything gets slower as an installation grows. `python -m tests.benchmarks.growth --help`.

Three parts: `history` (pages of a long room against those of a short one), `rooms` (the list of rooms of somebody who
is in many) and `page` (what the page of a room costs a server process). All on a database of its own.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import httpx
import psutil

from chat.drill.parts import postgres as postgres_part
from chat.drill.parts.databases import PostgresDatabases, SqliteDatabases, environment
from chat.drill.parts.server import prepare
from tests.benchmarks.rounds import Comparison, Spread, Work, compare
from tests.benchmarks.subjects import AS_IN_PRODUCTION

if TYPE_CHECKING:
    from chat.models import User

# Django is set up for the benchmark's own database first, so what stands on it is imported in the functions.

PAGE = 50
PARTS = ("history", "rooms", "page")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured against what, and how often."""

    messages: int
    few_messages: int
    rooms: int
    few_rooms: int
    rounds: int
    calls: int
    requests: int


@dataclass(frozen=True, slots=True)
class PageCost:
    """One page of a room, asked for over HTTP: CPU of the server process, user and system time."""

    name: str
    cpu_ms: Spread
    wall_ms: Spread
    kilobytes: int


def history(sizes: Sizes) -> Iterator[Comparison]:
    """The newest page, one from the middle, and the whole answer that the room's page starts from."""
    from chat.models import Message, Room
    from tests.benchmarks import filling

    members = filling.people(filling.MEMBERS)
    viewer = members[0]
    begun = time.perf_counter()
    rooms: list[Room] = []
    for name, count in (("Short", sizes.few_messages), ("Long", sizes.messages)):
        room = filling.shared_room(name, members)
        filling.fill(room, count, members)
        rooms.append(room)
    filling.settle()
    print(f"filled in {time.perf_counter() - begun:.0f} s")
    for room in rooms:
        total = Message.objects.filter(room=room)
        middle = total.order_by("seq").filter(number__gt=room_middle(room) - PAGE, number__lte=room_middle(room))
        filling.enliven(list(middle), members)
        filling.enliven(list(total.order_by("-seq")[:PAGE]), members)

    def page(room: Room, **window: object) -> Work:
        return lambda: asked("History", viewer, roomId=str(room.pk), **window)

    def both(name: str, work: Callable[[Room], Work]) -> Comparison:
        return compared(name, work(rooms[0]), work(rooms[1]), sizes)

    def middle_seq(room: Room) -> int:
        number = room_middle(room)
        return Message.objects.values_list("seq", flat=True).get(room=room, number=number) or 0

    middles = {room.pk: middle_seq(room) for room in rooms}
    yield both("newest page", lambda room: page(room, last=PAGE))
    yield both("page from the middle, backward", lambda room: page(room, last=PAGE, beforeSeq=middles[room.pk] + 1))
    yield both("page from the middle, forward", lambda room: page(room, first=PAGE, afterSeq=middles[room.pk] - PAGE))
    yield both("room page's operation", lambda room: lambda: asked("RoomPage", viewer, slug=room.slug, last=PAGE))


def room_middle(room: Any) -> int:
    from chat.models import Message

    return int(Message.objects.filter(room=room).order_by("-number").values_list("number", flat=True)[0] or 0) // 2


def rooms(sizes: Sizes) -> Iterator[Comparison]:
    """The same rows of two lists, then both whole lists, as the room's page asks for them and with what lies beyond."""
    from tests.benchmarks import filling

    others = filling.people(filling.MEMBERS, prefix="companion")
    few, many = filling.people(2, prefix="member")
    filling.joined(few, sizes.few_rooms, others)
    filling.joined(many, sizes.rooms, others)
    filling.settle()
    few_label, many_label = f"{sizes.few_rooms} of {sizes.few_rooms}", f"{sizes.few_rooms} of {sizes.rooms}"
    first_rows = f"{many_label} rooms against {few_label}"
    yield compared(first_rows, room_list(few, sizes.few_rooms), room_list(many, sizes.few_rooms), sizes)
    yield compared(f"all {sizes.rooms} rooms against {few_label}", whole_list(few), whole_list(many), sizes)


def room_list(viewer: "User", first: int) -> Work:
    document = (
        (Path("static/src/operations/fragments.graphql").read_text())
        + f"""
        query {{
          viewer {{ ...UserParts }}
          inboxCursor
          rooms(first: {first}, joined: true) {{ nodes {{ ...JoinedRoomParts }} pageInfo {{ ...PageParts }} }}
        }}"""
    )
    used = pruned(document)
    return lambda: executed(used, None, viewer)


def whole_list(viewer: "User") -> Work:
    """What the page asks, and then the same again after its end until there is no more."""
    document = pruned(
        Path("static/src/operations/fragments.graphql").read_text()
        + """
        query ($after: String) {
          viewer { ...UserParts }
          inboxCursor
          rooms(first: 200, after: $after, joined: true) { nodes { ...JoinedRoomParts } pageInfo { ...PageParts } }
        }"""
    )

    def work() -> int:
        after, seen = None, 0
        while True:
            found = executed(document, None, viewer, after=after)["rooms"]
            seen += len(found["nodes"])
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                return seen

    return work


def pruned(document: str) -> str:
    """The one operation of the document with the fragments that it uses."""
    from graphql import parse, print_ast, separate_operations

    [operation] = separate_operations(parse(document)).values()
    return print_ast(operation)


def executed(text: str, name: str | None, viewer: "User", **variables: object) -> dict[str, Any]:
    """Execute and encode an operation, as the endpoint does."""
    from realtime import documents, execution
    from realtime.interface import interface

    context = interface().personal_context(viewer)
    result = execution.run(documents.operation(text, name), context=context, variables=variables)
    if result.errors:
        raise result.errors[0]
    execution.encoded(execution.response(result))
    return result.data or {}


def asked(name: str, viewer: "User", **variables: object) -> None:
    """One of the client's operations on a room."""
    from chat.pages.asking import ROOM, _text

    executed(_text(ROOM), name, viewer, **variables)


def compared(name: str, small: Work, large: Work, sizes: Sizes) -> Comparison:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries_of(work: Work) -> int:
        with CaptureQueriesContext(connection) as made:
            work()
        return len(made)

    return compare(name, small, large, rounds=sizes.rounds, calls=sizes.calls, queries_of=queries_of)


def pages(sizes: Sizes, folder: Path, database_url: str) -> Iterator[PageCost]:
    """A page with 50 messages: for somebody in 10 rooms, in the smaller number and in the larger number of rooms."""
    from chat.models import Message
    from tests.benchmarks import filling
    from tests.browser.arranging import new_session

    members = filling.people(filling.MEMBERS, prefix="reader")
    viewers = filling.people(3, prefix="visitor")
    room = filling.shared_room("Square", [*members, *viewers])
    filling.fill(room, sizes.few_messages, members)
    filling.enliven(list(Message.objects.filter(room=room).order_by("-seq")[:PAGE]), members)
    counts = (10, sizes.few_rooms, sizes.rooms)
    for viewer, count in zip(viewers, counts, strict=True):
        filling.joined(viewer, count - 1, members)
    filling.settle()
    static = str(folder / "static")
    server = prepare(folder / "server", database_url=database_url, STATIC_ROOT=static, **AS_IN_PRODUCTION)
    server.manage("collectstatic", "--no-input", "--verbosity", "0")
    server.start()
    try:
        process = psutil.Process(server.pid)
        for viewer, count in zip(viewers, counts, strict=True):
            cookie = {"sessionid": new_session(str(viewer.pk))}
            with httpx.Client(base_url=server.url, cookies=cookie, timeout=60) as http:
                yield page_cost(f"member of {count} rooms", http, process, f"/rooms/{room.slug}/", sizes.requests)
    finally:
        server.kill()


def page_cost(name: str, http: httpx.Client, process: psutil.Process, address: str, requests: int) -> PageCost:
    """Batches of ten requests each: the kernel counts CPU in hundredths of a second."""
    batch = 10
    for _ in range(batch):
        size = len(http.get(address).raise_for_status().content)
    cpu, wall = [], []
    for _ in range(max(2, requests // batch)):
        before, begun = process.cpu_times(), time.perf_counter()
        for _ in range(batch):
            http.get(address)
        after = process.cpu_times()
        wall.append((time.perf_counter() - begun) / batch * 1e3)
        cpu.append((after.user + after.system - before.user - before.system) / batch * 1e3)
    return PageCost(name, Spread.of(cpu), Spread.of(wall), size // 1000)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """A fresh database, which Django in this process is set up for."""
    if kind == "sqlite":
        url = SqliteDatabases(folder).create()
    else:
        url = PostgresDatabases(folder, postgres_part.start(folder / "postgres")).create()
    os.environ.update(environment(var=folder, database_url=url, **AS_IN_PRODUCTION))
    django.setup()
    from django.db import connection

    try:
        yield url
    finally:
        connection.close()
        if kind == "postgres":
            connection.close_pool()  # type: ignore[attr-defined]


def show(found: Comparison | PageCost) -> None:
    if isinstance(found, PageCost):
        print(f"  {found.name}: CPU {found.cpu_ms} ms, wall {found.wall_ms} ms, {found.kilobytes} kB")
        return
    print(f"  {found.name}")
    print(
        f"    small {found.small_ms} ms, large {found.large_ms} ms, queries {found.queries[0]} and {found.queries[1]}"
    )
    print(f"    large / small: CPU {found.cpu}, wall {found.wall}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; all of it by default")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--few-messages", type=int, default=1_000)
    parser.add_argument("--rooms", type=int, default=300)
    parser.add_argument("--few-rooms", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=3, help="in each round")
    parser.add_argument("--requests", type=int, default=100, help="for the page")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    given = vars(parser.parse_args())
    kind, target, parts = given.pop("database"), given.pop("json"), given.pop("parts") or PARTS
    sizes = Sizes(**given)
    found: dict[str, list[Comparison | PageCost]] = {}
    print("medians, with quartiles in parentheses")
    with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as url:
        measures: dict[str, Callable[[], Iterator[Comparison | PageCost]]] = {
            "history": lambda: history(sizes),
            "rooms": lambda: rooms(sizes),
            "page": lambda: pages(sizes, Path(name), url),
        }
        for part in parts:
            print(f"{part}, {kind}")
            for each in measures[part]():
                show(each)
                found.setdefault(part, []).append(each)
    if target:
        figures = {part: [asdict(each) for each in made] for part, made in found.items()}
        target.write_text(json.dumps({"database": kind, "sizes": asdict(sizes), "found": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
