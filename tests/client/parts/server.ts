import type { Network } from "../../../static/drill/browser.ts";
import type {
  CachedMessagePartsFragment,
  HistoryQuery,
  InboxFeedSubscription,
  MessagePartsFragment,
  RoomFeedSubscription,
  RoomPageQuery,
  RoomSignalsSubscription,
  StreamResetReason,
  UserPartsFragment,
} from "../../../static/src/generated/operations.ts";
import { SocketServer, type ServerSocket } from "./sockets.ts";

type Item = RoomFeedSubscription["roomEvents"];
type Event = NonNullable<Item["event"]>;
type RoomData = NonNullable<RoomPageQuery["room"]>;
type Page = NonNullable<HistoryQuery["room"]>;

/** A message as the server has it. */
export interface Message {
  readonly id: string;
  readonly author: UserPartsFragment;
  readonly seq: number;
  version: number;
  body: string;
  editedAt: string | null;
  deletedAt: string | null;
  readonly replyToId: string | null;
  readonly reactions: Map<string, Set<string>>;
}

type Happening =
  | { readonly kind: "MessageSent" | "MessageEdited" | "MessageDeleted"; readonly id: string; readonly by: string }
  | { readonly kind: "ReactionsChanged"; readonly id: string; readonly by: string; readonly emoji: string; readonly added: boolean }
  | { readonly kind: "MemberJoined"; readonly by: string }
  | { readonly kind: "MemberLeft"; readonly by: string }
  /** Can't be shown any more: comes as a cursor alone. */
  | { readonly kind: "Unshowable" };

/** How a request goes wrong, before or after it was done. */
export type Fault =
  | { readonly kind: "unreachable" }
  | { readonly kind: "answer-lost" }
  | { readonly kind: "status"; readonly status: number; readonly body?: string }
  | { readonly kind: "refusal"; readonly extensions: Readonly<Record<string, unknown>> };

export interface Given {
  readonly operation: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

const USERS = 20;
const MOMENT = "2026-01-01T00:00:00.000000Z";

export function person(id: string, version = 1): UserPartsFragment {
  return { __typename: "User", id, version, username: `user${id}`, displayName: `User ${id}`, avatarUrl: null };
}

/**
 * A room behind the real protocols, in this process: a log, messages that its events change, and faults on demand.
 * What the contract promises of the server, it keeps; how the network treats that is up to the test.
 */
export class ModelServer {
  readonly roomId = "7";
  readonly sockets = new SocketServer((socket, id, operation, variables) => this.#subscribe(socket, id, operation, variables));
  readonly people = new Map<string, UserPartsFragment>();
  /** Whose session the browser has. */
  signedIn: string | null = "1";
  messages = new Map<string, Message>();
  log: Happening[] = [];
  /** Asked before each request is done; null: all is well. */
  fault: (given: Given) => Fault | null = () => null;
  /** What is held back from the next answer on, until it is called. */
  holdAnswer: ((given: Given) => Promise<void>) | null = null;
  requests: Given[] = [];
  /** What a subscription to the room gets instead of events. */
  refuseFeed: Readonly<Record<string, unknown>> | null = null;
  subscriptions = 0;
  /** Whether requests find the room; subscriptions that are under way have ends of their own. */
  readable = true;
  /** Those whom a page lists; `furtherMembers` are past its end. */
  members = new Set<string>();
  furtherMembers = 0;
  /** How many messages the viewer has read. */
  readUpTo = 0;
  /** The cursors with which the inbox was asked for. */
  inboxCursors: unknown[] = [];
  /** Whether what is sent waits for a moderator. */
  holds = false;
  /** Changes at a restored backup: cursors of what it lacks are no good. */
  #history = 0;
  /** The history in which each event happened. */
  #histories: number[] = [];
  #done = new Set<string>();
  #feeds = new Set<{ readonly socket: ServerSocket; readonly id: string }>();
  #others = new Map<string, { readonly socket: ServerSocket; readonly id: string }>();

  get network(): Network {
    return { fetch: (url, init) => this.#fetch(url, init), WebSocket: this.sockets.WebSocket };
  }

  get seq(): number {
    return this.log.length;
  }

  cursor(seq = this.seq): string {
    return `${this.#histories[seq - 1] ?? 0}:${seq}`;
  }

  user(id: string): UserPartsFragment {
    return this.people.get(id) ?? person(id);
  }

  // ---------------------------------------------------------------- what people do

  send(by: string, id: string, body: string, replyToId: string | null = null): Message {
    const known = this.messages.get(id);
    if (known !== undefined) return known;
    const seq = this.#append({ kind: "MessageSent", id, by });
    const message: Message = {
      id, seq, version: seq, body, replyToId, author: this.user(by), editedAt: null, deletedAt: null, reactions: new Map(),
    };
    this.messages.set(id, message);
    this.#publish();
    return message;
  }

  edit(by: string, id: string, body: string, opId?: string): Message {
    return this.#change(id, opId, (message) => {
      message.body = body;
      message.editedAt = MOMENT;
      return { kind: "MessageEdited", id, by };
    });
  }

