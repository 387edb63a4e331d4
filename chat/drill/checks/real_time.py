"""What was acknowledged before another send was first tried stands before it in the room."""

from chat.drill.checks.eras import Rank, room_logs
from chat.drill.checks.operations import sends_by_room
from chat.drill.checks.outcome import Outcome
from chat.drill.history import History

NAME = "real-time"
SENTENCE = "A send that was acknowledged before another one in the room was tried has the lower seq."


def check(history: History) -> Outcome:
    checked, failures = 0, []
    sent = sends_by_room(history)
    for room, log in room_logs(history).items():
        acknowledged: list[tuple[float, Rank, str]] = []
        tried: list[tuple[float, Rank, str]] = []
        for send in sent.get(room, []):
            rank = log.stored(send.id)
            if rank is None:
                continue
            if send.stored:
                acknowledged.append((send.stored[0].t, rank, send.id))
            if send.tried:
                tried.append((send.tried[0], rank, send.id))
        acknowledged.sort()
        behind = 0
        last: tuple[Rank, str] | None = None
        for t, rank, message in sorted(tried):
            while behind < len(acknowledged) and acknowledged[behind][0] < t:
                _, place, earlier = acknowledged[behind]
                last = (place, earlier) if last is None else max(last, (place, earlier))
                behind += 1
            if last is not None:
                checked += 1
                if last[0] > rank:
                    failures.append(
                        f"in room {room}, {last[1]} was acknowledged before {message} was tried, "
                        f"and is #{last[0][1]} after #{rank[1]}"
                    )
    return Outcome(NAME, SENTENCE, checked, failures)
