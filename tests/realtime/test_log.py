"""The log: gapless, in the order of the commits, whoever writes at once; on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections, transaction
from django.utils import timezone

from chat.drill.parts.databases import environment
from realtime import doorbell, log
from realtime.cursor import Cursor
from realtime.log import HistoryChanged, TransactionRequired
from realtime.models import Event, Stream
from tests.realtime import writers

pytestmark = pytest.mark.usefixtures("database")

WRITERS = 8
APPENDS = 15
POLL_INTERVAL_S = 0.002
DEADLINE_S = 60
READING_ON_S = 10


def append(stream: Stream, count: int = 1) -> list[Event]:
    """Append one event after another, each in a transaction of its own."""
    made = []
    for number in range(count):
        with log.writing(stream.pk) as locked:
            made.append(log.append(locked, "TEST", actor_id=7, object_id=number))
    return made


def assert_whole(stream: Stream, count: int) -> None:
    """The stream holds the events 1..count, and its row the nonce of the last."""
    stream.refresh_from_db()
    events = list(Event.objects.filter(stream=stream).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, count + 1))
    assert len({event.nonce for event in events}) == count
    assert stream.cursor == events[-1].cursor
    times = [event.created_at for event in events]
    assert times == sorted(times)
    assert stream.last_at == times[-1]


class Follower(threading.Thread):
    """Reads a stream again and again while others write to it, and keeps the seqs in the order in which they came."""

    def __init__(self, start: Cursor, until: int) -> None:
        super().__init__()
        self.seqs: list[int] = []
        self.failure: Exception | None = None
        self._cursor = start
        self._until = until
        self._given_up = threading.Event()

    def run(self) -> None:
        try:
            while self._cursor.seq < self._until and not self._given_up.wait(POLL_INTERVAL_S):
                for event in log.read_after(self._cursor, limit=10):
                    self.seqs.append(event.seq)
                    self._cursor = event.cursor
        except Exception as error:
            self.failure = error
        finally:
            connections.close_all()

    def finish(self) -> None:
        self.join(READING_ON_S)
        self._given_up.set()
        self.join()
        if self.failure is not None:
            raise self.failure
        assert self.seqs == list(range(1, self._until + 1)), "every event once, in order"


@contextmanager
def followed(*streams: Stream, until: int) -> Iterator[None]:
    followers = [Follower(stream.cursor, until) for stream in streams]
    for follower in followers:
        follower.start()
    try:
        yield
    finally:
        for follower in followers:
            follower.finish()


def in_threads(stream_ids: list[int]) -> None:
    failures: list[BaseException] = []

    def work(writer: int) -> None:
        try:
            writers.write(stream_ids, APPENDS, writer)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_eight_threads_write_one_stream_without_a_gap() -> None:
    stream = log.open_stream("test:1")
    with followed(stream, until=WRITERS * APPENDS):
        in_threads([stream.pk])
    assert_whole(stream, WRITERS * APPENDS)


def test_eight_threads_write_several_streams_without_a_gap() -> None:
    streams = [log.open_stream(f"test:{number}") for number in range(3)]
    each = WRITERS * APPENDS // len(streams)
    with followed(*streams, until=each):
        in_threads([stream.pk for stream in streams])
    for stream in streams:
        assert_whole(stream, each)


def test_eight_processes_write_one_stream_and_several_without_a_gap(database: str, tmp_path: Path) -> None:
    alone, *several = [log.open_stream(f"test:{number}") for number in range(4)]
    for streams in ([alone], several):
        count = WRITERS * APPENDS // len(streams)
        with followed(*streams, until=count):
            env = environment(var=tmp_path, database_url=database)
            running = writers.run(env, processes=WRITERS, appends=APPENDS, stream_ids=[each.pk for each in streams])
            _, said = running.communicate(timeout=DEADLINE_S)
            assert (running.returncode, said) == (0, "")
        for stream in streams:
            assert_whole(stream, count)


def test_a_transaction_that_is_rolled_back_leaves_no_gap_and_rings_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[tuple[int, int]] = []
    monkeypatch.setattr(doorbell, "ring", lambda stream_id, seq: rung.append((stream_id, seq)))
    stream = log.open_stream("test:1")
    append(stream)
    with log.writing(stream.pk) as locked:
        log.append(locked, "TEST", actor_id=None)
        log.append(locked, "TEST", actor_id=None)
        transaction.set_rollback(True)
    append(stream)
    assert_whole(stream, 2)
    assert rung == [(stream.pk, 1), (stream.pk, 2)]


def test_several_events_of_one_transaction_follow_each_other() -> None:
    stream, other = log.open_stream("test:1"), log.open_stream("test:2")
    with log.writing(stream.pk) as first, log.writing(other.pk) as second:
        made = [log.append(first, "TEST", actor_id=None, object_id=number) for number in range(3)]
        log.append(second, "TEST", actor_id=None)
    assert [event.seq for event in made] == [1, 2, 3]
    assert_whole(stream, 3)
    assert_whole(other, 1)


def test_the_doorbell_rings_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = log.open_stream("test:1")
    seen: list[int] = []

    def ring(stream_id: int, _seq: int) -> None:
        def look() -> None:
            seen.append(log.head(stream_id).seq)
            connections.close_all()

        looking = threading.Thread(target=look)
        looking.start()
        looking.join()

    monkeypatch.setattr(doorbell, "ring", ring)
    append(stream, 2)
    assert seen == [1, 2]


def test_a_doorbell_that_fails_costs_the_writer_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def ring(*_: int) -> None:
        raise ConnectionError("no doorbell")

    monkeypatch.setattr(doorbell, "ring", ring)
    stream = log.open_stream("test:1")
    append(stream, 2)
    assert_whole(stream, 2)


def test_an_append_that_is_undone_with_a_savepoint_leaves_no_gap() -> None:
    stream = log.open_stream("test:1")
    with log.writing(stream.pk) as locked:
        log.append(locked, "TEST", actor_id=None)
        savepoint = transaction.savepoint()
        log.append(locked, "TEST", actor_id=None)
        transaction.savepoint_rollback(savepoint)
        assert log.append(locked, "TEST", actor_id=None).seq == 2
    assert_whole(stream, 2)


def test_an_append_outside_a_transaction_is_refused_and_writes_nothing() -> None:
    stream = log.open_stream("test:1")
    with pytest.raises(TransactionRequired):
        log.append(stream, "TEST", actor_id=None)
    stream.refresh_from_db()
    assert (stream.last_seq, Event.objects.count()) == (0, 0)


def test_time_never_runs_backwards_in_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = log.open_stream("test:1")
    now = timezone.now()
    clock: Callable[[timedelta], Callable[[], datetime]] = lambda jump: lambda: now + jump  # noqa: E731
    for jump in (timedelta(hours=1), timedelta(hours=-1), timedelta(), timedelta(hours=2)):
        monkeypatch.setattr(timezone, "now", clock(jump))
        append(stream)
    times = [event.created_at - now for event in Event.objects.order_by("seq")]
    assert times == [timedelta(hours=1), timedelta(hours=1), timedelta(hours=1), timedelta(hours=2)]


def test_a_stream_of_another_key_or_none_is_not_mistaken_for_it() -> None:
    log.open_stream("test:1")
    with pytest.raises(Stream.DoesNotExist), log.writing(404):
        pass
    with pytest.raises(Stream.DoesNotExist):
        log.head(404)


# --- Reading ----------------------------------------------------------------------------------------


def seqs(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


def test_reading_goes_on_after_any_event_up_to_the_limit() -> None:
    stream, other = log.open_stream("test:1"), log.open_stream("test:2")
    start = stream.cursor
    events = append(stream, 5)
    append(other, 2)
    assert seqs(log.read_after(start, limit=10)) == [1, 2, 3, 4, 5]
    assert seqs(log.read_after(start, limit=2)) == [1, 2]
    assert seqs(log.read_after(events[1].cursor, limit=2)) == [3, 4]
    assert seqs(log.read_after(events[4].cursor, limit=10)) == []
    assert log.read_after(events[0].cursor, limit=10)[0].stream == stream, "comes with its stream"


def test_an_empty_stream_has_nothing_to_read() -> None:
    stream = log.open_stream("test:1")
    assert log.read_after(stream.cursor, limit=10) == []
    assert log.read_between(stream.pk, 1, 0) == []
    assert log.holds(stream.cursor)


def test_a_cursor_that_the_log_does_not_hold_is_noticed() -> None:
    stream = log.open_stream("test:1")
    events = append(stream, 3)
    pruned = events[0].cursor
    Event.objects.filter(seq=1).delete()
    foreign = Cursor(stream.pk, 2, events[1].nonce + 1)
    ahead = Cursor(stream.pk, 4, 99)
    for cursor in (pruned, foreign, ahead, Cursor(404, 1, 1), Cursor(stream.pk, 0, stream.nonce)):
        with pytest.raises(HistoryChanged):
            log.read_after(cursor, limit=10)
    assert not any(log.holds(cursor) for cursor in (pruned, foreign, ahead))
    assert all(log.holds(event.cursor) for event in events[1:])
    assert seqs(log.read_after(events[1].cursor, limit=10)) == [3]


def test_whether_the_log_begins_after_a_cursor_tells_pruned_from_replaced() -> None:
    stream = log.open_stream("test:1")
    events = append(stream, 4)
    Event.objects.filter(seq__lte=2).delete()
    assert [log.begins_after(event.cursor) for event in events] == [True, True, False, False]
    assert not log.begins_after(Cursor(stream.pk, 9, 1))
    Event.objects.all().delete()
    assert log.begins_after(events[3].cursor)


def test_what_lies_between_two_seqs_is_read_whole_or_not_at_all() -> None:
    stream = log.open_stream("test:1")
    append(stream, 5)
    assert seqs(log.read_between(stream.pk, 2, 4)) == [2, 3, 4]
    Event.objects.filter(seq=3).delete()
    assert seqs(log.read_between(stream.pk, 4, 5)) == [4, 5]
    for first, last in ((2, 4), (3, 3), (4, 6), (6, 7)):
        with pytest.raises(HistoryChanged):
            log.read_between(stream.pk, first, last)


def test_the_heads_of_many_streams_come_in_one_query() -> None:
    streams = Stream.objects.bulk_create(Stream(key=f"test:{number}") for number in range(300))
    append(streams[7], 2)
    streams[7].refresh_from_db()
    found = log.heads([*(stream.pk for stream in streams), 404_404, streams[7].pk])
    assert found == {stream.pk: stream.cursor for stream in streams}
    assert log.heads([]) == {}


def test_a_restored_backup_is_noticed_by_the_nonce_alone() -> None:
    stream = log.open_stream("test:1")
    before = append(stream, 3)
    with transaction.atomic():  # the backup was of the first event
        Event.objects.filter(seq__gt=1).delete()
        Stream.objects.filter(pk=stream.pk).update(last_seq=1, nonce=before[0].nonce)
    after = append(stream, 2)
    assert [event.seq for event in after] == [2, 3]
    assert after[1].cursor != before[2].cursor
    with pytest.raises(HistoryChanged):
        log.read_after(before[2].cursor, limit=10)
    assert seqs(log.read_after(before[0].cursor, limit=10)) == [2, 3]
