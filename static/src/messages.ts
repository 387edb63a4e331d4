import type { Stop } from "./changes.ts";
import type { CachedMessagePartsFragment, UserPartsFragment } from "./generated/operations.ts";
import type { Failure, PendingOperation } from "./outbox.ts";

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
  /** Changes of it (edit, deletion, reaction) that wait or failed. */
  readonly pending: readonly PendingOperation[];
}

export interface MessagesView {
  /** Stored ones in rising seq order, then those on their way. */
  readonly entries: readonly Entry[];
  /** Whether the room has older messages than the first entry. */
  readonly hasOlder: boolean;
  /** Whether it has newer ones than those shown: then the view is not at the present. */
  readonly hasNewer: boolean;
  /** How many those are, as far as known. */
  readonly newerCount: number;
  readonly loading: "older" | "newer" | "present" | null;
}

/** The sliding window of one room's messages (300 by default). */
export declare class RoomMessages {
  readonly roomId: string;
  get view(): MessagesView;
  subscribe(listener: (view: MessagesView) => void): Stop;
  /**
   * Whether the reader is at the end, where the view follows what arrives and drops what is old. Elsewhere nothing
   * that is read is dropped: what arrives past the window's limit is counted in `newerCount` instead.
   */
  follow(atEnd: boolean): void;
  /** Resolve when the page is in the view; false where it could not be fetched now (try again when scrolled again). */
  loadOlder(): Promise<boolean>;
  loadNewer(): Promise<boolean>;
  /** To the newest messages, whatever lies between. */
  toPresent(): Promise<boolean>;
  /** Makes the message and its surroundings the view; false where there is none of that id to read. */
  showMessage(id: string): Promise<boolean>;
}
