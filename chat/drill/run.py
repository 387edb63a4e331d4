"""One drill from its plan to its history: talk under faults, rest, two quiet seconds, and what everybody has then."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from chat.drill import history
from chat.drill.clients.asking import SignedOutError
from chat.drill.clients.client import Person
from chat.drill.clients.contract import ContractClient, fresh
from chat.drill.clients.outbox import Outbox
from chat.drill.clients.page import PageClient
from chat.drill.clients.pages import Pages
from chat.drill.clients.settings import Settings
from chat.drill.faults import FAULTS
from chat.drill.faults.fault import Incident, Lane, Scene
from chat.drill.history import Recorder
from chat.drill.installation import Installation, Setup, open_installation
from chat.drill.lag import watch_lag
from chat.drill.moderation import Moderation
from chat.drill.network import Path as NetworkPath
from chat.drill.parts.ports import LOOPBACK
from chat.drill.priority import go_first
from chat.drill.schedule import Planned, in_words
from chat.drill.talk import Seat, Talk
from chat.drill.workload import converse

HISTORY = "history.jsonl"
REST_S = 30.0
QUIET_S = 2.2  # two seconds, and a little for what was on its way when they began
LOOK_INTERVAL_S = 0.25
REREAD_S = 45.0  # each client looks at each of its rooms again: not so often that this is the servers' main work
BUGGY_REREAD_S = 1.0
AT_ONCE = 4  # clients that begin, people whose rooms are fetched in the end
TABS = 2  # of a browser
PEOPLE_SHARE = 0.75  # the others are second clients of the same people
OWNER, OFFICE = "owner", "office"
ROOMS = (("square", "PUBLIC", 0.8), ("office", "PRIVATE", 0.6), ("garden", "PUBLIC", 0.5), ("attic", "PRIVATE", 0.4))


class PagesFailed(Exception):
    """The process of the pages had errors that nobody caught."""


Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Drill:
    """What is to be done."""

    setup: Setup
    seed: int
    lasts_s: float
    clients: int
    plan: list[Planned]
    client_bugs: frozenset[str] = frozenset()
    rest_s: float = REST_S  # at most


async def run(drill: Drill, folder: Path, say: Say) -> Path:
    """Do it in `folder`; returns the file with the history, which is there whatever happens.

    Raises:
        PartFailedError: something that it needs did not start.
        PagesFailed, StewardFailed: it broke off.
    """
    go_first()
    _collect_no_garbage()
    main = folder / "drill.jsonl"
    with main.open("w", buffering=1) as file:
        recorder = Recorder(file)
        recorder.add(_first_line(drill))
        say("starting")
        installation = await open_installation(drill.setup, folder, recorder)
        pages = Pages(folder / "pages")
        try:
            async with AsyncExitStack() as undo:
                undo.push_async_callback(installation.close)
                undo.push_async_callback(pages.stop)
                if drill.setup.pages:
                    await pages.start()
                await _Course(drill, installation, pages, recorder, say).run()
        finally:
            parts = [main, *installation.histories, *([pages.history] if drill.setup.pages else [])]
            await asyncio.to_thread(_merge, parts, folder / HISTORY)
    return folder / HISTORY


def _collect_no_garbage() -> None:
    """Looking through all that a drill keeps would hold up the one loop: 0.2 s, once in ten minutes."""
    gc.disable()


def _first_line(drill: Drill) -> history.Run:
    setup = drill.setup
    plan = {"minutes": drill.lasts_s / 60, "clients": drill.clients, "faults": in_words(drill.plan)}
    return history.Run(
        time.monotonic(), drill.seed, setup.database_kind, setup.layer_kind, setup.processes, plan | {"bug": setup.bug}
    )


def _merge(parts: list[Path], whole: Path) -> Path:
    with whole.open("w") as file:
        file.writelines(history.line_of(record) for record in history.read(parts).records)
    for part in parts:
        part.unlink()
    return whole


class _Course:
    """One drill while it runs."""

    def __init__(self, drill: Drill, installation: Installation, pages: Pages, recorder: Recorder, say: Say) -> None:
        self._drill = drill
        self._pages = pages
        self._installation = installation
        self._recorder = recorder
        self._say = say
        self._random = Random(drill.seed)
        self._talk = Talk(installation, recorder, Random(self._random.random()))
        reread_s = BUGGY_REREAD_S if drill.client_bugs else REREAD_S
        self._settings = Settings(reread_s=reread_s, bugs=drill.client_bugs)
        self._office: NetworkPath | None = None
        self._crashes = 0

    async def run(self) -> None:
        await self._furnish()
        try:
            async with _beside(watch_lag(self._recorder)):
                await self._open_clients()
                await self._talk_under_faults()
                await self._rest()
            await self._take_stock()
        finally:
            await asyncio.gather(*(seat.client.stop() for seat in self._talk.seats), return_exceptions=True)

    async def _furnish(self) -> None:
        count = max(2, round(PEOPLE_SHARE * self._drill.clients))
        people = [f"person{number}" for number in range(1, count + 1)]
        rooms = []
        for name, visibility, share in ROOMS:
            members = self._random.sample(people, max(2, round(share * count)))
            rooms.append((name, visibility, [OWNER, *members]))
        await self._installation.furnish([OWNER, *people], rooms)
        self._office = await self._installation.open_path(OFFICE)

    async def _open_clients(self) -> None:
        self._say("opening clients")
        people = [person for name, person in self._installation.people.items() if name != OWNER]
        browsers = -(-self._drill.setup.pages // TABS)
        turns = asyncio.Semaphore(AT_ONCE)

        async def open_contract(number: int) -> None:
            async with turns:
                self._talk.seats.append(await self._open_contract(number, people[number % len(people)]))

        async def open_browser(number: int) -> None:
            async with turns:
                self._talk.seats += await self._open_browser(number, people[-1 - number % len(people)])

        async with asyncio.TaskGroup() as group:
            for number in range(self._drill.clients - self._drill.setup.pages):
                group.create_task(open_contract(number))
            for number in range(browsers):
                group.create_task(open_browser(number))

    async def _open_contract(self, number: int, person: Person) -> Seat:
        name = f"{person.username}-{number}"
        path = await self._installation.open_path(name)
        client = ContractClient(
            _url(path), person, name=name, path=name, outbox=Outbox(name), recorder=self._recorder,
            random=Random(f"{self._drill.seed} {name}"), settings=self._settings,
        )  # fmt: skip
        await client.start()
        return Seat(person, path, client)

    async def _open_browser(self, number: int, person: Person) -> list[Seat]:
        """A browser of the person, with a room in all of its tabs."""
        browser = f"{person.username}-page{number}"
        rooms = [room for room in self._installation.rooms if person.username in room.members]
        room = (rooms or self._installation.rooms)[0]
        seats = []
        for tab in range(min(TABS, self._drill.setup.pages - number * TABS)):
            path = await self._installation.open_path(f"{browser}.{tab}")
            client = PageClient(self._pages, name=path.name, person=person, room=room.id, path=path, outbox=browser)
            await client.start()
            seats.append(Seat(person, path, client, only=room.id))
        return seats

    async def _talk_under_faults(self) -> None:
        self._phase("talk")
        began = time.monotonic()
        owner = self._installation.people[OWNER]
        assert self._office is not None
        random = Random(self._random.random())
        moderation = Moderation(self._talk, owner, self._office, random, lasts_s=self._drill.lasts_s)
        scene = Scene(self._installation, self._talk, self._recorder)
        async with _beside(converse(self._talk)), _beside(moderation.run()), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(self._drill.lasts_s))
            for lane in Lane:
                group.create_task(self._inflict(lane, scene, began))

    async def _inflict(self, lane: Lane, scene: Scene, began: float) -> None:
        for number, planned in enumerate(self._drill.plan):
            kind = FAULTS[planned.name]
            if kind.lane is not lane:
                continue
            await asyncio.sleep(max(0.0, began + planned.at_s - time.monotonic()))
            self._say(planned.name)
            incident = Incident(
                number, planned.name, lasts_s=planned.lasts_s, random=Random(planned.seed), recorder=self._recorder
            )
            try:
                await kind.inflict(scene, incident)
            except Exception as error:
                # The border: a fault that goes wrong is one that failed, and the drill says so.
                incident.failed(f"{type(error).__name__}: {error}")
                await self._mend()
            incident.end()
            if lane is Lane.SERVERS:
                await self._see_that_servers_run()

    async def _see_that_servers_run(self) -> None:
        """One that has ended by itself is a fault that nobody has ordered."""
        for number, server in enumerate(self._installation.servers):
            if server.status is not None:
                id_ = len(self._drill.plan) + self._crashes
                self._crashes += 1
                crash = Incident(id_, "crash", lasts_s=0, random=self._random, recorder=self._recorder)
                crash.begin(f"server {number} has ended", excuses="servers", scope=[number])
                crash.bit(f"it was found with status {server.status}")
                crash.failed(f"server {number} ended by itself with status {server.status}")
                await asyncio.to_thread(server.restart)
                crash.end()

    async def _mend(self) -> None:
        for server in self._installation.servers:
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)

    async def _rest(self) -> None:
        await self._see_that_servers_run()
        self._phase("rest")
        ends = time.monotonic() + self._drill.rest_s
        while (laggards := await self._talk.laggards()) and time.monotonic() < ends:
            self._say(f"resting: {len(laggards)} to catch up")
            await asyncio.sleep(LOOK_INTERVAL_S)
        self._phase("quiet")
        await asyncio.sleep(QUIET_S)

    async def _take_stock(self) -> None:
        self._say("taking stock")
        for seat in self._talk.seats:
            await seat.client.state()
            await asyncio.sleep(0)  # a Python client's is made at once, and all of them together take long
        if self._pages.failures:
            raise PagesFailed("\n".join(self._pages.failures))
        turns = asyncio.Semaphore(AT_ONCE)

        async def fetch(person: Person) -> None:
            async with turns:
                with suppress(SignedOutError):
                    assert self._office is not None
                    rooms = await fresh(_url(self._office), person, random=self._random, settings=self._settings)
                    self._recorder.add(history.Fresh(time.monotonic(), person.id, rooms))

        async with asyncio.TaskGroup() as group:
            for person in {seat.person.id: seat.person for seat in self._talk.taking_part}.values():
                group.create_task(fetch(person))
        rooms = [room.id for room in self._installation.rooms]
        for t, database in self._installation.replaced:
            for log in await self._installation.steward.do("log", database=database, rooms=rooms):
                self._recorder.add(history.Logged(t, final=False, **log))
        for log in await self._installation.steward.do("log", rooms=rooms):
            self._recorder.add(history.Logged(time.monotonic(), final=True, **log))
        self._phase("end")

    def _phase(self, name: str) -> None:
        self._say(name)
        self._recorder.add(history.Phase(time.monotonic(), name))


def _url(path: NetworkPath) -> str:
    return f"http://{LOOPBACK}:{path.port}"


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let it run meanwhile; what goes wrong in it ends everything."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()
