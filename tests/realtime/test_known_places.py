"""Who comes back to where the hub has been: the log is asked once for all of them."""

import pytest

from chat.actions.messages import send_message
from chat.actions.rooms import create_room
from chat.models import Room, User
from realtime import log
from realtime.cursor import Cursor
from realtime.hub import Hub
from realtime.recent import Recent
from realtime.threads import in_thread
from realtime.topic import KEPT_NONCES, Topic
from tests.realtime.listening import person, play, subscribe


def say(room: Room, author: User, *texts: str) -> int:
    """Send messages and return the seq of the last."""
    sent = [send_message(room.pk, author=author, body=text).message for text in texts]
    assert sent[-1] is not None
    return sent[-1].version


@pytest.mark.usefixtures("database")
def test_of_all_who_come_back_to_one_place_one_is_looked_up_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    aiko = person("aiko")
    room = create_room(author=aiko, name="Town square")
    looked_up: list[Cursor] = []
    holds = log.holds

    def looking(cursor: Cursor) -> bool:
        looked_up.append(cursor)
        return holds(cursor)

    monkeypatch.setattr(log, "holds", looking)

    async def scene(hub: Hub) -> None:
        left = await in_thread(log.head, room.stream_id)
        last = await in_thread(say, room, aiko, "missed", "this too")
        for _ in range(3):
            listener = await subscribe(hub, aiko, roomId=str(room.pk), after=str(left))
            await listener.until_ready()
            assert listener.seqs == [last - 1, last]
        assert looked_up == [left]

        seq = await in_thread(say, room, aiko, "live")
        await listener.until_seq(seq)
        again = await subscribe(hub, aiko, roomId=str(room.pk), after=listener.payloads[-1]["cursor"])
        await again.until_ready()
        assert looked_up == [left], "what the hub has read, it knows"

    play(scene)


def test_what_another_history_held_is_not_vouched_for() -> None:
    old = [Cursor(1, seq, nonce=seq) for seq in range(4)]
    new = [Cursor(1, seq, nonce=seq if seq < 2 else -seq) for seq in range(5)]
    topic = Topic(new[3], Recent())
    topic.move_on(new[4])
    topic.vouch(old[3], old[2])
    assert topic.nonces == {3: -3, 4: -4}
    topic.vouch(new[3], new[1])
    assert topic.nonces == {1: 1, 3: -3, 4: -4}
    topic.start_anew(old[3])
    assert topic.nonces == {3: 3}
    for seq in range(4, 4 + 2 * KEPT_NONCES):
        topic.move_on(Cursor(1, seq, nonce=seq))
    topic.vouch(topic.head, old[1])
    assert len(topic.nonces) == KEPT_NONCES
