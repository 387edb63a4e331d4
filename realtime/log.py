"""Append to a stream, and read it after a position. The database is the truth; this is the only door to it."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import OperationalError, connection, transaction
from django.db.models import BigIntegerField, DateTimeField
from django.utils import timezone

from realtime import doorbell
from realtime.cursor import Cursor
from realtime.models import Event, Stream, new_nonce
from realtime.prepared import Parameter, Prepared, PreparedUpdate, Several, insert_all

_stream_id = Parameter("stream_id", BigIntegerField())
_found = Prepared(lambda: Stream.objects.filter(pk=_stream_id))
_locked = Prepared(lambda: Stream.objects.select_for_update().filter(pk=_stream_id))
_heads = Prepared(
    lambda: Stream.objects.filter(pk__in=Several("stream_ids", BigIntegerField())).values_list(
        "pk", "last_seq", "nonce"
    )
)
_from = Prepared(
    lambda: (
        Event.objects.select_related("stream")
        .defer("stream__last_seq", "stream__nonce", "stream__last_at")  # they go on while it stays
        .filter(
            stream_id=_stream_id,
            seq__gte=Parameter("first", BigIntegerField()),
            seq__lte=Parameter("last", BigIntegerField()),
        )
        .order_by("seq")
    )
)

_taken = PreparedUpdate(
    lambda: Stream.objects.filter(pk=_stream_id, last_seq=Parameter("unmoved", BigIntegerField())),
    last_seq=Parameter("seq", BigIntegerField()),
    nonce=Parameter("nonce", BigIntegerField()),
    last_at=Parameter("at", DateTimeField()),
)

SQLITE_TIMEOUT_S = 5.0  # Python's, where the settings say nothing


class TransactionRequired(RuntimeError):
    """`append()` was called outside a transaction."""


class HistoryChanged(Exception):
    """The log doesn't hold the event that a cursor names: pruned, or gone with a restored backup."""


def open_stream(key: str) -> Stream:
    """Make the stream `key`; its key must be new."""
    return Stream.objects.create(key=key, last_at=timezone.now())


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that is to be appended: what changed, by whom, which object, and small facts of the change."""

    kind: str
    actor_id: int | None
    object_id: object = ""
    detail: Mapping[str, object] = field(default_factory=dict)


@contextmanager
def writing(stream_id: int) -> Iterator[Stream]:
    """Open a transaction that holds the stream's row lock from its first statement on.

    Whatever is read inside (permissions, the object that changes) is therefore as the log's order has it. Where two
    streams are written, take the room's first, then people's by rising id.

    Raises:
        Stream.DoesNotExist: no such stream.
    """
    with _writers_turn(), transaction.atomic():
        stream = _locked.first(stream_id=stream_id)
        if stream is None:
            raise Stream.DoesNotExist(f"no stream {stream_id}")
        yield stream


_writers = threading.Lock()


@contextmanager
def _writers_turn() -> Iterator[None]:
    """Let the threads of this process write to SQLite one after the other: it lets in one at a time and keeps no queue,
    so whoever finds it busy sleeps, up to a tenth of a second, and then tries again."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    if not _writers.acquire(timeout=connection.settings_dict["OPTIONS"].get("timeout", SQLITE_TIMEOUT_S)):
        raise OperationalError("database is locked")
    try:
        yield
    finally:
        _writers.release()


def append(
    stream: Stream, kind: str, *, actor_id: int | None, object_id: object = "", detail: dict[str, object] | None = None
) -> Event:
    """Append one event to `stream`, which `writing()` has locked, and return it with its seq.

    Raises:
        TransactionRequired: called outside `atomic()`.
    """
    (event,) = append_all(stream, [Entry(kind, actor_id, object_id, detail or {})])
    return event


