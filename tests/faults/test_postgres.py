"""PostgreSQL away, crowded or locked: sends are stored or told to come again, nothing is lost, and all recovers."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from uuid import uuid4

import psycopg

from chat.drill.database import PostgresDatabase
from tests.faults.following import following, new_room, sending
from tests.faults.site import LOCK_TIMEOUT_S, Site
from tests.parts.eventually import eventually

PROMISE_S = 1.0


def database_of(site: Site) -> PostgresDatabase:
    assert isinstance(site.database, PostgresDatabase)
    return site.database


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


async def all_arrives(site: Site, trouble: contextlib.AbstractContextManager[object]) -> int:
    """Two people send through each process while there is trouble; how many tries were told to come again."""
    aiko, ben = site.people
    room = await new_room(site.urls[0], aiko, ben)
    async with AsyncExitStack() as stack:
        followers = [await stack.enter_async_context(following(url, aiko, room)) for url in site.urls]
        senders = [
            await stack.enter_async_context(sending(url, person, room)) for url in site.urls for person in site.people
        ]
        over = asyncio.Event()
        sent: dict[int, str] = {}

        async def talk(number: int) -> None:
            while not over.is_set():
                message = str(uuid4())
                sent[await senders[number].send("through it all", message)] = message
            message = str(uuid4())
            sent[await senders[number].send("and afterwards", message)] = message

        talks = [asyncio.create_task(talk(number)) for number in range(len(senders))]
        await eventually(lambda: len(sent) >= len(senders), what="the first messages")
        await asyncio.to_thread(trouble.__enter__)
        tries = len(sent)
        try:
            await eventually(
                lambda: len(sent) > tries + len(senders) or any(sender.refusals for sender in senders),
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
        return sum(len(sender.refusals) for sender in senders)


async def test_while_postgresql_restarts_sockets_stay_open_and_nothing_is_lost(postgres_site: Site) -> None:
    @contextmanager
    def restarted() -> Iterator[None]:
        database_of(postgres_site).terminate()
        database_of(postgres_site).server.restart()
        yield

    await all_arrives(postgres_site, restarted())


async def test_connections_that_are_terminated_are_made_again(postgres_site: Site) -> None:
    @contextmanager
    def terminated() -> Iterator[None]:
        assert database_of(postgres_site).terminate()
        yield

    await all_arrives(postgres_site, terminated())


async def test_without_a_connection_to_be_had_nothing_is_lost(postgres_site: Site) -> None:
    @contextmanager
    def crowded() -> Iterator[None]:
        """Those that the servers had are taken from them, too."""
        database_of(postgres_site).terminate()
        with database_of(postgres_site).crowded() as count:
            assert count
            yield

    await all_arrives(postgres_site, crowded())


async def test_a_row_that_is_locked_holds_up_its_own_room_alone(postgres_site: Site) -> None:
    site = postgres_site
    aiko, ben = site.people
    locked, other = [await new_room(site.urls[0], aiko, ben) for _ in range(2)]
    async with AsyncExitStack() as stack:
        waiting = [await stack.enter_async_context(sending(url, ben, locked)) for url in site.urls]
        followers = [await stack.enter_async_context(following(url, aiko, other)) for url in site.urls]
        held = [await stack.enter_async_context(following(url, aiko, locked)) for url in site.urls]
        free = await stack.enter_async_context(sending(site.urls[0], ben, other))
        lock = row_locked(database_of(site), locked)
        await asyncio.to_thread(lock.__enter__)
        ends = time.monotonic() + 4 * LOCK_TIMEOUT_S
        try:
            sends = [asyncio.create_task(sender.send("patience")) for sender in waiting]
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
            assert follower.seqs == seqs
