"""A room as a client has it: entities by id, none of which an older version overwrites."""

from collections.abc import Iterable
from typing import Any

from chat.drill.clients.answer import Json
from chat.drill.history import RoomState

_OF_MESSAGES = frozenset({"MessageSent", "MessageEdited", "MessageDeleted", "ReactionsChanged"})
_OF_MEMBERS = frozenset({"MemberJoined", "MemberLeft", "MemberUpdated"})


class RoomCache:
    """Begins with the newest page; older pages and further members come while events do.

    What a page and an event say of one message is decided by its version. Members have none, so what events said of
    them since the beginning is said again after each page of members.
    """

    def __init__(self, room: Json) -> None:
        """`room`: as the query of the room brings it."""
        self.last_seq = 0
        self.older: str | None = None
        """The cursor before which there are more messages; None where all are here."""
        self.more_members: str | None = None
        """The cursor after which there are more members; None where all are here."""
        self.messages: dict[str, Json] = {}
        self._told: dict[int, str] = {}
        self._head: Json = {"version": -1}
        self._message_count = 0
        self._loaded_from: int | None = None
        self._members: dict[str, str] = {}
        self._member_events: list[Json] = []
        self._membership: Json | None = room["viewerMembership"]
        self.write_head(room)
        self.write_messages(room["messages"])
        self.write_members(room["members"])

    # ------------------------------------------------------------------ what comes

    def apply(self, event: Json) -> None:
        """Change the state by an event. One of a kind that is younger than this client changes nothing but the seq."""
        self.last_seq = max(self.last_seq, event["seq"])
        kind = event["__typename"]
        if kind in _OF_MESSAGES:
            self._write_message(event["message"])
        elif kind in _OF_MEMBERS:
            if self.more_members is not None:
                self._member_events.append(event)
            self._apply_to_members(event)
        elif kind == "RoomUpdated":
            self.write_head(event["room"])

    def write_message(self, message: Json) -> None:
        """What an answer says; it may run ahead of the events."""
        self._told[message["version"]] = message["id"]
        self._write_message(message)

    def _write_message(self, message: Json) -> None:
        known = self.messages.get(message["id"])
        if known is None or known["version"] <= message["version"]:
            self.messages[message["id"]] = message

    def agrees(self, event: Json) -> bool:
        """Whether the event is what answers have told of its seq. Else what they told was of a history that a restored
        backup has ended, even if the cursor is still good."""
        told = self._told.get(event["seq"])
        self._told = {version: key for version, key in self._told.items() if version > event["seq"]}
        return told is None or told == event.get("message", {}).get("id")

    @property
    def told_up_to(self) -> int:
        """The highest seq that an answer has told of, beyond the events; 0: none."""
        return max(self._told, default=0)

    def write_messages(self, page: Json) -> None:
        """The page before those that are here already."""
        for message in page["nodes"]:
            self.write_message(message)
        nodes, info = page["nodes"], page["pageInfo"]
        self.older = info["startCursor"] if info["hasPreviousPage"] else None
        if nodes:
            first = nodes[0]["seq"]
            self._loaded_from = first if self._loaded_from is None else min(first, self._loaded_from)

    def reread(self, page: Json, *, guarded: bool = True) -> None:
        """A page of what is here already. `guarded`: whether versions decide; else the page does."""
        for message in page["nodes"]:
            if guarded:
                self.write_message(message)
            else:
                self.messages[message["id"]] = message

    def is_newer_than(self, page: Json) -> bool:
        """Whether an event has changed one of the page's messages since the page was read."""
        return any(
            (known := self.messages.get(each["id"])) is not None and known["version"] > each["version"]
            for each in page["nodes"]
        )

    def write_members(self, page: Json) -> None:
        for edge in page["edges"]:
            self._members[edge["node"]["id"]] = edge["role"]
        for event in self._member_events:
            self._apply_to_members(event)
        self.more_members = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        if self.more_members is None:
            self._member_events.clear()

    def write_head(self, room: Json) -> None:
        """Name, topic and visibility go by the version; what counts up, by the maximum."""
        self.saw(room["lastSeq"], room["messageCount"])
        if room["version"] >= self._head["version"]:
            self._head = room

    def saw(self, last_seq: int, message_count: int) -> None:
        self.last_seq = max(self.last_seq, last_seq)
        self._message_count = max(self._message_count, message_count)

    def write_membership(self, membership: Json | None) -> None:
        """The viewer's standing now. It isn't compared: after a restored backup its version is lower."""
        self._membership = membership

    def saw_membership(self, membership: Json | None) -> None:
        """The viewer's standing as a response has it, which something newer may have overtaken."""
        known = self._membership
        if known is None or membership is None or known["version"] <= membership["version"]:
            self._membership = membership

    def move_marker(self, marker: Json) -> None:
        """The viewer has read on, or back."""
        if self._membership is not None and self._membership["version"] <= marker["version"]:
            names = ("version", "lastReadSeq", "readMessageCount", "mentionCount")
            self._membership = self._membership | {name: marker[name] for name in names}

    def _apply_to_members(self, event: Json) -> None:
        member = event["member"]["id"]
        match event["__typename"]:
            case "MemberJoined":
                self._members.setdefault(member, "MEMBER")
            case "MemberLeft":
                self._members.pop(member, None)
            case "MemberUpdated" if member in self._members:
                self._members[member] = event["role"]

    # ------------------------------------------------------------------ what it says

    def in_order(self) -> list[Json]:
        """The messages without a gap up to the newest."""
        first = 0 if self.older is None else self._loaded_from or 0
        return sorted((each for each in self.messages.values() if each["seq"] >= first), key=_seq)

    def state(self) -> RoomState:
        """The room in plain words."""
        messages = self.in_order()
        complete = self.older is None
        # Nothing but the room's activity, which is late, tells how many there are: but here they all are.
        count = max(self._message_count, len(messages)) if complete else self._message_count
        return {
            "name": self._head["name"],
            "topic": self._head["topic"],
            "visibility": self._head["visibility"],
            "lastSeq": self.last_seq,
            "messageCount": count,
            "memberCount": len(self._members),
            "complete": complete,
            "messages": {message["id"]: _in_words(message) for message in messages},
            "members": dict(sorted(self._members.items())),
            "membership": _standing(self._membership, count),
        }


def _seq(message: Json) -> int:
    return int(message["seq"])


def _in_words(message: Json) -> dict[str, Any]:
    author = message["author"]
    return {
        "seq": message["seq"],
        "version": message["version"],
        "author": None if author is None else author["id"],
        "body": message["body"],
        "deleted": message["deletedAt"] is not None,
        "reactions": {each["emoji"]: sorted(_ids(each["users"])) for each in message["reactions"] if each["users"]},
    }


def _ids(people: Iterable[Json]) -> list[str]:
    return [str(person["id"]) for person in people]


def _standing(membership: Json | None, message_count: int) -> Json | None:
    if membership is None:
        return None
    return {
        "role": membership["role"],
        "lastReadSeq": membership["lastReadSeq"],
        "unread": max(0, message_count - membership["readMessageCount"]),
        "mentions": membership["mentionCount"],
    }
