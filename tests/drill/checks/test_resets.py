"""A reset counts only where the log bears out its reason."""

import pytest

from chat.drill.checks import gapless
from chat.drill.history import Applied, Record, Reset
from realtime.cursor import Cursor
from realtime.feed import MAX_REPLAY_EVENTS
from tests.drill.checks.lines import ROOM, cursor, follows, history, log, restored


def _reset(reason: str, seq: int, after: str | None, *, era: int = 0) -> Reset:
    return Reset(5.0, "c", ROOM, seq, cursor(seq, era), reason, after)


FOREIGN = str(Cursor(77, 3, 1))
OLD = str(Cursor(1, 3, 1))

BORNE_OUT = {
    "a cursor of nowhere": [follows(1, 9), _reset("CURSOR_INVALID", 9, "nonsense"), log(9, 9)],
    "a cursor of another room": [follows(1, 9), _reset("CURSOR_INVALID", 9, FOREIGN), log(9, 9)],
    "a cursor from before the log": [follows(1, 9), _reset("CURSOR_EXPIRED", 9, OLD), log(9, 9, first=5)],
    "1001 events behind": [follows(1, 9), _reset("TOO_FAR_BEHIND", 1010, cursor(9)), log(9, 1010)],
    "a restored backup": [
        follows(1, 9),
        log(2, 9, final=False),
        restored(3, 5),
        _reset("HISTORY_CHANGED", 5, cursor(9)),
        log(9, 5),
    ],
}

UNFOUNDED = {
    "its cursor was good": [follows(1, 9), _reset("CURSOR_INVALID", 9, cursor(9)), log(9, 9)],
    "the log still reaches back": [follows(1, 9), _reset("CURSOR_EXPIRED", 9, cursor(3)), log(9, 9)],
    "1000 events behind": [follows(1, 10), _reset("TOO_FAR_BEHIND", 1010, cursor(10)), log(9, 1010)],
    "no backup was restored": [follows(1, 9), _reset("HISTORY_CHANGED", 9, cursor(9)), log(9, 9)],
    "the backup lacked nothing": [
        follows(1, 9),
        log(2, 9, final=False),
        restored(3, 9),
        _reset("HISTORY_CHANGED", 9, cursor(9)),
        log(9, 9),
    ],
    "it had come long after the restore": [
        log(0.1, 9, final=False),
        restored(0.2, 5),
        follows(40, 5),
        Reset(50.0, "c", ROOM, 5, cursor(5), "HISTORY_CHANGED", cursor(5)),
        log(60, 5),
    ],
}


@pytest.mark.parametrize("name", BORNE_OUT)
def test_a_reset_stands_where_the_log_bears_it_out(name: str) -> None:
    assert gapless.check(history(*BORNE_OUT[name])).failures == []


@pytest.mark.parametrize("name", UNFOUNDED)
def test_a_reset_without_a_reason_in_the_log_is_a_gap(name: str) -> None:
    (failure,) = gapless.check(history(*UNFOUNDED[name])).failures
    assert "was reset with" in failure


def test_a_restored_log_is_not_followed_without_a_reset() -> None:
    records: list[Record] = [
        follows(1, 9),
        log(2, 9, final=False),
        restored(3, 5),
        Applied(8.0, "c", ROOM, 10, cursor(10, 1), "MessageSent"),
        log(9, 10, since=5),
    ]

    (failure,) = gapless.check(history(*records)).failures

    assert failure == "c in room r went on to #10 of a restored log without a reset"


def test_as_many_events_are_replayed_as_the_server_replays() -> None:
    assert gapless.MAX_REPLAY_EVENTS == MAX_REPLAY_EVENTS
