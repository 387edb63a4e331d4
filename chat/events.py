"""What can happen: the kinds of events in a room's stream and in a person's own."""

from enum import StrEnum


class RoomEvent(StrEnum):
    MESSAGE_SENT = "message.sent"  # object: the message
    MESSAGE_EDITED = "message.edited"
    MESSAGE_DELETED = "message.deleted"
    REACTIONS_CHANGED = "reactions.changed"  # object: the message; detail: emoji, added
    MEMBER_JOINED = "member.joined"  # object: the person
    MEMBER_LEFT = "member.left"
    MEMBER_UPDATED = "member.updated"  # object: the person; detail: role
    ROOM_UPDATED = "room.updated"  # object: the room; detail: visibility, where that changed


class UserEvent(StrEnum):
    MEMBERSHIP_CHANGED = "membership.changed"  # object: the room
    READ_MARKER_MOVED = "read_marker.moved"  # object: the room
    MENTIONED = "mentioned"  # object: the message
    SESSION_ENDED = "session.ended"  # object: the credential, or EVERY_CREDENTIAL; detail: reason


EVERY_CREDENTIAL = "*"