  delete(by: string, id: string, opId?: string): Message {
    return this.#change(id, opId, (message) => {
      message.body = "";
      message.deletedAt = MOMENT;
      return { kind: "MessageDeleted", id, by };
    });
  }

  react(by: string, id: string, emoji: string, added: boolean, opId?: string): Message {
    return this.#change(id, opId, (message) => {
      const users = message.reactions.get(emoji) ?? new Set();
      if (users.has(by) === added) return null;
      if (added) users.add(by);
      else users.delete(by);
      if (users.size > 0) message.reactions.set(emoji, users);
      else message.reactions.delete(emoji);
      return { kind: "ReactionsChanged", id, by, emoji, added };
    });
  }

  join(by: string): void {
    this.members.add(by);
    this.#append({ kind: "MemberJoined", by });
    this.#publish();
  }

  leave(by: string): void {
    this.members.delete(by);
    this.#append({ kind: "MemberLeft", by });
    this.#publish();
  }

  unshowable(): void {
    this.#append({ kind: "Unshowable" });
    this.#publish();
  }

  /** A backup is restored: the history is what it was at `seq`, and goes on differently. */
  restore(seq: number): void {
    const happened = this.log.slice(0, seq);
    this.#history++;
    this.log = [];
    this.#histories = [];
    this.messages = new Map();
    this.members = new Set();
    this.#done = new Set();
    for (const { kind, ...rest } of happened) {
      const { id, by, emoji, added } = { id: "", by: "1", emoji: "", added: false, ...rest };
      if (kind === "MessageSent") this.send(by, id, `restored ${id}`);
      else if (kind === "MessageEdited") this.edit(by, id, "restored edit");
      else if (kind === "MessageDeleted") this.delete(by, id);
      else if (kind === "ReactionsChanged") this.react(by, id, emoji, added);
      else this.unshowable();
    }
  }

  /** Take a backup; what is returned puts it back. Cursors from before it are good in both. */
  backUp(): () => void {
    const { log, messages, ...rest } = structuredClone({ log: this.log, messages: this.messages, histories: this.#histories, done: this.#done });
    return () => {
      this.#history++;
      [this.log, this.messages, this.#histories, this.#done] = [log, messages, rest.histories, rest.done];
    };
  }

  /** Every subscriber is told that it can't go on from where it was. */
  reset(reason: StreamResetReason): void {
    for (const { socket, id } of this.#feeds) socket.next(id, this.#marker("StreamReset", reason));
  }

  /** An item of the viewer's own stream. */
  tell(item: InboxFeedSubscription["inbox"]["item"], cursor: string | null = "inbox:1"): void {
    const { socket, id } = this.#others.get("InboxFeed") ?? {};
    if (socket !== undefined && id !== undefined) socket.next(id, { inbox: { __typename: "Inbox", cursor, item } });
  }

  signal(signal: RoomSignalsSubscription["roomSignals"]["signal"]): void {
    const { socket, id } = this.#others.get("RoomSignals") ?? {};
    if (socket !== undefined && id !== undefined) socket.next(id, { roomSignals: { __typename: "RoomSignals", signal } });
  }

  endFeeds(): void {
    for (const { socket, id } of this.#feeds) socket.complete(id);
    this.#feeds.clear();
  }

  // ---------------------------------------------------------------- what a viewer sees

  roomPage(viewerId: string, last = 50): RoomPageQuery {
    const { messages, ...head } = this.page(viewerId, { last });
    const members = this.#firstMembers();
    return {
      viewer: this.user(viewerId),
      inboxCursor: "inbox:0",
      room: { ...head, members, messages },
      rooms: {
        __typename: "RoomConnection",
        nodes: [{ ...head, participants: [] }],
        pageInfo: { __typename: "PageInfo", hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
      },
    };
  }

  page(
    viewerId: string,
    part: { first?: number; last?: number; afterSeq?: number; beforeSeq?: number; withMembers?: boolean },
  ): Page {
    const all = [...this.messages.values()];
    const within = all.filter(({ seq }) => seq > (part.afterSeq ?? 0) && seq < (part.beforeSeq ?? Infinity));
    const nodes = part.first === undefined ? within.slice(-(part.last ?? 50)) : within.slice(0, part.first);
    const [oldest, newest] = [nodes[0]?.seq ?? 0, nodes.at(-1)?.seq ?? 0];
    return {
      __typename: "Room",
      id: this.roomId,
      slug: "general",
      name: "General",
      topic: "",
      visibility: "PUBLIC",
      archivedAt: null,
      lastSeq: this.seq,
      version: 0,
      messageCount: all.length,
      memberCount: this.members.size + this.furtherMembers,
      cursor: this.cursor(),
      viewerMembership: {
        __typename: "Membership", version: 1, role: "MEMBER", lastReadSeq: 0, readMessageCount: this.readUpTo, unreadCount: 0,
        mentionCount: 0, mutedUntil: null, notify: "ALL",
      },
      ...(part.withMembers === true && { members: this.#firstMembers() }),
      messages: {
        __typename: "MessageConnection",
        nodes: nodes.map((message) => this.own(message, viewerId)),
        pageInfo: {
          __typename: "PageInfo",
          hasPreviousPage: nodes.length > 0 && all.some(({ seq }) => seq < oldest),
          hasNextPage: nodes.length > 0 && all.some(({ seq }) => seq > newest),
          startCursor: null,
          endCursor: null,
        },
      },
    };
  }

  own(message: Message, viewerId: string): CachedMessagePartsFragment {
    const shared = this.shared(message);
    const reactions = shared.reactions.map((reaction) => ({
      ...reaction,
      viewerReacted: message.reactions.get(reaction.emoji)?.has(viewerId) === true,
    }));
    return { ...shared, reactions };
  }

  shared(message: Message): MessagePartsFragment {
    const answered = message.replyToId === null ? undefined : this.messages.get(message.replyToId);
    return {
      ...this.#words(message),
      replyTo: answered === undefined ? null : this.#words(answered),
      reactions: [...message.reactions].map(([emoji, users]) => ({
        __typename: "Reaction",
        emoji,
        count: users.size,
        users: [...users].slice(0, USERS).map((id) => this.user(id)),
      })),
    };
  }

  item(seq: number): Item {
    const happening = this.log[seq - 1];
    if (happening === undefined) throw new RangeError(`no event ${seq}`);
    return { __typename: "RoomEvents", cursor: this.cursor(seq), event: this.#event(happening, seq) };
  }

  // ---------------------------------------------------------------- how it works

  #firstMembers(): RoomData["members"] {
    const hasNextPage = this.furtherMembers > 0;
    return {
      __typename: "MemberConnection",
      edges: [...this.members].map((id) => ({ __typename: "MemberEdge", role: "MEMBER", node: this.user(id) })),
      pageInfo: { __typename: "PageInfo", hasNextPage, hasPreviousPage: false, startCursor: null, endCursor: null },
    };
  }

  #words(message: Message): NonNullable<MessagePartsFragment["replyTo"]> {
    const { id, seq, version, author, body, editedAt, deletedAt } = message;
    return {
      __typename: "Message", id, roomId: this.roomId, seq, version, author, body, bodyHtml: `<p>${body}</p>`,
      createdAt: MOMENT, editedAt, deletedAt, threadRootId: null,
    };
  }

  #event(happening: Happening, seq: number): Event | null {
    if (happening.kind === "Unshowable") return null;
    if (happening.kind === "MemberJoined" || happening.kind === "MemberLeft") {
      const member = this.user(happening.by);
      return { __typename: happening.kind as "MemberJoined", roomId: this.roomId, seq, at: MOMENT, actor: member, member };
    }
    const { kind, id, by } = happening;
    const message = this.messages.get(id);
    if (message === undefined) throw new RangeError(`no message ${id}`);
    const shared = { roomId: this.roomId, seq, at: MOMENT, actor: this.user(by), message: this.shared(message) };
    return happening.kind === "ReactionsChanged"
      ? { __typename: happening.kind, ...shared, emoji: happening.emoji, added: happening.added }
      : { __typename: kind as "MessageSent", ...shared };
  }

  #append(happening: Happening): number {
    this.log.push(happening);
    this.#histories.push(this.#history);
    return this.seq;
  }

  #change(id: string, opId: string | undefined, change: (message: Message) => Happening | null): Message {
    const message = this.messages.get(id);
    if (message === undefined) throw new Refused({ code: "NOT_FOUND" });
    if (opId !== undefined && this.#done.has(opId)) return message;
    if (message.deletedAt !== null) throw new Refused({ code: "BAD_USER_INPUT", reason: "MESSAGE_DELETED" });
    const happening = change(message);
    if (opId !== undefined) this.#done.add(opId);
    if (happening === null) return message;
    message.version = this.#append(happening);
    this.#publish();
    return message;
  }

  #publish(): void {
    for (const { socket, id } of this.#feeds) socket.next(id, { roomEvents: this.item(this.seq) });
  }

  #marker(kind: "StreamReady"): unknown;
  #marker(kind: "StreamReset", reason: StreamResetReason): unknown;
  #marker(kind: string, reason?: StreamResetReason): unknown {
    const event = { __typename: kind, roomId: this.roomId, seq: this.seq, at: MOMENT, actor: null, ...(reason && { reason }) };
    return { roomEvents: { __typename: "RoomEvents", cursor: this.cursor(), event } };
  }

  #subscribe(socket: ServerSocket, id: string, operation: string, { after }: Readonly<Record<string, unknown>>): void {
    this.#others.set(operation, { socket, id });
    if (operation === "InboxFeed") {
      this.inboxCursors.push(after);
      socket.next(id, { inbox: { cursor: "inbox:0", item: { __typename: "InboxReady" } } });
      return;
    }
    if (operation !== "RoomFeed") return;
    this.subscriptions++;
    if (this.refuseFeed !== null) return socket.error(id, this.refuseFeed);
    if (!this.readable) return socket.error(id, { code: "NOT_FOUND" });
    const feed = { socket, id };
    socket.onEnd(id, () => void this.#feeds.delete(feed));
    this.#feeds.add(feed);
    const [history, seq] = String(after ?? this.cursor()).split(":").map(Number);
    if (seq === undefined || seq > this.seq || history !== (this.#histories[seq - 1] ?? 0)) {
      socket.next(id, this.#marker("StreamReset", "HISTORY_CHANGED"));
    } else {
      for (let next = seq + 1; next <= this.seq; next++) socket.next(id, { roomEvents: this.item(next) });
    }
    socket.next(id, this.#marker("StreamReady"));
  }

  async #fetch(_url: string, init: RequestInit): Promise<Response> {
    const { query, variables } = JSON.parse(String(init.body)) as { query: string; variables: Given["variables"] };
    const operation = /^(?:query|mutation) (\w+)/.exec(query)?.[1] ?? "";
    const given: Given = { operation, variables, headers: new Headers(init.headers) };
    const fault = this.fault(given);
    if (fault?.kind === "unreachable") throw new TypeError("fetch failed");
    this.requests.push(given);
    if (fault?.kind === "status") return new Response(fault.body ?? "<html>", { status: fault.status, headers: { "content-type": "text/html" } });
    if (fault?.kind === "refusal") return answer({ errors: [{ message: "refused", extensions: fault.extensions }] });
    if (given.headers.get("todoku-viewer") !== this.signedIn) {
      return answer({ errors: [{ message: "another viewer", extensions: { code: "UNAUTHENTICATED", reason: "OTHER_VIEWER" } }] }, 401);
    }
    let response: Response;
    try {
      response = answer({ data: this.#execute(given, this.signedIn ?? "") });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      response = answer({ errors: [{ message: "refused", extensions: error.extensions }] });
    }
    await this.holdAnswer?.(given);
    if (fault?.kind === "answer-lost") throw new TypeError("connection reset");
    return response;
  }

  #execute({ operation, variables }: Given, viewer: string): unknown {
    const input = (variables["input"] ?? {}) as Readonly<Record<string, string>>;
    const { messageId = "", body = "", emoji = "", opId } = input;
    switch (operation) {
      case "History":
        return { room: this.readable ? this.page(viewer, variables) : null };
      case "MessagePlace": {
        const message = this.messages.get(String(variables["id"]));
        return { message: message === undefined ? null : this.#words(message) };
      }
      case "SendMessage": {
        if (this.holds) return { sendMessage: { status: "HELD", message: null } };
        const message = this.send(viewer, input["id"] ?? "", body, input["replyToId"] ?? null);
        return { sendMessage: { status: "STORED", message: this.own(message, viewer) } };
      }
      case "EditMessage":
        return { editMessage: { message: this.own(this.edit(viewer, messageId, body, opId), viewer) } };
      case "DeleteMessage":
        return { deleteMessage: { message: this.own(this.delete(viewer, messageId, opId), viewer) } };
      case "AddReaction":
        return { addReaction: { message: this.own(this.react(viewer, messageId, emoji, true, opId), viewer) } };
      case "RemoveReaction":
        return { removeReaction: { message: this.own(this.react(viewer, messageId, emoji, false, opId), viewer) } };
      case "JoinedRooms":
        return this.roomPage(viewer);
      case "SetTyping":
        return { setTyping: { room: this.page(viewer, {}) } };
      case "MarkRead":
        return { markRead: { room: this.page(viewer, {}) } };
      default:
        throw new RangeError(`the model knows no ${operation}`);
    }
  }
}

class Refused extends Error {
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(extensions: Readonly<Record<string, unknown>>) {
    super("refused");
    this.extensions = extensions;
  }
}

function answer(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/graphql-response+json" } });
}