def append_all(stream: Stream, entries: Sequence[Entry]) -> list[Event]:
    """Append events to `stream`, which `writing()` has locked, and return them with their seqs, in the same order.

    Seqs are gapless and their order is the order of commits, because the numbers are taken under the stream's row lock,
    inside the transaction. The doorbell rings after the commit.

    Raises:
        TransactionRequired: called outside `atomic()`.
    """
    if not connection.in_atomic_block:
        raise TransactionRequired(f"append to {stream.key} needs the transaction that makes the change")
    if not entries:
        return []
    while not _take_seqs(stream, len(entries)):
        # It isn't where it was read: an append after it was undone with a savepoint.
        stream.refresh_from_db()
    first = stream.last_seq - len(entries) + 1
    events = [
        Event(
            stream_id=stream.pk,
            seq=seq,
            kind=entry.kind,
            actor_id=entry.actor_id,
            object_id=str(entry.object_id),
            detail=dict(entry.detail),
            created_at=stream.last_at,
        )
        for seq, entry in enumerate(entries, start=first)
    ]
    events[-1].nonce = stream.nonce
    insert_all(events)
    for event in events:
        _ring_after_commit(event.stream_id, event.seq)
    return events


def _ring_after_commit(stream_id: int, seq: int) -> None:
    transaction.on_commit(lambda: doorbell.ring(stream_id, seq), robust=True)


def _take_seqs(stream: Stream, count: int) -> bool:
    """Move the stream's row on by `count`, if it still is what `stream` says."""
    seq, nonce, at = stream.last_seq + count, new_nonce(), max(timezone.now(), stream.last_at)
    if not _taken(stream_id=stream.pk, unmoved=stream.last_seq, seq=seq, nonce=nonce, at=at):
        return False
    stream.last_seq, stream.nonce, stream.last_at = seq, nonce, at
    return True


def head(stream_id: int) -> Cursor:
    """Where the stream ends now.

    Raises:
        Stream.DoesNotExist: no such stream.
    """
    stream = _found.first(stream_id=stream_id)
    if stream is None:
        raise Stream.DoesNotExist(f"no stream {stream_id}")
    return stream.cursor


def heads(stream_ids: Iterable[int]) -> dict[int, Cursor]:
    """Where each of the streams ends now, in one query; those that don't exist are missing."""
    return {row[0]: Cursor(*row) for row in _heads(stream_ids=list(stream_ids))}


def read_after(cursor: Cursor, *, limit: int) -> list[Event]:
    """The events that follow `cursor`, in order, at most `limit`.

    Raises:
        HistoryChanged: the log doesn't hold what the cursor names, so nothing can be said about what follows.
    """
    rows = _from(stream_id=cursor.stream_id, first=cursor.seq, last=cursor.seq + limit)
    if cursor.seq > 0:
        if not rows or (rows[0].seq, rows[0].nonce) != (cursor.seq, cursor.nonce):
            raise HistoryChanged(f"no event {cursor.seq} with nonce {cursor.nonce} in stream {cursor.stream_id}")
        return rows[1:]
    if rows[0].seq != 1 if rows else _begins_later(cursor.stream_id, limit):
        raise HistoryChanged(f"stream {cursor.stream_id} does not begin with 1")
    return rows[:limit]


def _begins_later(stream_id: int, seq: int) -> bool:
    return Event.objects.filter(stream_id=stream_id, seq__gt=seq).exists()


def read_between(stream_id: int, first: int, last: int) -> list[Event]:
    """The events with seq from `first` to `last`, both included, in order.

    Raises:
        HistoryChanged: one of them is missing.
    """
    events = _from(stream_id=stream_id, first=first, last=last)
    if [event.seq for event in events] != list(range(first, last + 1)):
        raise HistoryChanged(f"stream {stream_id} lacks some of {first}..{last}")
    return events


def holds(cursor: Cursor) -> bool:
    """Whether the log holds exactly the event that the cursor names (for seq 0: nothing has to be held)."""
    if cursor.seq == 0:
        return True
    events = _from(stream_id=cursor.stream_id, first=cursor.seq, last=cursor.seq)
    return [event.nonce for event in events] == [cursor.nonce]


def begins_after(cursor: Cursor) -> bool:
    """Whether the oldest event that the log still keeps is later than the cursor's."""
    oldest = Event.objects.filter(stream_id=cursor.stream_id).order_by("seq").values_list("seq", flat=True).first()
    return oldest is None or oldest > cursor.seq
