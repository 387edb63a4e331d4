import type { CachedMessagePartsFragment, UserPartsFragment } from "./generated/operations.ts";
import type { Failure } from "./endpoint.ts";
import type { PendingOperation } from "./outbox.ts";

export type StoredMessage = CachedMessagePartsFragment;
export type User = UserPartsFragment;

/** Where one's own message is on its way. */
export type Delivery =
  | { readonly kind: "stored" }
  /** Kept here, will be sent. */
  | { readonly kind: "waiting" }
  | { readonly kind: "sending" }
  /** Arrived, and waits for a moderator. */
  | { readonly kind: "held" }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface ShownReaction {
  readonly emoji: string;
  readonly count: number;
  readonly viewerReacted: boolean;
  readonly users: readonly User[];
}

/** A message as the viewer sees it: what is stored, with their own changes that are still on the way. */
export interface ShownMessage {
  readonly id: string;
  readonly roomId: string;
  /** null before it is stored; such messages come last, in the order in which they were written. */
  readonly seq: number | null;
  readonly author: User | null;
  readonly body: string;
  /** Sanitised by the server. null where only `body` is known yet (not sent, or edited here): show it as text. */
  readonly bodyHtml: string | null;
  readonly createdAt: string;
  readonly editedAt: string | null;
  readonly deletedAt: string | null;
  readonly replyTo: StoredMessage["replyTo"];
  readonly reactions: readonly ShownReaction[];
}

/** One line of the timeline. The same object as long as nothing about it changes, so `===` tells what to draw again. */
export interface Entry {
  readonly message: ShownMessage;
  readonly delivery: Delivery;
  /** Changes of it (edit, deletion, reaction) that wait or failed, in the order in which they were done. */
  readonly pending: readonly PendingOperation[];
}

const STORED: Delivery = { kind: "stored" };
const NOTHING: readonly PendingOperation[] = [];

interface Made {
  readonly stored: StoredMessage | null;
  readonly operations: readonly PendingOperation[];
  readonly entry: Entry;
}

/** Lays the operations that are on the way over the messages that are stored. */
export class Entries {
  readonly #viewer: User;
  readonly #findMessage: (id: string) => StoredMessage | null;
  #made: ReadonlyMap<string, Made> = new Map();

  constructor(viewer: User, findMessage: (id: string) => StoredMessage | null) {
    this.#viewer = viewer;
    this.#findMessage = findMessage;
  }

  /** `atPresent`: whether the stored messages reach to the newest, so that those on their way follow them. */
  lay(stored: readonly StoredMessage[], operations: readonly PendingOperation[], atPresent: boolean): readonly Entry[] {
    const byMessage = new Map<string, PendingOperation[]>();
    for (const pending of operations) {
      if (!("messageId" in pending.operation)) continue;
      const { messageId } = pending.operation;
      byMessage.set(messageId, [...(byMessage.get(messageId) ?? []), pending]);
    }
    const made = new Map<string, Made>();
    for (const message of stored) {
      made.set(message.id, this.#make(message.id, message, byMessage.get(message.id) ?? NOTHING));
    }
    if (atPresent) {
      for (const { id, operation } of operations) {
        if (operation.kind !== "send" || made.has(id)) continue;
        made.set(id, this.#make(id, null, byMessage.get(id) ?? NOTHING));
      }
    }
    this.#made = made;
    return [...made.values()].map(({ entry }) => entry);
  }

  #make(id: string, stored: StoredMessage | null, operations: readonly PendingOperation[]): Made {
    const before = this.#made.get(id);
    if (before !== undefined && before.stored === stored && areSame(before.operations, operations)) return before;
    return { stored, operations, entry: this.#entry(stored, operations) };
  }

  #entry(stored: StoredMessage | null, operations: readonly PendingOperation[]): Entry {
    let message: ShownMessage | null = stored;
    let delivery: Delivery = STORED;
    for (const pending of operations) {
      if (pending.operation.kind === "send") {
        if (stored !== null) continue;
        message = this.#unsent(pending, pending.operation);
        delivery = pending.state;
      } else if (message !== null && pending.state.kind !== "failed") {
        message = this.#changed(message, pending);
      }
    }
    if (message === null) throw new Error("an entry needs a stored message or one that is being sent");
    const changes = operations.filter(({ operation }) => operation.kind !== "send");
    return { message, delivery, pending: changes.length === 0 ? NOTHING : changes };
  }

  #unsent(pending: PendingOperation, send: { messageId: string; body: string; replyToId: string | null }): ShownMessage {
    return {
      id: send.messageId,
      roomId: pending.roomId,
      seq: null,
      author: this.#viewer,
      body: send.body,
      bodyHtml: null,
      createdAt: pending.createdAt,
      editedAt: null,
      deletedAt: null,
      replyTo: send.replyToId === null ? null : this.#findMessage(send.replyToId),
      reactions: [],
    };
  }

  #changed(message: ShownMessage, { operation, createdAt }: PendingOperation): ShownMessage {
    switch (operation.kind) {
      case "edit":
        return { ...message, body: operation.body, bodyHtml: null, editedAt: createdAt };
      case "delete":
        return { ...message, body: "", bodyHtml: "", deletedAt: createdAt, reactions: [] };
      case "addReaction":
        return { ...message, reactions: this.#withReaction(message.reactions, operation.emoji) };
      case "removeReaction":
        return { ...message, reactions: this.#withoutReaction(message.reactions, operation.emoji) };
      case "send":
      case "markRead":
      case "markUnread":
        return message;
      default:
        return operation satisfies never;
    }
  }

  #withReaction(reactions: readonly ShownReaction[], emoji: string): readonly ShownReaction[] {
    if (!reactions.some((reaction) => reaction.emoji === emoji)) {
      return [...reactions, { emoji, count: 1, viewerReacted: true, users: [this.#viewer] }];
    }
    return reactions.map((reaction) =>
      reaction.emoji === emoji && !reaction.viewerReacted
        ? { ...reaction, count: reaction.count + 1, viewerReacted: true, users: [...reaction.users, this.#viewer] }
        : reaction,
    );
  }

  #withoutReaction(reactions: readonly ShownReaction[], emoji: string): readonly ShownReaction[] {
    return reactions
      .map((reaction) =>
        reaction.emoji === emoji && reaction.viewerReacted
          ? {
              ...reaction,
              count: reaction.count - 1,
              viewerReacted: false,
              users: reaction.users.filter(({ id }) => id !== this.#viewer.id),
            }
          : reaction,
      )
      .filter(({ count }) => count > 0);
  }
}

function areSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}
