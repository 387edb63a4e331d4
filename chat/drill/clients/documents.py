"""The operations that the client asks for, as text: nothing but what the public contract names."""

# The server bounds how many rows an operation can come to: 100 messages with 50 people each are well below it.
_MESSAGE = "id roomId seq version author { id } body deletedAt reactions { emoji users(first: 50) { id } }"
_HEAD = "id name topic visibility lastSeq version messageCount"
_MEMBERSHIP = "viewerMembership { version role lastReadSeq readMessageCount mentionCount }"
_MESSAGES = f"nodes {{ {_MESSAGE} }} pageInfo {{ hasPreviousPage startCursor }}"
_MEMBERS = "edges { role node { id } } pageInfo { hasNextPage endCursor }"

ROOMS = f"""
query Rooms($after: String) {{
  inboxCursor
  rooms(first: 200, after: $after) {{ nodes {{ id {_MEMBERSHIP} }} pageInfo {{ hasNextPage endCursor }} }}
}}
"""

ROOM = f"""
query Room($room: ID!, $size: Int!) {{
  room(id: $room) {{
    cursor {_HEAD} {_MEMBERSHIP}
    messages(last: $size) {{ {_MESSAGES} }}
    members(first: $size) {{ {_MEMBERS} }}
  }}
}}
"""

OLDER_MESSAGES = f"""
query OlderMessages($room: ID!, $size: Int!, $before: String) {{
  room(id: $room) {{ messages(last: $size, before: $before) {{ {_MESSAGES} }} }}
}}
"""

MORE_MEMBERS = f"""
query MoreMembers($room: ID!, $size: Int!, $after: String) {{
  room(id: $room) {{ members(first: $size, after: $after) {{ {_MEMBERS} }} }}
}}
"""

PLACE = "query Place($room: ID!) { room(id: $room) { cursor lastSeq } }"

MEMBERSHIP = f"query Membership($room: ID!) {{ room(id: $room) {{ {_MEMBERSHIP} }} }}"

ROOM_EVENTS = f"""
subscription RoomFeed($room: ID!, $after: String) {{
  roomEvents(roomId: $room, after: $after) {{
    cursor
    event {{
      __typename seq actor {{ id }}
      ... on MessageSent {{ message {{ {_MESSAGE} }} }}
      ... on MessageEdited {{ message {{ {_MESSAGE} }} }}
      ... on MessageDeleted {{ message {{ {_MESSAGE} }} }}
      ... on ReactionsChanged {{ emoji added message {{ {_MESSAGE} }} }}
      ... on MemberJoined {{ member {{ id }} }}
      ... on MemberLeft {{ member {{ id }} }}
      ... on MemberUpdated {{ role member {{ id }} }}
      ... on RoomUpdated {{ room {{ {_HEAD} }} }}
      ... on StreamReset {{ reason }}
    }}
  }}
}}
"""

INBOX = f"""
subscription Inbox($after: String) {{
  inbox(after: $after) {{
    cursor
    item {{
      __typename
      ... on RoomActivity {{ roomId lastSeq messageCount }}
      ... on Mentioned {{ message {{ roomId }} }}
      ... on MembershipChanged {{ roomId room {{ {_HEAD} {_MEMBERSHIP} }} }}
      ... on ReadMarkerMoved {{ roomId version lastReadSeq readMessageCount mentionCount }}
      ... on SessionEnded {{ sessionReason: reason }}
      ... on InboxReset {{ resetReason: reason }}
    }}
  }}
}}
"""

_STORED = f"message {{ {_MESSAGE} }}"
_ROOM = "room { id }"

# By the verb: the type of the input, and what is asked for.
_MUTATIONS = {
    "sendMessage": ("SendMessageInput", f"status {_STORED}"),
    "editMessage": ("EditMessageInput", _STORED),
    "deleteMessage": ("MessageInput", _STORED),
    "addReaction": ("ReactionInput", _STORED),
    "removeReaction": ("ReactionInput", _STORED),
    "markRead": ("MarkReadInput", _ROOM),
    "markUnread": ("MarkReadInput", _ROOM),
    "joinRoom": ("RoomInput", _ROOM),
    "leaveRoom": ("RoomInput", _ROOM),
    "updateRoom": ("UpdateRoomInput", _ROOM),
    "addMember": ("MemberInput", _ROOM),
    "removeMember": ("MemberInput", _ROOM),
    "setRole": ("SetRoleInput", _ROOM),
}

MUTATIONS = {
    name: f"mutation Do($input: {kind}!) {{ answer: {name}(input: $input) {{ {wanted} }} }}"
    for name, (kind, wanted) in _MUTATIONS.items()
}
