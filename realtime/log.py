"""Append to a stream, and read it after a position. The database is the truth; this is the only door to it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from realtime import doorbell
from realtime.cursor import Cursor
from realtime.models import Event, Stream, new_nonce


class TransactionRequired(RuntimeError):
    """`append()` was called outside a transaction."""


class HistoryChanged(Exception):
    """The log doesn't hold the event that a cursor names: pruned, or gone with a restored backup."""


def open_stream(key: str) -> Stream:
    """Make the stream `key`; its key must be new."""
    return Stream.objects.create(key=key, last_at=timezone.now())


@contextmanager
def writing(stream_id: int) -> Iterator[Stream]:
    """Open a transaction that holds the stream's row lock from its first statement on.

    Whatever is read inside (permissions, the object that changes) is therefore as the log's order has it. Where two
    streams are written, take the room's first, then people's by rising id.

    Raises:
        Stream.DoesNotExist: no such stream.
    """
    with transaction.atomic():
        yield Stream.objects.select_for_update().get(pk=stream_id)


def append(
    stream: Stream, kind: str, *, actor_id: int | None, object_id: object = "", detail: dict[str, object] | None = None
) -> Event:
    """Append one event to `stream`, which `writing()` has locked, and return it with its seq.

    Seqs are gapless and their order is the order of commits, because the number is taken under the stream's row lock,
    inside the transaction. The doorbell rings after the commit.

    Raises:
        TransactionRequired: called outside `atomic()`.
    """
    if not connection.in_atomic_block:
        raise TransactionRequired(f"append({stream.key}, {kind}) needs the transaction that makes the change")
    while not _take_seq(stream):
        # It isn't where it was read: an append after it was undone with a savepoint.
        stream.refresh_from_db()
    event = Event.objects.create(
        stream_id=stream.pk,
        seq=stream.last_seq,
        nonce=stream.nonce,
        kind=kind,
        actor_id=actor_id,
        object_id=str(object_id),
        detail=detail or {},
        created_at=stream.last_at,
    )
    transaction.on_commit(lambda: doorbell.ring(event.stream_id, event.seq), robust=True)
    return event


def _take_seq(stream: Stream) -> bool:
    """Move the stream's row on by one, if it still is what `stream` says."""
    seq, nonce, at = stream.last_seq + 1, new_nonce(), max(timezone.now(), stream.last_at)
    unmoved = Stream.objects.filter(pk=stream.pk, last_seq=stream.last_seq)
    if not unmoved.update(last_seq=seq, nonce=nonce, last_at=at):
        return False
    stream.last_seq, stream.nonce, stream.last_at = seq, nonce, at
    return True


def head(stream_id: int) -> Cursor:
    """Where the stream ends now.

    Raises:
        Stream.DoesNotExist: no such stream.
    """
    return Stream.objects.get(pk=stream_id).cursor


def heads(stream_ids: Iterable[int]) -> dict[int, Cursor]:
    """Where each of the streams ends now, in one query; those that don't exist are missing.

    The ids travel as one JSON array: an ORM `IN` over 5,000 of them costs seven times as much on SQLite.
    """
    ids = json.dumps(list(stream_ids))
    unnest = {
        "sqlite": "SELECT value FROM json_each(%s)",
        "postgresql": "SELECT value::bigint FROM json_array_elements_text(%s::json)",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, last_seq, nonce FROM realtime_stream WHERE id IN ({unnest})", [ids])  # noqa: S608
        return {row[0]: Cursor(*row) for row in cursor.fetchall()}


def read_after(cursor: Cursor, *, limit: int) -> list[Event]:
    """The events that follow `cursor`, in order, at most `limit`.

    Raises:
        HistoryChanged: the log doesn't hold what the cursor names, so nothing can be said about what follows.
    """
    rows = list(
        Event.objects.filter(stream_id=cursor.stream_id, seq__gte=cursor.seq)
        .select_related("stream")
        .order_by("seq")[: limit + 1]
    )
    if cursor.seq > 0:
        if not rows or (rows[0].seq, rows[0].nonce) != (cursor.seq, cursor.nonce):
            raise HistoryChanged(f"no event {cursor.seq} with nonce {cursor.nonce} in stream {cursor.stream_id}")
        return rows[1:]
    if rows and rows[0].seq != 1:
        raise HistoryChanged(f"stream {cursor.stream_id} begins at {rows[0].seq} instead of 1")
    return rows[:limit]


def read_between(stream_id: int, first: int, last: int) -> list[Event]:
    """The events with seq from `first` to `last`, both included, in order.

    Raises:
        HistoryChanged: one of them is missing.
    """
    rows = Event.objects.filter(stream_id=stream_id, seq__range=(first, last))
    events = list(rows.select_related("stream").order_by("seq"))
    if [event.seq for event in events] != list(range(first, last + 1)):
        raise HistoryChanged(f"stream {stream_id} lacks some of {first}..{last}")
    return events


def holds(cursor: Cursor) -> bool:
    """Whether the log holds exactly the event that the cursor names (for seq 0: nothing has to be held)."""
    return (
        cursor.seq == 0 or Event.objects.filter(stream_id=cursor.stream_id, seq=cursor.seq, nonce=cursor.nonce).exists()
    )


def begins_after(cursor: Cursor) -> bool:
    """Whether the oldest event that the log still keeps is later than the cursor's."""
    oldest = Event.objects.filter(stream_id=cursor.stream_id).order_by("seq").values_list("seq", flat=True).first()
    return oldest is None or oldest > cursor.seq
