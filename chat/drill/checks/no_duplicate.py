"""One message for each id that a client chose, and no event applied twice."""

from collections import Counter, defaultdict

from chat.drill.checks.eras import RoomLog, room_logs
from chat.drill.checks.lives import lives
from chat.drill.checks.operations import Operation, sends_by_room
from chat.drill.checks.outcome import Outcome
from chat.drill.history import Applied, History

NAME = "no-duplicate"
SENTENCE = "One message for each id, and no event twice, however often it was tried again."
SENT = "message.sent"


def check(history: History) -> Outcome:
    checked, failures = 0, []
    sent = sends_by_room(history)
    for room, log in room_logs(history).items():
        failures += _stored_twice(log)
        failures += [failure for send in sent.get(room, []) for failure in _answered_differently(log, send)]
        checked += len({message for era in log.eras for message in era.messages})
    for life in lives(history).values():
        for room, steps in life.steps.items():
            applied = [step for step in steps if isinstance(step, Applied)]
            times = Counter(step.cursor for step in applied)
            checked += len(times)
            if len(times) < len(applied):
                seqs = {step.cursor: step.seq for step in applied}
                failures += [
                    f"{life.name} applied #{seqs[cursor]} of room {room} {count} times"
                    for cursor, count in times.items()
                    if count > 1
                ]
    return Outcome(NAME, SENTENCE, checked, failures)


def _stored_twice(log: RoomLog) -> list[str]:
    failures = []
    for era in log.eras:
        places: dict[str, list[int]] = defaultdict(list)
        for entry in era.entries:
            if entry.kind == SENT:
                places[entry.object].append(entry.seq)
        failures += [
            f"{message} was sent {len(seqs)} times in room {log.room}: {_places(seqs)}"
            for message, seqs in places.items()
            if len(seqs) > 1
        ]
    return failures


def _answered_differently(log: RoomLog, send: Operation) -> list[str]:
    """Between two restores, each answer to one id names the same message."""
    answers: dict[int, set[int]] = defaultdict(set)
    for answer in send.stored:
        era = log.era_at(answer.t)
        if answer.seq is not None and log.era_at(send.tried_before(answer.t)) is era:
            answers[era.index].add(answer.seq)
    return [
        f"{send.id} was acknowledged as {_places(sorted(seqs))} of room {log.room}"
        for seqs in answers.values()
        if len(seqs) > 1
    ]


def _places(seqs: list[int]) -> str:
    return ", ".join(f"#{seq}" for seq in seqs)
