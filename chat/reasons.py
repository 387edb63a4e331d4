"""Why something was refused: the stable words of `extensions.reason`. Pages translate each of them."""

from enum import StrEnum


class Reason(StrEnum):
    # What was named is not there, or the person may not know that it is.
    ROOM_UNKNOWN = "ROOM_UNKNOWN"
    MESSAGE_UNKNOWN = "MESSAGE_UNKNOWN"
    PERSON_UNKNOWN = "PERSON_UNKNOWN"
    # It may not be done, or not by this person, or not now.
    BANNED = "BANNED"
    NOT_A_MEMBER = "NOT_A_MEMBER"
    NOT_ALLOWED = "NOT_ALLOWED"
    ROOM_ARCHIVED = "ROOM_ARCHIVED"
    MUTED = "MUTED"
    LAST_OWNER = "LAST_OWNER"
    DIRECT_ROOM = "DIRECT_ROOM"
    # What was written can't be taken as it is.
    EMPTY_MESSAGE = "EMPTY_MESSAGE"
    BODY_TOO_LONG = "BODY_TOO_LONG"
    BODY_INVALID = "BODY_INVALID"
    ID_INVALID = "ID_INVALID"
    REPLY_ELSEWHERE = "REPLY_ELSEWHERE"
    MESSAGE_DELETED = "MESSAGE_DELETED"
    EMOJI_INVALID = "EMOJI_INVALID"
    TOO_MANY_EMOJI = "TOO_MANY_EMOJI"
    NAME_INVALID = "NAME_INVALID"
    TOPIC_INVALID = "TOPIC_INVALID"
    SLUG_INVALID = "SLUG_INVALID"
    SLUG_TAKEN = "SLUG_TAKEN"
    VISIBILITY_INVALID = "VISIBILITY_INVALID"
    ROLE_INVALID = "ROLE_INVALID"
    TOO_MANY_PEOPLE = "TOO_MANY_PEOPLE"
    TIME_INVALID = "TIME_INVALID"
    REASON_INVALID = "REASON_INVALID"
    # The id belongs to something else.
    ID_TAKEN = "ID_TAKEN"
