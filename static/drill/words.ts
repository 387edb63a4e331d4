import type { Todoku } from "../src/client.ts";
import { CachedDetailsDocument, CachedRoomDocument } from "../src/generated/operations.ts";
import type { StoredMessage } from "../src/messages.ts";

/** A room as chat/drill/history.py says it (RoomState). */
export interface RoomInWords {
  readonly name: string;
  readonly topic: string;
  readonly visibility: string;
  readonly lastSeq: number;
  readonly messageCount: number;
  readonly memberCount: number;
  readonly complete: boolean;
  readonly messages: Readonly<Record<string, MessageInWords>>;
  readonly members: Readonly<Record<string, string>>;
  readonly membership: { role: string; lastReadSeq: number; unread: number; mentions: number } | null;
}

interface MessageInWords {
  readonly seq: number;
  readonly version: number;
  readonly author: string | null;
  readonly body: string;
  readonly deleted: boolean;
  readonly reactions: Readonly<Record<string, readonly string[]>>;
}

/** What the page's normalised cache says of its room; nothing where the page has none, or may no longer read it. */
export function roomsInWords({ cache, room }: Todoku): Record<string, RoomInWords> {
  if (room === null || room.feed.state.kind === "ended") return {};
  const variables = { roomId: room.id };
  const details = cache.readQuery({ query: CachedDetailsDocument, variables })?.room;
  const messages = cache.readQuery({ query: CachedRoomDocument, variables })?.room?.messages.nodes;
  if (!details || !messages) throw new Error(`The cache lacks something of room ${room.id}`);
  const { name, topic, visibility, lastSeq, messageCount, memberCount, members, viewerMembership } = details;
  const { hasOlder, hasNewer } = room.messages.view;
  return {
    [room.id]: {
      name,
      topic,
      visibility,
      lastSeq,
      messageCount,
      memberCount,
      complete: !hasOlder && !hasNewer,
      messages: Object.fromEntries(messages.map((message) => [message.id, messageInWords(message)])),
      members: Object.fromEntries(members.edges.map(({ node, role }) => [node.id, role])),
      membership: viewerMembership && {
        role: viewerMembership.role,
        lastReadSeq: viewerMembership.lastReadSeq,
        unread: Math.max(0, messageCount - viewerMembership.readMessageCount),
        mentions: viewerMembership.mentionCount,
      },
    },
  };
}

function messageInWords({ seq, version, author, body, deletedAt, reactions }: StoredMessage): MessageInWords {
  return {
    seq,
    version,
    author: author?.id ?? null,
    body,
    deleted: deletedAt !== null,
    reactions: Object.fromEntries(
      reactions.filter(({ users }) => users.length > 0).map(({ emoji, users }) => [emoji, users.map(({ id }) => id).sort()]),
    ),
  };
}
