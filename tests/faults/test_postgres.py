"""PostgreSQL away, crowded or locked: sends are stored or told to come again, nothing is lost, and all recovers."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from uuid import uuid4

import psycopg
from django.conf import settings

from chat.drill.database import PostgresDatabase
from tests.faults.following import following, new_room, sending
from tests.faults.site import LOCK_TIMEOUT_S, Site
from tests.parts.eventually import eventually
from tests.parts.peer import SEND_MESSAGE, introduced

PROMISE_S = 1.0
QUIET_SENDS = 12


def database_of(site: Site) -> PostgresDatabase:
    assert isinstance(site.database, PostgresDatabase)
    return site.database


def clients_of(database: PostgresDatabase) -> set[int]:
    """The backends that serve somebody."""
    with psycopg.connect(database.server.url, autocommit=True) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [database.name])
        return {int(pid) for (pid,) in rows}


@contextmanager
def row_locked(database: PostgresDatabase, room: str) -> Iterator[None]:
    """A transaction that holds what every writer of the room needs, and has stopped half-way."""
    with psycopg.connect(database.url) as connection:
        locked = connection.execute(
            "SELECT id FROM realtime_stream WHERE id = (SELECT stream_id FROM chat_room WHERE id = %s) FOR UPDATE",
            [room],
        )
        assert locked.rowcount == 1
        yield
        connection.rollback()


@contextmanager
def all_taken(database: PostgresDatabase) -> Iterator[None]:
    """Hold every connection that PostgreSQL gives, also those that others had."""
    others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> ALL (%s)"
    )
    with psycopg.connect(database.server.url, autocommit=True) as first, ExitStack() as held:
        ours = [first.info.backend_pid]
        while True:
            try:
                ours.append(held.enter_context(psycopg.connect(database.url)).info.backend_pid)
            except psycopg.OperationalError:
                if first.execute(others, [ours]).rowcount == 0:
                    break
        yield


@dataclass(frozen=True, slots=True)
class Course:
    """What became of those who sent while there was trouble.

    Args:
        refusals: tries that were told to come again.
        quiet_s: how long the middle send took before the trouble.
        longest_s: how long the slowest took that wasn't answered yet when it began, or begun later.
    """

    refusals: int
    quiet_s: float
    longest_s: float


async def all_arrives(site: Site, trouble: AbstractContextManager[object], *, refuses: bool = False) -> Course:
    """Two people send through each process while there is trouble, which lasts until somebody is refused where it
    `refuses`; nothing is lost, no socket is dropped."""
    aiko, ben = site.people
    room = await new_room(site.urls[0], aiko, ben)
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        senders = [
            await stack.enter_async_context(sending(url, person, room)) for url in site.urls for person in site.people
        ]
        over = asyncio.Event()
        sent: dict[int, str] = {}
        times: list[tuple[float, float]] = []

        async def say(number: int, body: str) -> None:
            message, begun = str(uuid4()), time.monotonic()
            sent[await senders[number].send(body, message)] = message
            times.append((begun, time.monotonic()))

        async def talk(number: int) -> None:
            while not over.is_set():
                await say(number, "through it all")
            await say(number, "and afterwards")

        def refusals() -> int:
            return sum(len(sender.refusals) for sender in senders)

        talks = [asyncio.create_task(talk(number)) for number in range(len(senders))]
        await eventually(lambda: len(sent) >= QUIET_SENDS, what="the first messages")
        assert refusals() == 0
        began = time.monotonic()
        await asyncio.to_thread(trouble.__enter__)
        tries = len(sent)
        try:
            await eventually(
                lambda: refusals() > 0 if refuses else len(sent) > tries + len(senders),
                what="what becomes of sends",
            )
        finally:
            await asyncio.to_thread(trouble.__exit__, None, None, None)
        over.set()
        await asyncio.gather(*talks)
        seqs = sorted(sent)
        for follower in followers:
            await follower.until_seq(seqs[-1])
            assert follower.ids == [sent[seq] for seq in seqs]
            assert (follower.connections, follower.codes, follower.resets) == (1, [], []), (
                "no socket needs the database"
            )
        return Course(
            refusals(),
            median(ended - begun for begun, ended in times if ended < began),
            max(ended - begun for begun, ended in times if ended >= began),
        )


async def test_while_postgresql_restarts_sockets_stay_open_and_nothing_is_lost(postgres_site: Site) -> None:
    @contextmanager
    def restarted() -> Iterator[None]:
        database_of(postgres_site).terminate()
        database_of(postgres_site).server.restart()
        yield

    course = await all_arrives(postgres_site, restarted())
    assert course.refusals or course.longest_s > 2 * course.quiet_s


async def test_connections_that_are_terminated_are_made_again(postgres_site: Site) -> None:
    database = database_of(postgres_site)
    before = clients_of(database)

    @contextmanager
    def terminated() -> Iterator[None]:
        assert database.terminate()
        yield

    await all_arrives(postgres_site, terminated())
    after = clients_of(database)
    assert before
    assert after
    assert not before & after


async def test_without_a_connection_to_be_had_nothing_is_lost(postgres_site: Site) -> None:
    course = await all_arrives(postgres_site, all_taken(database_of(postgres_site)), refuses=True)
    assert course.refusals


async def test_a_row_that_is_locked_holds_up_its_own_room_alone(postgres_site: Site) -> None:
    site = postgres_site
    aiko, ben = site.people
    locked, other = [await new_room(site.urls[0], aiko, ben) for _ in range(2)]
    async with AsyncExitStack() as stack:
        waiting = [await stack.enter_async_context(sending(url, ben, locked)) for url in site.urls]
        followers = [await stack.enter_async_context(following(url, aiko, other)) for url in site.urls]
        held = [await stack.enter_async_context(following(url, aiko, locked)) for url in site.urls]
        free = await stack.enter_async_context(sending(site.urls[0], ben, other))
        talking = [
            await stack.enter_async_context(introduced(url.replace("http", "ws") + "/graphql", ben.token))
            for url in site.urls
        ]
        lock = row_locked(database_of(site), locked)
        await asyncio.to_thread(lock.__enter__)
        ends = time.monotonic() + 4 * LOCK_TIMEOUT_S
        try:
            sends = [asyncio.create_task(sender.send("patience")) for sender in waiting]
            for peer in talking:  # and over WebSockets more than there are threads for
                for number in range(2 * settings.REQUESTS_AT_ONCE):
                    given = {"id": str(uuid4()), "roomId": locked, "body": "over and over"}
                    await peer.subscribe(SEND_MESSAGE, operation=str(number), input=given)
            while time.monotonic() < ends and not all(sender.refusals for sender in waiting):
                seq = await free.send("meanwhile")
                answered = time.monotonic()
                for follower in followers:
                    await follower.until_seq(seq, within_s=PROMISE_S)
                    assert follower.arrived[seq] - answered < PROMISE_S
            assert not any(send.done() for send in sends)
            assert all(sender.refusals for sender in waiting), "each was told to come again"
        finally:
            await asyncio.to_thread(lock.__exit__, None, None, None)
        seqs = sorted(await asyncio.gather(*sends))
        assert free.refusals == []
        for follower in held:
            await follower.until_seq(seqs[-1])
            assert set(seqs) <= set(follower.seqs)
            assert follower.seqs == list(range(follower.seqs[0], follower.seqs[0] + len(follower.seqs)))
